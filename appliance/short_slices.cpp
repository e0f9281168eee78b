#include "appliance/short_slices.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace giro::appliance {

namespace {
constexpr std::uint64_t kSlice_ns = 100'000;  // the shortest that Linux grants

// struct sched_attr of sched_setattr(2) in its first version, which glibc 2.36 does not have.
struct Attributes {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime_ns, deadline_ns, period_ns;
};
static_assert(sizeof(Attributes) == 48);
}  // namespace

void ask_for_short_slices() noexcept {
    Attributes own{};
    if (::syscall(SYS_sched_getattr, 0, &own, sizeof own, 0) != 0 || own.policy != SCHED_OTHER) return;
    own.size = sizeof own;
    own.flags = 0;
    own.runtime_ns = kSlice_ns;
    static_cast<void>(::syscall(SYS_sched_setattr, 0, &own, 0));
}

}  // namespace giro::appliance
