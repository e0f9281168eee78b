#include "bus/loop.hpp"

#include <event2/event.h>

#include <csignal>

#include "giro/result.hpp"

namespace giro::bus {

namespace {
timeval to_timeval(std::uint64_t milliseconds) noexcept {
    return {static_cast<time_t>(milliseconds / 1000), static_cast<suseconds_t>(milliseconds % 1000 * 1000)};
}
}  // namespace

Loop::Loop() : m_base(event_base_new()) {
    ASSERT(m_base != nullptr);
    m_deferred_event = event_new(m_base, -1, 0, &Loop::run_deferred, this);
    ASSERT(m_deferred_event != nullptr);
}

Loop::~Loop() {
    for (event* e : m_signals)
        if (e != nullptr) event_free(e);
    event_free(m_deferred_event);
    event_base_free(m_base);
}

void Loop::run() { ASSERT(event_base_loop(m_base, EVLOOP_NO_EXIT_ON_EMPTY) >= 0); }
void Loop::stop() noexcept { event_base_loopexit(m_base, nullptr); }

void Loop::handle_stop_signals(std::function<void()> on_signal) {
    m_on_signal = on_signal ? std::move(on_signal) : [this] { stop(); };
    std::signal(SIGPIPE, SIG_IGN);
    const int numbers[] = {SIGTERM, SIGINT};
    for (int i = 0; i < 2; ++i) {
        m_signals[i] = evsignal_new(m_base, numbers[i], &Loop::signalled, this);
        ASSERT(m_signals[i] != nullptr && event_add(m_signals[i], nullptr) == 0);
    }
}

void Loop::signalled(int, short, void* self) { static_cast<Loop*>(self)->m_on_signal(); }

void Loop::defer(std::function<void()> work) {
    if (m_deferred.empty()) event_active(m_deferred_event, EV_TIMEOUT, 0);
    m_deferred.push_back(std::move(work));
}

void Loop::run_deferred(int, short, void* self) {
    auto work = std::move(static_cast<Loop*>(self)->m_deferred);
    static_cast<Loop*>(self)->m_deferred.clear();
    for (auto& one : work) one();
}

Timer::Timer(Loop& loop, std::function<void()> work) : m_event(nullptr), m_base(loop.base()), m_work(std::move(work)) {}

Timer::~Timer() { stop(); }

void Timer::start(std::uint64_t milliseconds, short flags) {
    stop();
    m_event = event_new(m_base, -1, flags, &Timer::fired, this);
    const timeval after = to_timeval(milliseconds);
    ASSERT(m_event != nullptr && event_add(m_event, &after) == 0);
}

void Timer::once(std::uint64_t milliseconds) { start(milliseconds, 0); }
void Timer::every(std::uint64_t milliseconds) { start(milliseconds, EV_PERSIST); }

void Timer::stop() noexcept {
    if (m_event != nullptr) event_free(m_event);
    m_event = nullptr;
}

void Timer::fired(int, short, void* self) { static_cast<Timer*>(self)->m_work(); }

}  // namespace giro::bus
