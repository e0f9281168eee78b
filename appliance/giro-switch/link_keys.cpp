#include "appliance/giro-switch/link_keys.hpp"

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

bool LinkKeys::is_old(const Link& link, std::uint64_t now_ns, std::uint64_t quarters) {
    const bool counted = link.ages.requests != 0 && 4 * link.used >= quarters * link.ages.requests;
    const bool aged = link.ages.seconds != 0 && 4 * (now_ns - link.set_ns) >= quarters * link.ages.seconds * kNsPerSecond;
    return counted || aged;
}

void LinkKeys::link_state(std::uint16_t link, bool up) {
    const auto found = m_links.find(link);
    if (found == m_links.end()) return;
    Link& l = found->second;
    if (!up) l.has = l.has_previous = false;
    if (!up) l.asked_ns = 0;
    l.up = up;
}

bool LinkKeys::usable(std::uint16_t link, std::uint64_t now_ns) const {
    const Link* l = find(link);
    if (l == nullptr || !l->up) return false;
    return !l->needs_key || (l->has && !is_old(*l, now_ns, kEndAt));
}

std::vector<std::uint16_t> LinkKeys::due(std::uint64_t now_ns) const {
    std::vector<std::uint16_t> out;
    for (const auto& [number, l] : m_links) {
        const bool wanted = l.needs_key && l.up && (!l.has || is_old(l, now_ns, kAskAt));
        if (wanted && (l.asked_ns == 0 || now_ns - l.asked_ns >= kAskAgain_ns)) out.push_back(number);
    }
    return out;
}

void LinkKeys::asking(std::uint16_t link, std::uint64_t now_ns) {
    Link& l = m_links.at(link);
    l.asked_ns = now_ns;
    l.question = {};
}

LinkKeys::Question LinkKeys::question(std::uint16_t link, const vault::Nonce& nonce, const FixedText<10>& transmission) {
    m_stan = m_stan % kStans + 1;
    return m_links.at(link).question = {m_stan, transmission, nonce};
}

bool LinkKeys::answered(const PaymentRequest& answer, std::uint64_t now_ns) {
    const auto found = m_links.find(answer.link);
    if (found == m_links.end()) return false;
    Link& l = found->second;
    if (l.asked_ns == 0 || l.question.stan == 0 || answer.stan != l.question.stan) return false;
    if (answer.transmission_time != l.question.transmission || answer.response_code.view() != "00") return false;
    l.previous = l.current;
    l.has_previous = l.has;
    l.current = l.question.nonce;
    l.has = true;
    l.set_ns = now_ns;
    l.used = 0;
    l.asked_ns = 0;
    l.question = {};
    return true;
}

vault::Nonce LinkKeys::next(std::uint16_t link) {
    const auto found = m_links.find(link);
    if (found == m_links.end() || !found->second.has) return {};
    ++found->second.used;
    return found->second.current;
}

LinkKeys::Accepted LinkKeys::accepted(std::uint16_t link, std::uint64_t now_ns) const {
    const Link* l = find(link);
    if (l == nullptr || !l->needs_key) return {vault::Nonce{}, {}};  // the base key
    if (!l->has) return {};
    const bool both = l->has_previous && now_ns - l->set_ns < l->ages.overlap_s * kNsPerSecond;
    return {l->current, both ? std::optional(l->previous) : std::nullopt};
}

}  // namespace giro::appliance
