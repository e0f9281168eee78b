// Payments that an issuer's host decides: answers, timeouts, and the reversals the host is owed.
#include <algorithm>

#include "switching/core.hpp"
#include "switching/core_record.hpp"

namespace giro::switching {

using entry::Outcome;
using entry::Reason;

namespace {
// DE39 of ISO 8583:1987 that approve, but not simply: honour with identification, approved for partial amount, approved
// (VIP), approved and update track 3, completed partially. The terminal could not do what they ask: it hears a decline,
// and the host a reversal.
constexpr std::string_view kOtherApprovals[] = {"08", "10", "11", "16", "32"};

constexpr unsigned kStanField = 11, kResponseField = 39;

// A link that the configuration has no more still gets its answers, by the defaults.
const config::Link& link_of(const config::Config& config, std::uint16_t number) {
    static const config::Link kDefault;
    const config::Link* link = config::find_link(config, number);
    return link == nullptr ? kDefault : *link;
}

}  // namespace

void Core::link_state(std::uint16_t link, bool up, bool busy) {
    const auto put = [link](std::set<std::uint16_t>& set, bool in) {
        if (in) set.insert(link);
        else set.erase(link);
    };
    put(m_links_up, up);
    put(m_links_busy, busy);
}

tl::expected<Decided, Unmatched> Core::link_answer(const PaymentRequest& answer, std::uint64_t now_ns) {
    const std::uint64_t seq = m_state.outstanding_by_stan(answer.link, answer.stan);
    const Outstanding* waiting = seq == 0 ? nullptr : m_state.outstanding(seq);
    if (waiting == nullptr || waiting->answered) return tl::unexpected(Unmatched{kStanField});
    if (const unsigned field = first_difference(link_of(m_policy.config, answer.link).match_0210, answer, *waiting); field != 0)
        return tl::unexpected(Unmatched{field});
    if (answer.response_code.empty()) return tl::unexpected(Unmatched{kResponseField});
    entry::ForwardAnswered e;
    e.payment = seq;
    e.time_ns = now_ns;
    e.outcome = answer.response_code == kApproved ? Outcome::approved : Outcome::declined;
    e.reason = e.outcome == Outcome::approved ? Reason::none : Reason::issuer_declined;
    e.response_code = answer.response_code;
    e.auth_code = answer.auth_code;
    if (std::ranges::find(kOtherApprovals, answer.response_code.view()) != std::end(kOtherApprovals)) {
        e.response_code = response_code(Reason::issuer_declined);
        e.auth_code = {};
        e.reversal_owed = 1;
    }
    e.salt = new_salt();
    record(entry::Kind::forward_answered, e);
    return Decided{seq, e.response_code, e.auth_code};
}

tl::expected<void, Unmatched> Core::link_reversal_answer(const PaymentRequest& answer) {
    const std::uint64_t seq = m_state.outstanding_by_stan(answer.link, answer.stan);
    const Outstanding* owed = seq == 0 ? nullptr : m_state.outstanding(seq);
    if (owed == nullptr || !owed->reversal_owed) return tl::unexpected(Unmatched{kStanField});
    if (const unsigned field = first_difference(link_of(m_policy.config, answer.link).match_0410, answer, *owed); field != 0)
        return tl::unexpected(Unmatched{field});
    if (answer.response_code != kApproved && answer.response_code != kOriginalNotFound)
        return tl::unexpected(Unmatched{kResponseField});
    record(entry::Kind::link_reversal_answered, entry::LinkReversalAnswered{seq, answer.response_code});
    return {};
}

Decided Core::give_up_forward(std::uint64_t payment, std::uint64_t now_ns) {
    entry::ForwardAnswered e;
    e.payment = payment;
    e.time_ns = now_ns;
    e.outcome = Outcome::declined;
    e.reason = Reason::issuer_timeout;
    e.response_code = response_code(Reason::issuer_timeout);
    e.reversal_owed = 1;
    e.salt = new_salt();
    record(entry::Kind::forward_answered, e);
    return {payment, e.response_code, {}};
}

// What is settled, and older than remember_s: a repeat or reversal of it is too late by its date (freshness.hpp). Old by
// the wall clock, and by the windows that were settled since: a clock that jumps for a moment makes nothing old.
void Core::forget_settled(std::uint64_t now_ns) {
    const std::uint64_t remember_ns = std::uint64_t{m_policy.config.switching.remember_s} * 1'000'000'000;
    const auto& settlements = m_state.settlements();
    if (m_state.settled_through() == 0) return;
    const std::uint64_t at_ns = std::min(now_ns, settlements.at(m_state.settled_through()).closed.time_ns);
    for (std::uint64_t next = m_forget_through + 1; next <= m_state.settled_through(); ++next) {
        const std::uint64_t closed_ns = settlements.at(next).closed.time_ns;
        if (closed_ns > at_ns || at_ns - closed_ns < remember_ns) break;
        m_forget_through = next;
    }
    if (!m_state.may_forget(m_forget_through)) return;
    record(entry::Kind::forgotten, entry::Forgotten{m_forget_through, kForgetPerCall});
}

std::vector<Decided> Core::expire(std::uint64_t now_ns, bool disk_low) {
    const std::uint64_t timeout_ns = m_policy.config.switching.forward_timeout_ms * 1'000'000;
    std::erase_if(m_waiting_since_ns, [this](const auto& one) {
        const Outstanding* o = m_state.outstanding(one.first);
        return o == nullptr || o->answered;
    });
    std::vector<std::uint64_t> overdue;
    for (const auto& [seq, o] : m_state.all_outstanding()) {
        if (overdue.size() >= kExpirePerCall) break;
        if (o.answered) continue;
        // The wall clock may step back: the wait then counts from where it stepped to.
        std::uint64_t& since_ns = m_waiting_since_ns.try_emplace(seq, o.payment.time_ns).first->second;
        since_ns = std::min(since_ns, now_ns);
        if (now_ns - since_ns >= timeout_ns) overdue.push_back(seq);
    }
    if (!disk_low) {
        (void)expire_holds(now_ns);
        forget_settled(now_ns);
    }
    std::vector<Decided> decided;
    for (const std::uint64_t seq : overdue) decided.push_back(give_up_forward(seq, now_ns));
    return decided;
}

}  // namespace giro::switching
