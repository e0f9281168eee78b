// Instead of giro-chain/grind_worker.cpp: no thread. The nonce is found at once and comes some virtual time later.
#include "appliance/giro-chain/grind_worker.hpp"

#include <event2/event.h>

#include "giro/result.hpp"
#include "tests/sim/os/world.hpp"

namespace giro::appliance {

GrindWorker::GrindWorker(bus::Loop& loop, std::function<void(const chain::GrindResult&)> done)
    : m_done(std::move(done)),
      m_event_fd(-1),
      m_event(event_new(loop.base(), m_event_fd, EV_TIMEOUT, &GrindWorker::finished, this)) {}

GrindWorker::~GrindWorker() {
    event_free(m_event);
}

void GrindWorker::start(const chain::BlockHeader& header) {
    m_stop = false;
    m_result = chain::grind(header, [](std::uint64_t) { return true; });
    const auto us = static_cast<suseconds_t>(1'000 + sim::World::now()->random.below(300'000));
    const timeval after{0, us};
    event_add(m_event, &after);
}

void GrindWorker::finished(int, short, void* raw) {
    auto* self = static_cast<GrindWorker*>(raw);
    if (self->m_stop) self->m_result.end = chain::GrindResult::End::stopped;
    self->m_done(self->m_result);
}

}  // namespace giro::appliance
