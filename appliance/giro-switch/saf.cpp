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

// Whether the payment is the first of its line.
bool is_first(const State& state, std::uint64_t payment, const Outstanding& o) {
    const auto line = state.owed_lines().find({o.payment.link, o.payment.key.terminal});
    return line != state.owed_lines().end() && line->second.begin()->second == payment;
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

void StoreAndForward::heard(std::uint16_t number, std::uint64_t payment) {
    Link& link = m_links[number];
    ++link.answers;
    const auto sent = m_sent.find(payment);
    if (sent == m_sent.end()) return;
    sent->second.unheeded = sent->second.cuts = 0;
    sent->second.answers = link.answers;  // its own does not count against it
    link.in_flight.erase(payment);
    link.suspects.erase(payment);
}

// What was under way is suspect: a host may hang up on one message again and again.
void StoreAndForward::link_changed(std::uint16_t number) {
    Link& link = m_links[number];
    for (const auto& [payment, flight] : link.in_flight) {
        link.suspects.insert(payment);
        if (link.alone) ++m_sent[payment].cuts;
    }
    link.in_flight.clear();
    link.alone = false;
}

// What was answered, parked, or waits too long is not in flight any more.
void StoreAndForward::settle(const State& state, Link& link, std::uint64_t now_ns) {
    std::erase_if(link.in_flight, [&](const auto& one) {
        const auto sent = m_sent.find(one.first);
        const bool same = sent != m_sent.end() && is_due(state, {one.first, sent->second.reversal});
        return !same || now_ns - one.second.sent_ns >= kSafRetry_ns;
    });
    if (link.in_flight.empty()) link.alone = false;
    std::erase_if(link.suspects, [&](std::uint64_t payment) {
        const Outstanding* o = state.outstanding(payment);
        return o == nullptr || !o->owed() || o->parked;
    });
}

void StoreAndForward::forget(const State& state, std::uint64_t now_ns) {
    if (now_ns - m_forgot_ns < kForgetEvery_ns) return;
    m_forgot_ns = now_ns;
    std::erase_if(m_sent, [&](const auto& one) { return state.outstanding(one.first) == nullptr; });
}

// Of a line one is under way at a time, also when another of it was put back in front.
bool StoreAndForward::line_is_busy(const Link& link, const TerminalId& terminal) {
    return std::ranges::any_of(link.in_flight, [&](const auto& one) { return one.second.terminal == terminal; });
}

// What is owed next of it went out not long ago. A reversal behind an advice that was answered went never.
bool StoreAndForward::pauses(const State& state, std::uint64_t payment, std::uint64_t now_ns) const {
    const auto sent = m_sent.find(payment);
    if (sent == m_sent.end() || sent->second.reversal != is_reversal_next(*state.outstanding(payment))) return false;
    return now_ns - sent->second.last_ns < pause_ns(sent->second.times);
}

void StoreAndForward::take(const State& state, Link& link, std::uint64_t payment, std::uint64_t now_ns, std::vector<Send>& out) {
    const Outstanding& o = *state.outstanding(payment);
    const bool reversal = is_reversal_next(o);
    const auto [at, first] = m_sent.try_emplace(payment);
    Sent& sent = at->second;
    if (!first && sent.reversal != reversal) sent = {};
    const bool again = sent.times != 0;
    if (again && link.answers != sent.answers) ++sent.unheeded;
    const bool give_up = sent.unheeded >= kSafUnheededMax || sent.cuts >= kSafCutsMax;
    out.push_back({payment, reversal, again || o.owed_at <= m_started_at, give_up});
    if (give_up) {
        m_sent.erase(at);
        return;
    }
    sent.last_ns = now_ns;
    sent.answers = link.answers;
    sent.reversal = reversal;
    ++sent.times;
    link.in_flight[payment] = {now_ns, o.payment.key.terminal};
}

// A suspect whose time has come goes alone, once what is under way has come back. False: there is none.
bool StoreAndForward::take_suspect(const State& state, Link& link, std::uint64_t now_ns, std::vector<Send>& out) {
    for (const std::uint64_t payment : link.suspects) {
        const Outstanding& o = *state.outstanding(payment);
        if (pauses(state, payment, now_ns) || !is_first(state, payment, o)) continue;
        if (!link.in_flight.empty()) return true;
        take(state, link, payment, now_ns, out);
        link.alone = !link.in_flight.empty();
        return true;
    }
    return false;
}

std::vector<StoreAndForward::Send> StoreAndForward::due(const State& state, std::uint16_t number, std::size_t most, std::uint64_t now_ns) {
    forget(state, now_ns);
    Link& link = m_links[number];
    settle(state, link, now_ns);
    std::vector<Send> out;
    if (link.alone || take_suspect(state, link, now_ns, out)) return out;
    const auto& lines = state.owed_lines();
    const auto first = lines.lower_bound({number, {}});
    auto at = lines.upper_bound({number, link.last});
    std::size_t looked_at = 0;
    for (bool wrapped = false; link.in_flight.size() < most && looked_at < kSafLinesPerTurn; ++at, ++looked_at) {
        if (at == lines.end() || at->first.link != number) {
            if (std::exchange(wrapped, true) || first == lines.end() || first->first.link != number) break;
            at = first;
        }
        const std::uint64_t payment = at->second.begin()->second;
        const bool may = !link.suspects.contains(payment) && !line_is_busy(link, at->first.terminal) && !pauses(state, payment, now_ns);
        if (may) take(state, link, payment, now_ns, out);
        link.last = at->first.terminal;
    }
    return out;
}

}  // namespace giro::appliance
