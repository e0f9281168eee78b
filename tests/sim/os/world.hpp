// One simulated machine room: a virtual clock, a seeded generator, an event queue, and processes that take turns. One
// thread. What the product asks its operating system for (libevent, sockets, clocks, randomness) is answered by
// the files beside this one, which the linker takes instead of the real libraries; the product's code is unchanged.
//
// A process takes one turn at a time: all events that are ready, then it waits. A call that blocks (bus::SyncClient's) suspends
// the turn on a stack of its own while the others go on. A process that was killed still has its objects destroyed, but
// nothing it does then reaches anybody.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "tests/disk/random.hpp"

namespace giro::sim {

using test::Random;

inline constexpr std::uint64_t kMicrosecond = 1'000, kMillisecond = 1'000'000, kSecond = 1'000'000'000;
inline constexpr std::uint64_t kEpoch_ns = 1'790'000'000 * kSecond;  // the simulation's first moment: a day in 2026

// A running program, or an actor that has a turn of its own.
struct Process {
    std::string name;
    std::uint64_t incarnation = 0;  // counts starts: events for an earlier life are dropped
    bool alive = false;             // false: killed or ended; what it still does has no effect
    bool blocked = false;           // its turn is suspended in a call
    bool turn_queued = false;
    bool asked_to_stop = false;  // event_base_loopexit()
    std::uint64_t busy_until_ns = 0;
    std::uint64_t turn_cost_max_ns = 60 * kMicrosecond;
    std::int64_t wall_offset_ns = 0;  // its wall clock against the world's
    std::deque<std::uint64_t> ready;  // ids of events, in the order they became ready
    std::function<void()> stopped;    // called on a turn of its own once asked_to_stop
};

class World {
  public:
    explicit World(std::uint64_t seed);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    // The one world there is, or null: then every call goes to the real system.
    [[nodiscard]] static World* now() noexcept;

    [[nodiscard]] std::uint64_t time_ns() const noexcept { return m_now_ns; }
    [[nodiscard]] std::uint64_t wall_ns() const noexcept;
    // A quiet time passes for everybody: the wall clocks move on, and nothing else happens.
    void pass(std::uint64_t quiet_ns) noexcept { m_quiet_ns += quiet_ns; }
    [[nodiscard]] std::uint64_t events() const noexcept { return m_events; }
    Random random;   // what happens
    Random entropy;  // what getrandom() gives
    // Grows with everything that happens, so that two runs can be compared.
    void mix(std::uint64_t value) noexcept;
    [[nodiscard]] std::uint64_t digest() const noexcept { return m_digest; }

    // Runs `work` at `after_ns` from now. With a process: in its turn, and only while that life of it lasts.
    void at(std::uint64_t after_ns, std::function<void()> work, Process* process = nullptr);
    // Until the queue is empty, `until_ns` is reached, `events` more have happened, or end() was called.
    void run(std::uint64_t until_ns, std::uint64_t events);
    void end() noexcept { m_ended = true; }
    [[nodiscard]] bool ended() const noexcept { return m_ended; }
    void resume() noexcept { m_ended = false; }

    [[nodiscard]] Process* current() const noexcept { return m_current; }
    // Runs `work` as `process` (its objects are made and destroyed by it).
    void as(Process& process, const std::function<void()>& work);

    // Suspends the current process's turn until wake() or `deadline_ns`; false when it is dead or has no turn.
    void block(std::uint64_t deadline_ns);
    void wake(Process& process);
    // The process died. A suspended turn of it is resumed, so that it unwinds; `unwound` runs after that.
    void kill(Process& process, std::function<void()> unwound);

    // --- for the files beside this one ---
    void make_ready(Process& process, std::uint64_t event_id);
    // A line for the trace, if there is one. Nothing is formatted otherwise.
    [[nodiscard]] bool traces() const noexcept { return m_trace != nullptr; }
    void trace(std::string_view line);
    void set_trace(std::function<void(std::string_view)> trace) { m_trace = std::move(trace); }
    // Everything the programs logged, for the checkers; called per line.
    std::function<void(std::string_view process, std::string_view line)> on_log;

  private:
    struct Fiber;
    struct Planned {
        std::uint64_t time_ns;
        std::uint64_t order;
        Process* process;
        std::uint64_t incarnation;
        Fiber* resume;  // a suspended turn
        std::uint64_t ticket;
        std::function<void()> work;
    };
    struct Later {
        bool operator()(const Planned& a, const Planned& b) const noexcept {
            return a.time_ns != b.time_ns ? a.time_ns > b.time_ns : a.order > b.order;
        }
    };
    struct Blocked {
        Fiber* fiber = nullptr;
        std::uint64_t ticket = 0;
    };

    void plan(Planned planned);
    void loop();
    void take_one();
    void turn(Process& process);
    void queue_turn(Process& process);
    void resume_now(Fiber* fiber);
    void switch_to(Fiber* fiber);
    Fiber* fresh_fiber();
    static void enter();

    std::uint64_t m_now_ns = 0;
    std::uint64_t m_quiet_ns = 0;
    std::uint64_t m_events = 0;
    std::uint64_t m_digest = 0x9e3779b97f4a7c15U;
    std::uint64_t m_order = 0;
    std::uint64_t m_ticket = 0;
    std::uint64_t m_until_ns = 0, m_events_until = 0;
    bool m_ended = false;
    std::vector<Planned> m_queue;  // a heap
    Process* m_current = nullptr;
    std::map<Process*, Blocked> m_blocked;
    std::map<Process*, std::vector<Planned>> m_parked;  // came while its turn was suspended
    std::unique_ptr<Fiber> m_main;
    std::vector<std::unique_ptr<Fiber>> m_fibers;
    std::vector<Fiber*> m_idle;  // stand in loop()
    Fiber* m_running = nullptr;
    Fiber* m_runner = nullptr;  // the one that stands in loop() while run() is not under way
    std::function<void(std::string_view)> m_trace;
};

// The event whose id was made ready: called by World in its process's turn (libevent.cpp).
void fire_event(std::uint64_t id);

}  // namespace giro::sim
