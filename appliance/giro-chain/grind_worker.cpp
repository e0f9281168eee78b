#include "appliance/giro-chain/grind_worker.hpp"

#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "giro/result.hpp"

namespace giro::appliance {

GrindWorker::GrindWorker(bus::Loop& loop, std::function<void(const chain::GrindResult&)> done)
    : m_done(std::move(done)), m_event_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), m_event(nullptr) {
    ASSERT(m_event_fd >= 0);
    m_event = event_new(loop.base(), m_event_fd, EV_READ | EV_PERSIST, &GrindWorker::finished, this);
    ASSERT(m_event != nullptr && event_add(m_event, nullptr) == 0);
}

GrindWorker::~GrindWorker() {
    stop();
    if (m_thread.joinable()) m_thread.join();
    event_free(m_event);
    ::close(m_event_fd);
}

void GrindWorker::start(const chain::BlockHeader& header) {
    ASSERT(!m_thread.joinable());
    m_stop = false;
    // Signals belong to the loop's thread: the new one inherits a full mask.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    m_thread = std::thread([this, header] {
        const sched_param none{};
        pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
        m_result = chain::grind(header, [this](std::uint64_t) { return !m_stop; });
        const eventfd_t one = 1;
        static_cast<void>(::eventfd_write(m_event_fd, one));
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void GrindWorker::finished(int, short, void* raw) {
    auto* self = static_cast<GrindWorker*>(raw);
    eventfd_t count = 0;
    if (::eventfd_read(self->m_event_fd, &count) != 0) return;
    self->m_thread.join();
    self->m_done(self->m_result);
}

}  // namespace giro::appliance
