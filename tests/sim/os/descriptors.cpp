#include "tests/sim/os/descriptors.hpp"

#include <event2/event.h>

#include <algorithm>
#include <unordered_map>

namespace giro::sim {

namespace {
std::unordered_map<int, Descriptor*> g_descriptors;
int g_next = kFirstDescriptor;
}  // namespace

int add_descriptor(Descriptor* descriptor) {
    g_descriptors[g_next] = descriptor;
    return g_next++;
}

void remove_descriptor(int fd) {
    g_descriptors.erase(fd);
    if (g_descriptors.empty()) g_next = kFirstDescriptor;  // the next world begins as this one did
}

Descriptor* find_descriptor(int fd) {
    const auto found = g_descriptors.find(fd);
    return found == g_descriptors.end() ? nullptr : found->second;
}

void watch(int fd, std::uint64_t event_id) {
    Descriptor* d = find_descriptor(fd);
    if (d != nullptr && std::ranges::find(d->watchers, event_id) == d->watchers.end()) d->watchers.push_back(event_id);
}

void unwatch(int fd, std::uint64_t event_id) {
    if (Descriptor* d = find_descriptor(fd); d != nullptr) std::erase(d->watchers, event_id);
}

std::vector<std::uint64_t> events_of(int fd) {
    const Descriptor* d = find_descriptor(fd);
    return d == nullptr ? std::vector<std::uint64_t>{} : d->watchers;
}

short descriptor_ready(int fd, short wants) {
    const Descriptor* d = find_descriptor(fd);
    if (d == nullptr) return 0;
    int ready = 0;
    if ((wants & EV_READ) != 0 && d->readable()) ready |= EV_READ;
    if ((wants & EV_WRITE) != 0 && d->writable()) ready |= EV_WRITE;
    return static_cast<short>(ready);
}

}  // namespace giro::sim
