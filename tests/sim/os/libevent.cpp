// The part of libevent that the product uses, over the World: timers, deferred work, descriptors that become ready.
// A signal is never delivered; evconnlistener is in sockets.cpp.
#include <event2/event.h>

#include <unordered_map>

#include "giro/result.hpp"
#include "tests/sim/os/descriptors.hpp"

using namespace giro;
using namespace giro::sim;

struct event_base {
    Process* process;
};

struct event {
    std::uint64_t id;
    event_base* base;
    int fd;
    short wants;
    event_callback_fn callback;
    void* argument;
    bool pending = false;
    bool ready = false;
    short ready_what = 0;
    std::uint64_t interval_ns = 0;
    std::uint64_t timer = 0;  // which event_add() a planned firing belongs to
};

namespace {
std::unordered_map<std::uint64_t, event*> g_events;
std::uint64_t g_next_id = 1;

void activate(event& ev, short what) {
    if (!ev.base->process->alive) return;
    ev.ready_what = static_cast<short>(ev.ready_what | what);
    if (ev.ready) return;
    ev.ready = true;
    World::now()->make_ready(*ev.base->process, ev.id);
}

void timer_due(std::uint64_t id, std::uint64_t timer) {
    const auto found = g_events.find(id);
    if (found == g_events.end() || !found->second->pending || found->second->timer != timer) return;
    activate(*found->second, EV_TIMEOUT);
}

void plan_timer(event& ev) {
    World::now()->at(
        ev.interval_ns, [id = ev.id, timer = ev.timer] { timer_due(id, timer); }, ev.base->process);
}

short level(const event& ev) {
    return ev.fd < 0 || (ev.wants & EV_SIGNAL) != 0 ? short{0} : descriptor_ready(ev.fd, ev.wants);
}
}  // namespace

namespace giro::sim {
void fire_event(std::uint64_t id) {
    const auto found = g_events.find(id);
    if (found == g_events.end() || !found->second->ready) return;
    event& ev = *found->second;
    ev.ready = false;
    const short what = std::exchange(ev.ready_what, short{0});
    const bool persists = (ev.wants & EV_PERSIST) != 0;
    if (!persists) {
        ev.pending = false;
    } else if ((what & EV_TIMEOUT) != 0 && ev.interval_ns != 0) {
        ++ev.timer;
        plan_timer(ev);
    }
    ev.callback(ev.fd, what, ev.argument);
    // Level-triggered: what is still there is told again in the next turn.
    const auto again = g_events.find(id);
    if (again == g_events.end() || !again->second->pending) return;
    if (const short still = level(*again->second); still != 0)
        World::now()->at(
            2 * kMicrosecond, [id] { poll_event(id); }, again->second->base->process);
}

void poll_event(std::uint64_t id) {
    const auto found = g_events.find(id);
    if (found == g_events.end() || !found->second->pending) return;
    if (const short what = level(*found->second); what != 0) activate(*found->second, what);
}

void descriptor_changed(int fd) {
    for (const std::uint64_t id : events_of(fd)) poll_event(id);
}
}  // namespace giro::sim

extern "C" {
event_base* event_base_new(void) {
    ASSERT(World::now() != nullptr && World::now()->current() != nullptr);
    return new event_base{World::now()->current()};
}
void event_base_free(event_base* base) {
    delete base;
}
int event_base_loop(event_base*, int) {
    ASSERT(false);
}
int event_base_loopexit(event_base* base, const timeval*) {
    base->process->asked_to_stop = true;
    World::now()->make_ready(*base->process, 0);  // a turn, at whose end it stops
    return 0;
}
event* event_new(event_base* base, evutil_socket_t fd, short wants, event_callback_fn callback, void* argument) {
    auto* ev = new event{g_next_id++, base, fd, wants, callback, argument};
    g_events[ev->id] = ev;
    return ev;
}
int event_add(event* ev, const timeval* after) {
    ev->pending = true;
    ++ev->timer;
    if (after != nullptr) {
        ev->interval_ns = static_cast<std::uint64_t>(after->tv_sec) * kSecond +
                          static_cast<std::uint64_t>(after->tv_usec) * kMicrosecond;
        plan_timer(*ev);
    }
    if (ev->fd >= 0 && (ev->wants & EV_SIGNAL) == 0) {
        watch(ev->fd, ev->id);
        poll_event(ev->id);
    }
    return 0;
}
int event_del(event* ev) {
    ev->pending = ev->ready = false;
    ev->ready_what = 0;
    ++ev->timer;
    if (ev->fd >= 0) unwatch(ev->fd, ev->id);
    return 0;
}
void event_free(event* ev) {
    event_del(ev);
    g_events.erase(ev->id);
    delete ev;
}
void event_active(event* ev, int what, short) {
    activate(*ev, static_cast<short>(what));
}
int event_pending(const event* ev, short what, timeval*) {
    return ev->pending ? static_cast<short>((ev->wants & what) | (ev->interval_ns != 0 ? what & EV_TIMEOUT : 0)) : 0;
}
}
