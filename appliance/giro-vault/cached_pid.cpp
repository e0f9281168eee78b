// getpid() of giro-vault, answered from memory. SoftHSM asks in each call of PKCS#11 who it is, so as to see a fork: two
// system calls a MAC, a twentieth of its price. A child of fork() hears its own number, as ever (the C library kept it in the
// same way until 2.25); a child that runs in its parent's memory (vfork, posix_spawn) does so until it becomes another
// program. Linked into giro-vault alone; the benchmark of the bare token is without it.
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace {
std::atomic<pid_t> g_pid{0};  // 0: not asked yet

// Before any library's own handlers for a child that it registers once this program runs.
__attribute__((constructor)) void forget_in_children() {
    ::pthread_atfork(nullptr, nullptr, [] { g_pid.store(0, std::memory_order_relaxed); });
}
}  // namespace

extern "C" pid_t getpid() noexcept {
    pid_t pid = g_pid.load(std::memory_order_relaxed);
    if (pid == 0) g_pid.store(pid = static_cast<pid_t>(::syscall(SYS_getpid)), std::memory_order_relaxed);
    return pid;
}
