#include "switching/forward_table.hpp"

#include <algorithm>
#include <array>

#include "switching/answers.hpp"

namespace giro::switching {

namespace {
using A = ForwardAction;
using E = ForwardEvent;
using S = ForwardState;

// Read it by events: who speaks, and what that does where the payment stands. Everything that no row says does nothing and
// leaves the payment where it stands: late approvals and declines, second copies, answers to what was not asked.
constexpr ForwardRow kRows[] = {
    // --- the terminal asks, or asks again
    {E::asked_up, S::unknown, A::send, S::waiting},
    {E::asked_stand_in, S::unknown, A::stand_in, S::stood_in},
    {E::asked_down, S::unknown, A::refuse, S::declined},
    {E::asked_up, S::reversed_before, A::refuse, S::declined},
    {E::asked_stand_in, S::reversed_before, A::refuse, S::declined},
    {E::asked_down, S::reversed_before, A::refuse, S::declined},

    // --- the host answers the request, or does not
    {E::approve, S::waiting, A::post, S::stands},
    {E::decline, S::waiting, A::release, S::declined},
    {E::approve_otherwise, S::waiting, A::give_up, S::given_up},
    {E::timeout, S::waiting, A::give_up, S::given_up},

    // --- the terminal takes it back: before it came, while it waits, after it was answered
    {E::reversal, S::unknown, A::bury, S::reversed_before},
    {E::reversal, S::reversed_before, A::nothing_back, S::reversed_before},
    {E::reversal, S::waiting, A::give_up_too, S::given_up},
    {E::reversal, S::declined, A::nothing_back, S::declined},
    {E::reversal, S::given_up, A::nothing_back, S::given_up},
    {E::reversal, S::stands, A::take_back, S::taken_back},
    {E::reversal, S::stands_alone, A::take_back_here, S::reversed},
    {E::reversal, S::taken_back, A::nothing_back, S::taken_back},
    {E::reversal, S::part_taken_back, A::busy, S::part_taken_back},
    {E::reversal, S::reversed, A::nothing_back, S::reversed},
    {E::reversal, S::stood_in, A::take_back, S::stood_in_taken_back},
    {E::reversal, S::stood_in_taken_back, A::nothing_back, S::stood_in_taken_back},
    {E::reversal, S::stood_in_part_taken_back, A::take_back, S::stood_in_taken_back},  // none has gone out yet
    // .. in part
    {E::reversal_part, S::unknown, A::come_again, S::unknown},
    {E::reversal_part, S::reversed_before, A::nothing_back, S::reversed_before},
    {E::reversal_part, S::waiting, A::come_again, S::waiting},
    {E::reversal_part, S::declined, A::nothing_back, S::declined},
    {E::reversal_part, S::given_up, A::nothing_back, S::given_up},
    {E::reversal_part, S::stands, A::take_back, S::part_taken_back},
    {E::reversal_part, S::stands_alone, A::take_back_here, S::stands_alone},
    {E::reversal_part, S::taken_back, A::nothing_back, S::taken_back},
    {E::reversal_part, S::part_taken_back, A::busy, S::part_taken_back},
    {E::reversal_part, S::reversed, A::nothing_back, S::reversed},
    {E::reversal_part, S::stood_in, A::take_back, S::stood_in_part_taken_back},
    {E::reversal_part, S::stood_in_taken_back, A::nothing_back, S::stood_in_taken_back},
    {E::reversal_part, S::stood_in_part_taken_back, A::take_back, S::stood_in_part_taken_back},

    // --- the host answers a reversal: never before the advice that goes before it
    {E::reversal_done, S::given_up, A::settle, S::declined},
    {E::reversal_done, S::taken_back, A::settle, S::reversed},
    {E::reversal_done, S::part_taken_back, A::settle, S::stands},
    {E::reversal_unreadable, S::given_up, A::count_failure, S::given_up},
    {E::reversal_unreadable, S::taken_back, A::count_failure, S::taken_back},
    {E::reversal_unreadable, S::part_taken_back, A::count_failure, S::part_taken_back},

    // --- the host answers an advice
    {E::advice_accepted, S::stood_in, A::settle, S::stands},
    {E::advice_accepted, S::stood_in_taken_back, A::settle, S::taken_back},
    {E::advice_accepted, S::stood_in_part_taken_back, A::settle, S::part_taken_back},
    // A refusal may be that of a repeat whose first copy was booked: what is taken back is told all the same.
    {E::advice_refused, S::stood_in, A::list_refused, S::stands},
    {E::advice_refused, S::stood_in_taken_back, A::list_refused, S::taken_back},
    {E::advice_refused, S::stood_in_part_taken_back, A::list_refused, S::part_taken_back},
    {E::advice_unreadable, S::stood_in, A::count_failure, S::stood_in},
    {E::advice_unreadable, S::stood_in_taken_back, A::count_failure, S::stood_in_taken_back},
    {E::advice_unreadable, S::stood_in_part_taken_back, A::count_failure, S::stood_in_part_taken_back},
    // .. or staff settles otherwise what is parked, and answers for it
    {E::close, S::given_up, A::close, S::declined},
    {E::close, S::taken_back, A::close, S::reversed},
    {E::close, S::part_taken_back, A::close, S::stands},
    {E::close, S::stood_in, A::close, S::stands},
    {E::close, S::stood_in_taken_back, A::close, S::reversed},
    {E::close, S::stood_in_part_taken_back, A::close, S::stands},
    // .. or nobody does, for days: it may have heard it all the same, so a reversal stays owed
    {E::expiry, S::stood_in, A::list_expired, S::stands},
    {E::expiry, S::stood_in_taken_back, A::list_expired, S::taken_back},
    {E::expiry, S::stood_in_part_taken_back, A::list_expired, S::part_taken_back},
};

// What is the same wherever something is owed, or wherever the payment is known.
constexpr struct {
    E event;
    A action;
} kWhereOwed[] = {
    {E::not_now, A::send_again},    {E::unanswered, A::send_again}, {E::restart, A::send_again},
    {E::link_lost, A::send_again},  {E::unheeded, A::set_aside},    {E::unsendable, A::set_aside},  {E::park, A::set_aside},
    {E::retry, A::back_in_line},
};
constexpr struct {
    E event;
    A action;
} kWhereverKnown[] = {
    {E::asked_up, A::answer_again},
    {E::asked_stand_in, A::answer_again},
    {E::asked_down, A::answer_again},
};

constexpr bool is_owed(S state) {
    switch (state) {
        case S::given_up:
        case S::taken_back:
        case S::part_taken_back:
        case S::stood_in:
        case S::stood_in_taken_back:
        case S::stood_in_part_taken_back:
            return true;
        default:
            return false;
    }
}

using Table = std::array<std::array<ForwardStep, kForwardEvents>, kForwardStates>;
constexpr Table make() {
    Table table{};
    for (std::size_t s = 0; s < kForwardStates; ++s) {
        const S state = static_cast<S>(s);
        const auto everywhere = [&](E event, A action) { table[s][static_cast<std::size_t>(event)] = {action, state}; };
        for (std::size_t e = 0; e < kForwardEvents; ++e) everywhere(static_cast<E>(e), A::nothing);
        everywhere(E::reversal_repeat, A::answer_again);
        everywhere(E::reversal_of_reversal, A::invalid);
        if (state != S::unknown && state != S::reversed_before)
            for (const auto& row : kWhereverKnown) everywhere(row.event, state == S::waiting ? A::wait : row.action);
        if (is_owed(state))
            for (const auto& row : kWhereOwed) everywhere(row.event, row.action);
    }
    for (const ForwardRow& row : kRows)
        table[static_cast<std::size_t>(row.state)][static_cast<std::size_t>(row.event)] = {row.action, row.next};
    return table;
}
constexpr Table kTable = make();

constexpr bool told_not(S state) {
    return state == S::reversed_before || state == S::declined || state == S::given_up || state == S::taken_back || state == S::reversed ||
           state == S::stood_in_taken_back;
}
// No step leads from where the issuer may hold it for standing to where nobody tells it otherwise: what leaves `waiting`,
// `stands` or what was stood in for, and tells the terminal that it does not stand, is owed, or the issuer has just said so.
constexpr bool keeps_the_rule() {
    for (std::size_t s = 0; s < kForwardStates; ++s)
        for (std::size_t e = 0; e < kForwardEvents; ++e) {
            const ForwardStep step = kTable[s][e];
            const S state = static_cast<S>(s);
            const E event = static_cast<E>(e);
            const bool may_stand_there = state == S::waiting || state == S::stands || is_owed(state);
            const bool issuer_said = event == E::decline || event == E::reversal_done || event == E::close;
            if (may_stand_there && told_not(step.next) && !is_owed(step.next) && !issuer_said) return false;
        }
    return true;
}
static_assert(keeps_the_rule());
}  // namespace

std::span<const ForwardRow> forward_rows() noexcept {
    return kRows;
}

ForwardStep forward_step(ForwardState state, ForwardEvent event) noexcept {
    return kTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

ForwardState forward_state(const Remembered* payment, const Outstanding* owed) noexcept {
    using What = Remembered::What;
    if (payment == nullptr) return S::unknown;
    const bool back = payment->what == What::reversed;
    if (owed != nullptr && owed->advice_owed)
        return !owed->reversal_owed ? S::stood_in : back ? S::stood_in_taken_back : S::stood_in_part_taken_back;
    switch (payment->what) {
        case What::reversed_before:
            return S::reversed_before;
        case What::forwarded:
            return S::waiting;
        case What::declined:
            return owed != nullptr ? S::given_up : S::declined;
        case What::reversed:
            return owed != nullptr ? S::taken_back : S::reversed;
        default:
            return owed != nullptr ? S::part_taken_back : payment->forwarded ? S::stands : S::stands_alone;
    }
}

ForwardEvent event_of_answer(std::uint16_t mti, const ResponseCode& code) noexcept {
    // DE39 of ISO 8583:1987 that approve, but not simply: honour with identification, approved for partial amount, approved
    // (VIP), approved and update track 3, completed partially. The terminal could not do what they ask.
    static constexpr std::string_view kOtherApprovals[] = {"08", "10", "11", "16", "32"};
    // MAC wrong, received too late, key expired, cut-off in process, issuer inoperative, malfunction.
    static constexpr std::string_view kNotNow[] = {"63", "68", "79", "90", "91", "96"};
    // Invalid transaction, format error, duplicate transmission (of what it does not say).
    static constexpr std::string_view kUnreadable[] = {"12", "30", "94"};
    const auto one_of = [&](const auto& codes) { return std::ranges::find(codes, code.view()) != std::end(codes); };
    if (code.empty()) return E::no_answer;
    if (mti == 0x0210) return code == kApproved ? E::approve : one_of(kOtherApprovals) ? E::approve_otherwise : E::decline;
    if (one_of(kNotNow)) return E::not_now;
    if (mti == 0x0410) return code == kApproved || code == kOriginalNotFound ? E::reversal_done : E::reversal_unreadable;
    if (mti != 0x0230) return E::no_answer;
    const bool accepted = code == kApproved || one_of(kOtherApprovals);
    return accepted ? E::advice_accepted : one_of(kUnreadable) ? E::advice_unreadable : E::advice_refused;
}

bool told_not_standing(ForwardState state) noexcept {
    return told_not(state);
}

std::string_view name(ForwardState state) noexcept {
    static constexpr std::string_view kNames[] = {"unknown",         "reversed_before", "waiting",    "stands",
                                                  "stands_alone",    "declined",        "given_up",   "taken_back",
                                                  "part_taken_back", "reversed",        "stood_in",   "stood_in_taken_back",
                                                  "stood_in_part_taken_back"};
    static_assert(std::size(kNames) == kForwardStates);
    return kNames[static_cast<std::size_t>(state)];
}

std::string_view name(ForwardEvent event) noexcept {
    static constexpr std::string_view kNames[] = {
        "asked_up",        "asked_stand_in",  "asked_down",    "reversal",            "reversal_part",   "reversal_repeat",
        "reversal_of_reversal", "approve",    "approve_otherwise", "decline",         "reversal_done",   "reversal_unreadable",
        "advice_accepted", "advice_refused",  "advice_unreadable", "not_now",         "no_answer",       "timeout",
        "unanswered",      "unheeded",        "expiry",          "link_lost",     "unsendable",          "park",            "retry",
        "close",           "restart"};
    static_assert(std::size(kNames) == kForwardEvents);
    return kNames[static_cast<std::size_t>(event)];
}

std::string_view name(ForwardAction action) noexcept {
    static constexpr std::string_view kNames[] = {
        "nothing",   "send",       "stand_in",       "refuse",       "wait",       "answer_again", "post",         "release",
        "give_up",   "give_up_too", "bury",          "take_back",    "take_back_here", "nothing_back", "come_again", "busy",
        "invalid",   "settle",     "list_refused",   "list_expired", "count_failure", "send_again", "set_aside",   "back_in_line", "close"};
    static_assert(std::size(kNames) == static_cast<std::size_t>(ForwardAction::kLast) + 1);
    return kNames[static_cast<std::size_t>(action)];
}

}  // namespace giro::switching
