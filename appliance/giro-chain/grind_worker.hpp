// Grinds on a thread of its own at SCHED_IDLE, so that the loop answers meanwhile and payments always come first. The
// one thread of the box's programs: it shares nothing with the loop but one job and its result.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include "bus/loop.hpp"
#include "chain/grinder.hpp"

namespace giro::appliance {

class GrindWorker {
  public:
    // `done` is called on the loop, once for each start().
    GrindWorker(bus::Loop& loop, std::function<void(const chain::GrindResult&)> done);
    ~GrindWorker();
    GrindWorker(const GrindWorker&) = delete;
    GrindWorker& operator=(const GrindWorker&) = delete;
    void start(const chain::BlockHeader& header);  // ASSERTs that no job is under way
    void stop() noexcept { m_stop = true; }        // the job then ends with End::stopped, unless it just found one

  private:
    static void finished(int, short, void* self);
    std::function<void(const chain::GrindResult&)> m_done;
    std::thread m_thread;
    std::atomic<bool> m_stop = false;
    chain::GrindResult m_result;  // written by the thread before it signals, read after it was joined
    int m_event_fd;
    event* m_event;
};

}  // namespace giro::appliance
