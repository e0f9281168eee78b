// Clocks, randomness and what else programs ask the system for. Without a World the real system answers.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <cstring>
#include <ctime>
#include <string_view>

#include "tests/sim/os/disk_space.hpp"
#include "tests/sim/os/world.hpp"

using namespace giro::sim;

namespace {
constexpr std::uint64_t kGhostStep_ns = kSecond;
std::uint64_t g_ghost_ns = 0;
int g_urandom = -1;
std::uint64_t g_disk_free = kDiskRoomy_bytes;

// A dead process whose objects are being destroyed finds every deadline passed, so that none of its loops goes on.
std::uint64_t ghost_time(const World& world) {
    if (world.current() == nullptr || world.current()->alive) return 0;
    return g_ghost_ns += kGhostStep_ns;
}
}  // namespace

namespace giro::sim {
void set_disk_free(std::uint64_t bytes) {
    g_disk_free = bytes;
}
}  // namespace giro::sim

extern "C" {
int clock_gettime(clockid_t id, timespec* out) noexcept {
    const World* world = World::now();
    if (world == nullptr) return static_cast<int>(::syscall(SYS_clock_gettime, id, out));
    std::uint64_t ns =
        id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? world->wall_ns() : world->time_ns() + kSecond;
    ns += ghost_time(*world);
    out->tv_sec = static_cast<time_t>(ns / kSecond);
    out->tv_nsec = static_cast<long>(ns % kSecond);
    return 0;
}

ssize_t getrandom(void* out, size_t size, unsigned flags) {
    World* world = World::now();
    if (world == nullptr) return ::syscall(SYS_getrandom, out, size, flags);
    auto* bytes = static_cast<unsigned char*>(out);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(world->entropy.next() >> 32);
    return static_cast<ssize_t>(size);
}

int getentropy(void* out, size_t size) {
    return getrandom(out, size, 0) == static_cast<ssize_t>(size) ? 0 : -1;
}

// Botan reads its randomness from the device. The product's own files are opened here too.
int open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = va_arg(arguments, unsigned);
    va_end(arguments);
    const auto fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
    if (std::string_view(path) == "/dev/urandom") g_urandom = fd;
    return fd;
}

ssize_t read(int fd, void* out, size_t size) {
    if (World::now() != nullptr && fd == g_urandom) return getrandom(out, size, 0);
    return ::syscall(SYS_read, fd, out, size);
}

int statvfs(const char*, struct statvfs* out) noexcept {
    std::memset(out, 0, sizeof *out);
    out->f_frsize = 4096;
    out->f_bavail = g_disk_free / out->f_frsize;
    return 0;
}

// A simulated program changes nothing of the process it is simulated in.
int mlockall(int) noexcept {
    return 0;
}
int nice(int) noexcept {
    return 0;
}
int sched_setscheduler(pid_t, int, const sched_param*) noexcept {
    return 0;
}

ssize_t write(int fd, const void* data, size_t size) {
    World* world = World::now();
    if (world == nullptr || fd != STDERR_FILENO) return ::syscall(SYS_write, fd, data, size);
    const std::string_view line(static_cast<const char*>(data), size);
    const std::string_view who = world->current() == nullptr ? std::string_view("-") : world->current()->name;
    if (world->on_log) world->on_log(who, line);
    return static_cast<ssize_t>(size);
}
}
