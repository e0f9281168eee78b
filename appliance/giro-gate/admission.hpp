// Decides at the gate, before the switch has any work with it, whether a new payment is refused because it would wait too long.
// Pure: no socket, no clock. What the switch has not decided yet is counted by what it says (bus::Decided); how fast it
// decides is measured by the same.
//
// Shed are first-time payments and authorisations, 0800 and what wallets ask; and the repeat of one that was shed. Never shed:
// other repeats, reversals, advices, uploads and reconciliations, and issuers' answers; how many of these wait FlowControl
// bounds. Of these a reversal of what was shed here may wait at the gate for its turn: nothing stands that it would take back, and
// tills that reverse each refusal at once would else leave the switch no time for payments. Nobody has looked at a MAC here: so the two are counted apart, and whoever sends what is never shed leaves new
// payments a share; and a refusal has no MAC and decides nothing.
#pragma once

#include <cstdint>
#include <deque>

namespace giro::gate {

// New ones that may wait while it is not known how fast the switch is: it has never been busy.
inline constexpr std::uint64_t kUndecidedUnknown = 1'024;
inline constexpr std::uint64_t kUndecidedLeast = 64;    // however slow it is
inline constexpr std::uint64_t kUndecidedMax = 4'096;   // however fast; under FlowControl's kInFlightMax
inline constexpr std::uint64_t kFreshShare = 4;         // of the room, a fourth: for new ones whatever else waits
inline constexpr std::uint64_t kUndoingShare = 4;       // of the room, a fourth: for those that undo, and no more
inline constexpr std::uint64_t kWatchedMax = 65'536;    // requests that are kept count of

// What a request is to the room that there is.
enum class Work : std::uint8_t {
    fresh,    // may be shed: takes_new() is asked
    undoing,  // takes back what was shed here and has not been passed on: takes_undoing() is asked, and it waits
    owed,     // all else: it goes on at once
};

class Admission {
  public:
    explicit Admission(std::uint64_t wait_max_ms) noexcept : m_wait_max_ms(wait_max_ms) {}

    // Whether a new payment may be passed on. One each wait_max_ms may in any case, to find out.
    [[nodiscard]] bool takes_new(std::uint64_t now_ms) noexcept;
    // Whether one that undoes may be passed on now. They have a share of the room that new payments then do not have. Where the switch
    // stands still, or is another that knows nothing of what was passed on, one each wait_max_ms, to find out.
    [[nodiscard]] bool takes_undoing(std::uint64_t now_ms) noexcept;
    // A request was passed on; `stamp` tells it from the others.
    void passed(std::uint64_t stamp, Work work, std::uint64_t now_ms);
    // The switch has decided it and all before it. A stamp that is not waited for is none: another switch's, say.
    void decided(std::uint64_t stamp, std::uint64_t now_ms);

    [[nodiscard]] std::uint64_t undecided() const noexcept { return m_undecided.size(); }
    // How many may wait in all for a new one not to wait too long: what the switch decides in wait_max_ms, between the bounds.
    [[nodiscard]] std::uint64_t room() const noexcept;

  private:
    struct Passed {
        std::uint64_t stamp = 0;
        Work work = Work::owed;
    };
    [[nodiscard]] bool stalled(std::uint64_t now_ms) const noexcept;
    void measure(std::uint64_t decided, std::uint64_t now_ms) noexcept;
    void begin_measure(std::uint64_t now_ms) noexcept;

    const std::uint64_t m_wait_max_ms;
    std::deque<Passed> m_undecided;  // oldest first
    std::uint64_t m_fresh = 0, m_undoing = 0;  // of them
    std::uint64_t m_progress_ms = 0;  // something was decided last, or began to wait
    std::uint64_t m_probed_ms = 0, m_undoing_probed_ms = 0;
    double m_per_ms = 0;             // decided while it was busy; 0: not known
    std::uint64_t m_since_ms = 0, m_decided = 0, m_least = 0;  // the measurement under way; the fewest that waited in it
};

}  // namespace giro::gate
