// Payments that an issuer's host decides: answers, timeouts, and the advices and reversals that it is owed; by forward_table.hpp.
#include <algorithm>
#include <limits>
#include <tuple>

#include "switching/core.hpp"
#include "switching/core_record.hpp"
#include "switching/freshness.hpp"

namespace giro::switching {

using entry::Outcome;
using entry::Reason;

namespace {
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

// Of a payment that is outstanding.
ForwardState Core::where(std::uint64_t payment) const {
    const Outstanding* o = m_state.outstanding(payment);
    ASSERT(o != nullptr);
    return forward_state(m_state.find(RequestClass::payment, o->payment.key), o);
}

tl::expected<Decided, Unmatched> Core::link_answer(const PaymentRequest& answer, std::uint64_t now_ns) {
    const std::uint64_t seq = m_state.outstanding_by_stan(answer.link, answer.stan);
    const Outstanding* waiting = seq == 0 ? nullptr : m_state.outstanding(seq);
    if (waiting == nullptr || waiting->answered) return tl::unexpected(Unmatched{kStanField});
    if (const unsigned field = first_difference(link_of(m_policy.config, answer.link).match_0210, answer, *waiting); field != 0)
        return tl::unexpected(Unmatched{field});
    const ForwardStep step = forward_step(where(seq), event_of_answer(0x0210, answer.response_code));
    if (step.action == ForwardAction::nothing) return tl::unexpected(Unmatched{kResponseField});
    ASSERT(step.action == ForwardAction::post || step.action == ForwardAction::release || step.action == ForwardAction::give_up);
    const bool approved = step.action == ForwardAction::post;
    entry::ForwardAnswered e;
    e.payment = seq;
    e.time_ns = now_ns;
    e.outcome = approved ? Outcome::approved : Outcome::declined;
    e.reason = approved ? Reason::none : Reason::issuer_declined;
    e.response_code = answer.response_code;
    e.auth_code = answer.auth_code;
    if (step.action == ForwardAction::give_up) {
        // Approved, but by what the terminal could not do: it hears a decline.
        e.response_code = response_code(Reason::issuer_declined);
        e.auth_code = {};
        e.reversal_owed = 1;
    }
    e.salt = new_salt();
    record(entry::Kind::forward_answered, e);
    return Decided{seq, e.response_code, e.auth_code};
}

tl::expected<void, Unmatched> Core::link_reversal_answer(const PaymentRequest& answer, std::uint64_t now_ns) {
    const std::uint64_t seq = m_state.outstanding_by_stan(answer.link, answer.stan);
    const Outstanding* owed = seq == 0 ? nullptr : m_state.outstanding(seq);
    if (owed == nullptr || !owed->reversal_owed || owed->advice_owed) return tl::unexpected(Unmatched{kStanField});
    if (const unsigned field = first_difference(link_of(m_policy.config, answer.link).match_0410, answer, *owed); field != 0)
        return tl::unexpected(Unmatched{field});
    const ForwardStep step = forward_step(where(seq), event_of_answer(0x0410, answer.response_code));
    if (step.action == ForwardAction::count_failure) count_failure(seq, true, answer.response_code, now_ns);
    if (step.action != ForwardAction::settle) return tl::unexpected(Unmatched{kResponseField});
    record(entry::Kind::link_reversal_answered, entry::LinkReversalAnswered{seq, answer.response_code});
    return {};
}

tl::expected<void, Unmatched> Core::link_advice_answer(const PaymentRequest& answer, std::uint64_t now_ns) {
    const std::uint64_t seq = m_state.outstanding_by_stan(answer.link, answer.stan);
    const Outstanding* owed = seq == 0 ? nullptr : m_state.outstanding(seq);
    if (owed == nullptr || !owed->advice_owed) return tl::unexpected(Unmatched{kStanField});
    Outstanding sent = *owed;
    sent.stands = 0;  // that is for the reversal behind it
    if (const unsigned field = first_difference(link_of(m_policy.config, answer.link).match_0210, answer, sent); field != 0)
        return tl::unexpected(Unmatched{field});
    const ForwardStep step = forward_step(where(seq), event_of_answer(0x0230, answer.response_code));
    if (step.action == ForwardAction::count_failure) count_failure(seq, false, answer.response_code, now_ns);
    const bool refused = step.action == ForwardAction::list_refused;
    if (step.action != ForwardAction::settle && !refused) return tl::unexpected(Unmatched{kResponseField});
    const auto verdict = refused ? entry::SafVerdict::refused : entry::SafVerdict::accepted;
    record(entry::Kind::saf_answered, entry::SafAnswered{seq, verdict, false, answer.response_code, now_ns});
    return {};
}

// Its host made nothing of it: after some of these nobody tries blindly any more.
void Core::count_failure(std::uint64_t payment, bool reversal, const ResponseCode& code, std::uint64_t now_ns) {
    const Outstanding* o = m_state.outstanding(payment);
    ASSERT(o != nullptr);
    if (o->parked) return;
    record(entry::Kind::saf_answered, entry::SafAnswered{payment, entry::SafVerdict::unreadable, reversal, code, now_ns});
    if (o->failures >= kFailuresMax) set_aside(payment, entry::SafWhy::unreadable, now_ns);
}

void Core::set_aside(std::uint64_t payment, entry::SafWhy why, std::uint64_t now_ns) {
    const Outstanding* o = m_state.outstanding(payment);
    if (o == nullptr || o->parked || forward_step(where(payment), ForwardEvent::unsendable).action != ForwardAction::set_aside) return;
    record(entry::Kind::saf_parked, entry::SafParked{payment, why, now_ns});
}

Done Core::saf_park(const entry::SafParked& e) {
    return admin(entry::Kind::saf_parked, e);
}
Done Core::saf_retry(const entry::SafRetried& e) {
    return admin(entry::Kind::saf_retried, e);
}

Done Core::saf_close(const entry::SafClosed& e) {
    return admin(entry::Kind::saf_closed, e);
}

Done Core::set_link(const entry::LinkSet& e) {
    return admin(entry::Kind::link_set, e);
}

bool Core::note_cut_over(std::uint16_t link, std::uint64_t now_ns) {
    const auto last = m_state.cut_over_day(link);
    if (last && *last >= day_of(now_ns)) return false;
    record(entry::Kind::link_cut_over, entry::LinkCutOver{link, now_ns});
    return true;
}

// By the business date of the link: that of its host's last cut-over, or where it tells of none that of the windows; and never
// ahead of the wall clock, so that a clock that jumps makes nothing old.
void Core::expire_advices(std::uint64_t now_ns) {
    const auto& settlements = m_state.settlements();
    const auto& owed = m_state.advices_owed();
    std::size_t expired = 0;
    for (auto at = owed.begin(); at != owed.end() && expired < kExpirePerCall;) {
        const std::uint16_t link = std::get<0>(*at);
        std::optional<std::int64_t> business_day = m_state.cut_over_day(link);
        if (!business_day && !settlements.empty()) business_day = day_of(settlements.rbegin()->second.closed.time_ns);
        const std::int64_t today = business_day ? std::min(day_of(now_ns), *business_day) : 0;
        if (today > std::get<1>(*at)) {
            record(entry::Kind::saf_expired, entry::SafExpired{std::get<2>(*at), now_ns});
            ++expired;
            at = owed.lower_bound({link, 0, 0});
        } else {
            at = owed.upper_bound({link, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::uint64_t>::max()});
        }
    }
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
    ASSERT(forward_step(where(payment), ForwardEvent::timeout).action == ForwardAction::give_up);
    record(entry::Kind::forward_answered, e);
    ASSERT(where(payment) == ForwardState::given_up);
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
    std::erase_if(m_waiting_since_ns, [this](const auto& one) { return !m_state.waiting().contains(one.first); });
    std::vector<std::uint64_t> overdue;
    for (const std::uint64_t seq : m_state.waiting()) {
        if (overdue.size() >= kExpirePerCall) break;
        // The wall clock may step back: the wait then counts from where it stepped to.
        std::uint64_t& since_ns = m_waiting_since_ns.try_emplace(seq, m_state.outstanding(seq)->payment.time_ns).first->second;
        since_ns = std::min(since_ns, now_ns);
        if (now_ns - since_ns >= timeout_ns) overdue.push_back(seq);
    }
    if (!disk_low) {
        (void)expire_holds(now_ns);
        forget_settled(now_ns);
        expire_advices(now_ns);
    }
    std::vector<Decided> decided;
    for (const std::uint64_t seq : overdue) decided.push_back(give_up_forward(seq, now_ns));
    return decided;
}

}  // namespace giro::switching
