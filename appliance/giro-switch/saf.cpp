#include "appliance/giro-switch/saf.hpp"

#include <algorithm>

namespace giro::appliance {

using switching::Outstanding;
using switching::State;

namespace {
constexpr std::uint64_t kForgetEvery_ns = 1'000'000'000;

bool is_reversal_next(const Outstanding& o) { return !o.advice_owed; }

// After it went so many times: 2, 4, 8, 16, 16 .. seconds.
std::uint64_t pause_ns(std::uint32_t times) {
    constexpr std::uint32_t kDoublings = 3;
    return std::min(kSafPauseMax_ns, kSafRetry_ns << std::min(times - 1, kDoublings));
}
}  // namespace

bool StoreAndForward::is_due(const State& state, const Send& send) {
    const Outstanding* o = state.outstanding(send.payment);
    return o != nullptr && o->owed() && !o->parked && is_reversal_next(*o) == send.reversal;
}

std::size_t StoreAndForward::in_flight(std::uint16_t link) const {
    const auto at = m_links.find(link);
    return at == m_links.end() ? 0 : at->second.in_flight.size();
}

std::uint32_t StoreAndForward::attempts(std::uint64_t payment) const {
    const auto at = m_sent.find(payment);
    return at == m_sent.end() ? 0 : at->second.times;
}

// What was answered, parked, or waits too long is not in flight any more.
void StoreAndForward::settle(const State& state, Link& link, std::uint64_t now_ns) {
    std::erase_if(link.in_flight, [&](const auto& one) {
        const auto sent = m_sent.find(one.first);
        const bool same = sent != m_sent.end() && is_due(state, {one.first, sent->second.reversal, false});
        return !same || now_ns - one.second >= kSafRetry_ns;
    });
}

void StoreAndForward::forget(const State& state, std::uint64_t now_ns) {
    if (now_ns - m_forgot_ns < kForgetEvery_ns) return;
    m_forgot_ns = now_ns;
    std::erase_if(m_sent, [&](const auto& one) { return state.outstanding(one.first) == nullptr; });
}

bool StoreAndForward::take(const State& state, Link& link, std::uint64_t payment, std::uint64_t now_ns, std::vector<Send>& out) {
    if (link.in_flight.contains(payment)) return false;
    const Outstanding* o = state.outstanding(payment);
    ASSERT(o != nullptr && o->owed());
    Sent& sent = m_sent[payment];
    const bool reversal = is_reversal_next(*o);
    if (sent.times != 0 && sent.reversal != reversal) sent = {};
    if (sent.times != 0 && sent.last_ns != 0 && now_ns - sent.last_ns < pause_ns(sent.times)) return false;
    if (sent.times != 0 && link.answers != sent.answers) ++sent.unheeded;
    const bool give_up = sent.unheeded >= kSafUnheededMax;
    out.push_back({payment, reversal, sent.times != 0 || o->owed_at <= m_started_at, give_up});
    if (give_up) {
        m_sent.erase(payment);
        return true;
    }
    sent.last_ns = now_ns;
    sent.answers = link.answers;
    sent.reversal = reversal;
    ++sent.times;
    link.in_flight[payment] = now_ns;
    return true;
}

// What was under way is suspect: a host may hang up on one message again and again. Whatever waits goes at once on a new one.
void StoreAndForward::link_changed(std::uint16_t number) {
    Link& link = m_links[number];
    for (const auto& [payment, sent_ns] : link.in_flight) {
        Sent& sent = m_sent[payment];
        ++sent.unheeded;
        sent.last_ns = 0;
        sent.answers = link.answers;
    }
    link.in_flight.clear();
}

std::vector<StoreAndForward::Send> StoreAndForward::due(const State& state, std::uint16_t number, std::uint64_t now_ns) {
    forget(state, now_ns);
    Link& link = m_links[number];
    settle(state, link, now_ns);
    std::vector<Send> out;
    const auto& lines = state.owed_lines();
    const auto first = lines.lower_bound({number, {}});
    auto at = lines.upper_bound({number, link.last});
    std::size_t looked_at = 0;
    for (bool wrapped = false; link.in_flight.size() < kSafInFlightMax && looked_at < kSafLinesPerTurn; ++at, ++looked_at) {
        if (at == lines.end() || at->first.link != number) {
            if (std::exchange(wrapped, true) || first == lines.end() || first->first.link != number) break;
            at = first;
        }
        static_cast<void>(take(state, link, at->second.begin()->second, now_ns, out));
        link.last = at->first.terminal;
    }
    return out;
}

}  // namespace giro::appliance
