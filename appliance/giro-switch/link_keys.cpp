#include "appliance/giro-switch/link_keys.hpp"

#include "switching/network.hpp"
#include "util/bytes.hpp"

namespace giro::appliance {

namespace {
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::uint32_t kStans = 999'999;
constexpr std::uint64_t kAskAt = 3, kEndAt = 4;  // quarters of a key's age or count
}  // namespace

LinkKeys::LinkKeys(const config::Config& config) {
    for (const config::Link& link : config.links) {
        Link& made = m_links[link.number];
        made.ages = link.key_ages;
        made.needs_key = link.key_ages.requests != 0 || link.key_ages.seconds != 0;
    }
}

const LinkKeys::Link* LinkKeys::find(std::uint16_t link) const {
    const auto found = m_links.find(link);
    return found == m_links.end() ? nullptr : &found->second;
}
LinkKeys::Link* LinkKeys::find(std::uint16_t link) {
    const auto found = m_links.find(link);
    return found == m_links.end() ? nullptr : &found->second;
}

bool LinkKeys::is_old(const Link& link, std::uint64_t now_ns, std::uint64_t quarters) {
    const bool counted = link.ages.requests != 0 && 4 * link.used >= quarters * link.ages.requests;
    const bool aged = link.ages.seconds != 0 && 4 * (now_ns - link.set_ns) >= quarters * link.ages.seconds * kNsPerSecond;
    return counted || aged;
}

void LinkKeys::link_state(std::uint16_t link, bool up) {
    Link* l = find(link);
    if (l == nullptr) return;
    if (!up) {
        l->has = l->has_previous = l->pending = false;
        l->failures = 0;
        l->question = {};
        if (l->asked_ns != 0) l->not_before_ns = l->asked_ns + kAfterDown_ns;
    }
    l->up = up;
}

bool LinkKeys::usable(std::uint16_t link, std::uint64_t now_ns) const {
    const Link* l = find(link);
    if (l == nullptr || !l->up) return false;
    return !l->needs_key || (l->has && !is_old(*l, now_ns, kEndAt));
}

bool LinkKeys::due(std::uint16_t link, std::uint64_t now_ns) const {
    const Link* l = find(link);
    if (l == nullptr || !l->needs_key || !l->up || now_ns < l->not_before_ns) return false;
    const bool waited = l->asked_ns == 0 || now_ns - l->asked_ns >= kAskAgain_ns;
    if (!l->has || is_old(*l, now_ns, kAskAt)) return !l->pending || waited;
    return l->failures >= kFailuresMax && waited;
}

void LinkKeys::asking(std::uint16_t link, std::uint64_t now_ns) {
    Link& l = m_links.at(link);
    l.asked_ns = now_ns;
    l.pending = true;
    l.question = {};
}

const LinkKeys::Question& LinkKeys::question(std::uint16_t link, const vault::Nonce& nonce, const vault::Kcv& kcv,
                                             const FixedText<10>& transmission) {
    m_stan = m_stan % kStans + 1;
    return m_links.at(link).question = {m_stan, transmission, nonce, to_hex(kcv)};
}

bool LinkKeys::answered(const PaymentRequest& answer, std::uint64_t now_ns) {
    Link* l = find(answer.link);
    if (l == nullptr || !l->pending || l->question.stan == 0 || answer.stan != l->question.stan) return false;
    if (answer.transmission_time != l->question.transmission || answer.network_code != switching::kKeyExchange) return false;
    if (answer.response_code.view() != "00" || as_text(answer.additional) != l->question.kcv) return false;
    l->previous = l->current;
    l->has_previous = l->has && !is_old(*l, now_ns, kEndAt);
    l->current = l->question.nonce;
    l->has = true;
    l->set_ns = now_ns;
    l->used = l->spent_ns = 0;
    l->pending = false;
    l->failures = 0;
    l->question = {};
    return true;
}

vault::Nonce LinkKeys::next(std::uint16_t link, std::uint64_t now_ns) {
    Link* l = find(link);
    if (l == nullptr || !l->has) return {};
    ++l->used;
    if (l->used == l->ages.requests) l->spent_ns = now_ns;
    return l->current;
}

LinkKeys::Accepted LinkKeys::accepted(std::uint16_t link, std::uint64_t now_ns) const {
    const Link* l = find(link);
    if (l == nullptr || !l->needs_key) return {vault::Nonce{}, {}};  // the base key
    if (!l->has) return {};
    const std::uint64_t overlap_ns = l->ages.overlap_s * kNsPerSecond;
    const bool aged = l->ages.seconds != 0 && now_ns - l->set_ns >= l->ages.seconds * kNsPerSecond + overlap_ns;
    const bool spent = l->spent_ns != 0 && now_ns - l->spent_ns >= overlap_ns;
    Accepted out;
    if (!aged && !spent) out.current = l->current;
    if (l->has_previous && now_ns - l->set_ns < overlap_ns) out.previous = l->previous;
    return out;
}

void LinkKeys::failed(std::uint16_t link) {
    Link* l = find(link);
    if (l != nullptr && l->has && l->failures < kFailuresMax) ++l->failures;
}

void LinkKeys::heard(std::uint16_t link) {
    if (Link* l = find(link)) l->failures = 0;
}

}  // namespace giro::appliance
