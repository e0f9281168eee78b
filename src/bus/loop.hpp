// One event loop per program: libevent, timers, deferred work at the end of a turn, stop signals. No threads, no locks.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

struct event;
struct event_base;

namespace giro::bus {

class Loop {
  public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Runs until stop(). Returns when the turn that called stop() has ended.
    void run();
    void stop() noexcept;
    // SIGTERM and SIGINT call `on_signal` (default: stop()); SIGPIPE is ignored.
    void handle_stop_signals(std::function<void()> on_signal = {});
    // Runs `work` once, after the events that are ready now: where batches are flushed.
    void defer(std::function<void()> work);
    [[nodiscard]] event_base* base() noexcept { return m_base; }

  private:
    event_base* m_base;
    event* m_deferred_event;
    event* m_signals[2] = {nullptr, nullptr};
    std::vector<std::function<void()>> m_deferred;
    std::function<void()> m_on_signal;
    static void run_deferred(int, short, void* self);
    static void signalled(int, short, void* self);
};

// Calls back after or every `milliseconds` until destroyed or stopped.
class Timer {
  public:
    Timer(Loop& loop, std::function<void()> work);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void once(std::uint64_t milliseconds);
    void every(std::uint64_t milliseconds);
    void stop() noexcept;

  private:
    event* m_event;
    event_base* m_base;
    std::function<void()> m_work;
    void start(std::uint64_t milliseconds, short flags);
    static void fired(int, short, void* self);
};

}  // namespace giro::bus
