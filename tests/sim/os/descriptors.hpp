// What the files of the simulated system share: descriptors that are none of the real system's.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/sim/os/world.hpp"

namespace giro::sim {

inline constexpr int kFirstDescriptor = 1 << 20;

// Something with a descriptor: a socket, a listener, a message queue.
class Descriptor {
  public:
    virtual ~Descriptor() = default;
    [[nodiscard]] virtual bool readable() const = 0;
    [[nodiscard]] virtual bool writable() const { return false; }
    std::vector<std::uint64_t> watchers;  // ids of events
};

// Registers; the descriptor's owner removes it.
int add_descriptor(Descriptor* descriptor);
void remove_descriptor(int fd);
[[nodiscard]] Descriptor* find_descriptor(int fd);

void watch(int fd, std::uint64_t event_id);
void unwatch(int fd, std::uint64_t event_id);
[[nodiscard]] std::vector<std::uint64_t> events_of(int fd);
// Of `wants` (EV_READ, EV_WRITE), what is so now.
[[nodiscard]] short descriptor_ready(int fd, short wants);
// Readable or writable may have become true: whoever watches is told.
void descriptor_changed(int fd);
void poll_event(std::uint64_t event_id);

}  // namespace giro::sim
