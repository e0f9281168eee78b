// What becomes of a payment with a card of a link's host, as one table: where it stands, what happens, what is done, and
// where it stands then. The core decides by it (core_link.cpp, core_reversal.cpp, core_stand_in.cpp), each entry is then
// held against it, and a test walks every cell. Pure.
//
// The rule above all: a payment that the terminal was told is declined, or taken back, is not left standing at its issuer. So
// whatever was sent and not answered is taken back there (`given_up`) until the host says that it has done so, and an
// approval that comes late changes nothing: the reversal is on its way behind it. For the same reason nothing is stood in
// for once its request has gone out: it could be paid twice.
//
// What is owed to a host survives every restart (it is in the journal) and goes in order of its terminal. "Parked" is no
// state of its own: any payment of which something is owed may be parked, and every row holds as before but that nothing
// is sent.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "switching/state.hpp"

namespace giro::switching {

// Where a payment stands: at the terminal, here, and as far as the box knows at its issuer.
enum class ForwardState : std::uint8_t {
    unknown,          // never heard of
    reversed_before,  // only its reversal has come
    waiting,          // sent to the host, no answer yet; the money is held
    stands,           // approved, or a part of it still is; nothing is owed to the host
    stands_alone,     // approved here, and no issuer's host knows of it: on us
    declined,         // stands nowhere
    given_up,         // declined here; the host is owed the reversal
    taken_back,       // was approved and is reversed here; the host is owed the reversal
    part_taken_back,  // the same of a part
    reversed,         // was approved, stands nowhere
    stood_in,         // approved by the box; the host is owed the advice
    stood_in_taken_back,       // the same, and then the reversal
    stood_in_part_taken_back,  // the same of a part
    kLast = stood_in_part_taken_back
};
inline constexpr std::size_t kForwardStates = static_cast<std::size_t>(ForwardState::kLast) + 1;

enum class ForwardEvent : std::uint8_t {
    // from the terminal
    asked_up,              // the payment, or its repeat, while the link is up
    asked_stand_in,        // .. down, and its policy takes it
    asked_down,            // .. down, and nothing takes it
    reversal,              // of all of it
    reversal_part,         // of some of it; what leaves no less than stands is answered 00 and changes nothing
    reversal_repeat,       // the very same reversal again
    reversal_of_reversal,  // a 04xx that names a 04xx
    // from the host
    approve,               // 0210, 00
    approve_otherwise,     // 0210 that approves what the terminal cannot do: 08, 10, 11, 16, 32
    decline,               // 0210, any other code
    reversal_done,         // 0410: 00, or 25, it never knew it
    reversal_unreadable,   // 0410: any other, but that it cannot now
    advice_accepted,       // 0230, 00
    advice_refused,        // 0230: a code that is a decision
    advice_unreadable,     // 0230: 12, 30, 94: the host made nothing of it
    not_now,               // 0230 or 0410: 63, 68, 79, 90, 91, 96: the host cannot now, or has another key
    no_answer,             // any that is not this message's, or says nothing (no DE39); a second copy of one that was taken
    // from the clock, the link, staff, the box
    timeout,               // no 0210 in forward_timeout_ms
    unanswered,            // no 0410 or 0230 in time
    unheeded,              // .. again and again, while the host answers others or hangs up on it
    expiry,                // the advice is older than its policy's expire_days
    link_lost,
    unsendable,            // the vault does not give the card number back, or the link's dialect cannot say it
    park,                  // giro saf park
    retry,                 // giro saf retry
    close,                 // giro saf close, of what is parked
    restart,               // of the switch
    kLast = restart
};
inline constexpr std::size_t kForwardEvents = static_cast<std::size_t>(ForwardEvent::kLast) + 1;

enum class ForwardAction : std::uint8_t {
    nothing,       // no entry, no answer
    send,          // hold the money, write it down, then send the 0200; the terminal waits
    stand_in,      // post, write down, answer 00; the advice is owed
    refuse,        // write down, answer the reason's code
    wait,          // the answer to the first is the answer to this one
    answer_again,  // what was answered before
    post,          // post what was held; the terminal hears 00
    release,       // release what was held; the terminal hears the host's code
    give_up,       // release what was held; the terminal hears 91 (of approve_otherwise 05), the host is owed the reversal
    give_up_too,   // the same, and the reversal is answered 00
    bury,          // write the reversal down: should the payment come, it is declined 21; 00
    take_back,     // move the money back, 00; the host is owed the reversal, where it is owed an advice behind that
    take_back_here,  // move the money back, 00; the host is told nothing: it has nothing
    nothing_back,  // 00: there is nothing (more) to take back
    come_again,    // no entry, 25: it may still come to stand
    busy,          // no entry, 96: the host has not taken the reversal before it
    invalid,       // no entry, 12
    settle,        // the host has it: what was owed is owed no more
    list_refused,  // the host says no: nothing is owed to it; counted and listed for staff, with its amount
    list_expired,  // the advice is not sent any more; counted and listed
    count_failure,  // once more made nothing of it; after kFailuresMax it is parked
    send_again,    // as a repeat (xxx1), when its line and its link let it
    set_aside,     // parked, with the reason
    back_in_line,  // at its place
    close,         // nothing is owed any more; listed
    kLast = close
};

struct ForwardStep {
    ForwardAction action = ForwardAction::nothing;
    ForwardState next = ForwardState::unknown;
};

// A row of the table: in any of `states`, `event` makes `action`, and then it is `next`. What no row says is `otherwise`.
struct ForwardRow {
    ForwardEvent event;
    ForwardState state;
    ForwardAction action;
    ForwardState next;
};
[[nodiscard]] std::span<const ForwardRow> forward_rows() noexcept;
[[nodiscard]] ForwardStep forward_step(ForwardState state, ForwardEvent event) noexcept;

// Where it stands by what the state remembers: `payment` null: never heard of; `owed` null: nothing is outstanding of it.
[[nodiscard]] ForwardState forward_state(const Remembered* payment, const Outstanding* owed) noexcept;

// So often a host may make nothing of an advice or reversal before it is parked.
inline constexpr std::uint8_t kFailuresMax = 3;

// What a host's DE39 is, by the type of its message (0210, 0230, 0410).
[[nodiscard]] ForwardEvent event_of_answer(std::uint16_t mti, const ResponseCode& code) noexcept;

// Whether the terminal was told that it does not stand: declined, given up, taken back whole.
[[nodiscard]] bool told_not_standing(ForwardState state) noexcept;

[[nodiscard]] std::string_view name(ForwardState state) noexcept;
[[nodiscard]] std::string_view name(ForwardEvent event) noexcept;
[[nodiscard]] std::string_view name(ForwardAction action) noexcept;

}  // namespace giro::switching
