#include "tests/sim/os/world.hpp"

#include <algorithm>

#include "giro/result.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define GIRO_SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define GIRO_SIM_ASAN 1
#endif
#endif

namespace giro::sim {

namespace {
constexpr std::size_t kStackBytes = std::size_t{512} << 10;
constexpr std::size_t kReadyPerTurnMax = 10'000;  // a loop that never comes to rest is a bug of the product
World* g_world = nullptr;
}  // namespace

struct World::Fiber {
    ucontext_t context{};
    std::unique_ptr<std::byte[]> stack;
    void* fake_stack = nullptr;
};

World::World(std::uint64_t seed) : random(seed), entropy(~seed), m_main(std::make_unique<Fiber>()) {
    ASSERT(g_world == nullptr);
    g_world = this;
    m_running = m_main.get();
}

World::~World() {
    ASSERT(m_blocked.empty());
    g_world = nullptr;
}

World* World::now() noexcept {
    return g_world;
}

std::uint64_t World::wall_ns() const noexcept {
    const std::int64_t offset = m_current == nullptr ? 0 : m_current->wall_offset_ns;
    return kEpoch_ns + m_now_ns + m_quiet_ns + static_cast<std::uint64_t>(offset);
}

void World::mix(std::uint64_t value) noexcept {
    m_digest = (m_digest ^ value) * 0x100000001b3U;
    m_digest ^= m_digest >> 29;
}

void World::trace(std::string_view line) {
    if (m_trace) m_trace(line);
}

// --- the queue ------------------------------------------------------------------------------------------------------

void World::plan(Planned planned) {
    m_queue.push_back(std::move(planned));
    std::push_heap(m_queue.begin(), m_queue.end(), Later{});
}

void World::at(std::uint64_t after_ns, std::function<void()> work, Process* process) {
    plan({m_now_ns + after_ns, m_order++, process, process == nullptr ? 0 : process->incarnation, nullptr, 0,
          std::move(work)});
}

void World::run(std::uint64_t until_ns, std::uint64_t events) {
    ASSERT(m_running == m_main.get());
    m_until_ns = until_ns;
    m_events_until = m_events + events;
    if (m_runner == nullptr) m_runner = fresh_fiber();
    switch_to(std::exchange(m_runner, nullptr));
}

// Stands on every fiber but the main one.
void World::loop() {
    for (;;) {
        if (m_ended || m_queue.empty() || m_queue.front().time_ns > m_until_ns || m_events >= m_events_until) {
            if (!m_ended && m_events < m_events_until) m_now_ns = std::max(m_now_ns, m_until_ns);
            m_runner = m_running;
            switch_to(m_main.get());
            continue;
        }
        take_one();
    }
}

void World::take_one() {
    std::pop_heap(m_queue.begin(), m_queue.end(), Later{});
    Planned next = std::move(m_queue.back());
    m_queue.pop_back();
    m_now_ns = std::max(m_now_ns, next.time_ns);
    if (next.resume != nullptr) {
        const auto blocked = m_blocked.find(next.process);
        if (blocked == m_blocked.end() || blocked->second.ticket != next.ticket) return;
        m_blocked.erase(blocked);
        next.process->blocked = false;
        for (Planned& parked : std::exchange(m_parked[next.process], {})) {
            parked.time_ns = m_now_ns;
            parked.order = m_order++;
            plan(std::move(parked));
        }
        ++m_events;
        Fiber* fiber = next.resume;
        next = {};
        return resume_now(fiber);
    }
    if (next.process == nullptr) {
        ++m_events;
        return next.work();
    }
    Process& process = *next.process;
    if (next.incarnation != process.incarnation || !process.alive) return;
    // A process does one thing at a time: while it is busy or suspended, its events wait.
    if (process.blocked) return m_parked[&process].push_back(std::move(next));
    if (process.busy_until_ns > m_now_ns) {
        next.time_ns = process.busy_until_ns;
        next.order = m_order++;
        return plan(std::move(next));
    }
    ++m_events;
    m_current = &process;
    next.work();
    m_current = nullptr;
}

// --- turns ----------------------------------------------------------------------------------------------------------

void World::make_ready(Process& process, std::uint64_t event_id) {
    if (!process.alive) return;
    process.ready.push_back(event_id);
    queue_turn(process);
}

void World::queue_turn(Process& process) {
    if (process.turn_queued) return;
    process.turn_queued = true;
    at(
        random.below(20 * kMicrosecond), [this, &process] { turn(process); }, &process);
}

void World::turn(Process& process) {
    process.turn_queued = false;
    mix(m_now_ns);
    const std::uint64_t life = process.incarnation;
    for (std::size_t i = 0; i < kReadyPerTurnMax && !process.ready.empty(); ++i) {
        const std::uint64_t id = process.ready.front();
        process.ready.pop_front();
        fire_event(id);
        if (!process.alive || process.incarnation != life) return;
    }
    process.busy_until_ns = m_now_ns + random.below(process.turn_cost_max_ns);
    if (process.asked_to_stop) {
        if (process.stopped) process.stopped();
        return;
    }
    if (!process.ready.empty()) queue_turn(process);
}

void World::as(Process& process, const std::function<void()>& work) {
    Process* const before = std::exchange(m_current, &process);
    work();
    m_current = before;
}

// --- calls that block -----------------------------------------------------------------------------------------------

void World::block(std::uint64_t deadline_ns) {
    Process* const process = m_current;
    ASSERT(process != nullptr && m_running != m_main.get());
    if (!process->alive) return;
    const std::uint64_t ticket = ++m_ticket;
    m_blocked[process] = {m_running, ticket};
    process->blocked = true;
    plan({std::max(deadline_ns, m_now_ns), m_order++, process, process->incarnation, m_running, ticket, {}});
    Fiber* next = nullptr;
    if (m_idle.empty()) {
        next = fresh_fiber();
    } else {
        next = m_idle.back();
        m_idle.pop_back();
    }
    m_current = nullptr;
    switch_to(next);
    m_current = process;
}

void World::wake(Process& process) {
    const auto blocked = m_blocked.find(&process);
    if (blocked == m_blocked.end()) return;
    const Blocked b = blocked->second;
    plan({m_now_ns, m_order++, &process, process.incarnation, b.fiber, b.ticket, {}});
}

void World::kill(Process& process, std::function<void()> unwound) {
    process.alive = false;
    process.ready.clear();
    process.turn_queued = false;
    // Whoever calls may stand in the process's own turn: its objects go when that has ended.
    wake(process);
    at(0, std::move(unwound));
}

// --- fibers ---------------------------------------------------------------------------------------------------------

World::Fiber* World::fresh_fiber() {
    m_fibers.push_back(std::make_unique<Fiber>());
    Fiber* fiber = m_fibers.back().get();
    fiber->stack = std::make_unique<std::byte[]>(kStackBytes);
    ASSERT(getcontext(&fiber->context) == 0);
    fiber->context.uc_stack.ss_sp = fiber->stack.get();
    fiber->context.uc_stack.ss_size = kStackBytes;
    fiber->context.uc_link = nullptr;
    makecontext(&fiber->context, &World::enter, 0);
    return fiber;
}

void World::enter() {
#ifdef GIRO_SIM_ASAN
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
    g_world->loop();
}

void World::switch_to(Fiber* fiber) {
    Fiber* const from = m_running;
    m_running = fiber;
#ifdef GIRO_SIM_ASAN
    static const void* main_bottom = nullptr;
    static std::size_t main_size = 0;
    const bool to_main = fiber == m_main.get();
    __sanitizer_start_switch_fiber(&from->fake_stack, to_main ? main_bottom : fiber->stack.get(),
                                   to_main ? main_size : kStackBytes);
    swapcontext(&from->context, &fiber->context);
    const void* bottom = nullptr;
    std::size_t size = 0;
    __sanitizer_finish_switch_fiber(from->fake_stack, &bottom, &size);
#else
    swapcontext(&from->context, &fiber->context);
#endif
}

// The fiber that calls stands in loop() and is free from here on.
void World::resume_now(Fiber* fiber) {
    m_idle.push_back(m_running);
    switch_to(fiber);
}

}  // namespace giro::sim
