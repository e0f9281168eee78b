// Store-and-forward: which of the advices and reversals that the state says are owed (State::owed_lines()) may be sent now.
// Nothing is kept here that a restart could lose: the lines are the journal's, here is only what is under way.
//
// In order of a terminal: of a line the first alone, the next when its host has answered that. Across terminals at most
// saf_in_flight_max of a link's settings, so that live payments do not wait behind them. What is not answered in kSafRetry_ns goes
// again, as a repeat (xxx1), and then after pauses that grow; so does all that was owed when the switch started, for it may
// have gone out before.
//
// What a host never answers while it answers others is given up after kSafUnheededMax times, so that it blocks its line no
// longer: whoever calls parks it. When a connection ends, what was under way is suspect: it goes alone from then on, after its
// pause, until it is answered; what a connection ends on kSafCutsMax times while it is alone is given up, too.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "switching/state.hpp"

namespace giro::appliance {

inline constexpr std::uint64_t kSafRetry_ns = 2'000'000'000;
inline constexpr std::uint64_t kSafPauseMax_ns = 16'000'000'000;
inline constexpr std::uint32_t kSafUnheededMax = 20;
inline constexpr std::uint32_t kSafCutsMax = 3;
inline constexpr std::size_t kSafLinesPerTurn = 2'000;           // that are looked at, of one link

class StoreAndForward {
  public:
    struct Send {
        std::uint64_t payment = 0;  // seq
        bool reversal = false;      // else its advice
        bool repeat = false;
        bool give_up = false;  // not to be sent any more
    };

    // `started_at`: the last entry when the switch started.
    explicit StoreAndForward(std::uint64_t started_at) noexcept : m_started_at(started_at) {}

    // What goes to `link` now, by the monotonic clock, so that at most `most` are under way; it counts as sent. Terminals take
    // turns.
    [[nodiscard]] std::vector<Send> due(const switching::State& state, std::uint16_t link, std::size_t most, std::uint64_t now_ns);
    // The link's host has answered something; and what is owed of this payment, in whatever way (0: nothing that is owed).
    void heard(std::uint16_t link, std::uint64_t payment);
    // Its connection has ended, or there is a new one.
    void link_changed(std::uint16_t link);
    // Whether that is still what is owed next of the payment, and not parked: much may happen while the vault works.
    [[nodiscard]] static bool is_due(const switching::State& state, const Send& send);
    [[nodiscard]] std::size_t in_flight(std::uint16_t link) const;
    // How often it went out since the start; for reports.
    [[nodiscard]] std::uint32_t attempts(std::uint64_t payment) const;

  private:
    struct Sent {
        std::uint64_t last_ns = 0;
        std::uint32_t times = 0;
        std::uint32_t unheeded = 0;  // of these in a row, so many without an answer though its link answered others
        std::uint32_t cuts = 0;      // .. or ended on it while it was alone
        std::uint64_t answers = 0;   // of its link, when it went last
        bool reversal = false;
    };
    struct Flight {
        std::uint64_t sent_ns = 0;
        TerminalId terminal;
    };
    struct Link {
        std::map<std::uint64_t, Flight> in_flight;  // by payment
        std::set<std::uint64_t> suspects;           // payments
        bool alone = false;                         // what is in flight is a suspect
        TerminalId last;                                   // whose turn was last
        std::uint64_t answers = 0;                         // that came, of any kind
    };
    void settle(const switching::State& state, Link& link, std::uint64_t now_ns);
    [[nodiscard]] bool pauses(const switching::State& state, std::uint64_t payment, std::uint64_t now_ns) const;
    [[nodiscard]] static bool line_is_busy(const Link& link, const TerminalId& terminal);
    void take(const switching::State& state, Link& link, std::uint64_t payment, std::uint64_t now_ns, std::vector<Send>& out);
    [[nodiscard]] bool take_suspect(const switching::State& state, Link& link, std::uint64_t now_ns, std::vector<Send>& out);
    void forget(const switching::State& state, std::uint64_t now_ns);

    std::uint64_t m_started_at;
    std::map<std::uint64_t, Sent> m_sent;  // by payment, while something is owed of it
    std::map<std::uint16_t, Link> m_links;
    std::uint64_t m_forgot_ns = 0;
};

}  // namespace giro::appliance
