#include "appliance/giro-explorer/confine.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

namespace giro::appliance {

namespace {
#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "which architecture this is, seccomp must be told"
#endif
// Numbers from here on are x32's other names for the same calls.
constexpr std::uint32_t kX32 = 0x40000000;

// ptrace is not among them: LeakSanitizer uses it on its own process, and the box's programs cannot be traced (skeleton.cpp).
constexpr int kRefused[] = {
    __NR_socket, __NR_socketpair, __NR_connect, __NR_bind, __NR_execve, __NR_execveat,
    __NR_process_vm_readv, __NR_process_vm_writev, __NR_pidfd_getfd, __NR_pidfd_open, __NR_pidfd_send_signal,
    __NR_kill, __NR_tkill, __NR_rt_sigqueueinfo, __NR_rt_tgsigqueueinfo, __NR_setpriority, __NR_sched_setaffinity, __NR_sched_setscheduler,
    __NR_sched_setparam, __NR_sched_setattr, __NR_ioprio_set, __NR_mount, __NR_setns, __NR_unshare, __NR_io_uring_setup, __NR_bpf, __NR_keyctl,
    __NR_userfaultfd, __NR_openat2, __NR_unlinkat, __NR_renameat2, __NR_linkat, __NR_symlinkat, __NR_mkdirat, __NR_mknodat, __NR_fchmodat,
    __NR_fchownat, __NR_truncate,
#ifdef __NR_open
    __NR_open, __NR_creat, __NR_unlink, __NR_rmdir, __NR_rename, __NR_link, __NR_symlink, __NR_mkdir, __NR_mknod, __NR_chmod, __NR_chown, __NR_lchown,
#endif
#ifdef __NR_renameat
    __NR_renameat,
#endif
};
// Calls that name a process: its own alone (or 0, which means it).
constexpr int kOwnProcess[] = {__NR_tgkill, __NR_prlimit64};

sock_filter statement(unsigned code, std::uint32_t k) {
    return {static_cast<std::uint16_t>(code), 0, 0, k};
}
sock_filter jump(unsigned code, std::uint32_t k, std::uint8_t yes, std::uint8_t no) {
    return {static_cast<std::uint16_t>(code), yes, no, k};
}

constexpr std::uint32_t argument(unsigned n) {  // its lower half: both architectures are little-endian
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + n * sizeof(std::uint64_t));
}

// Another architecture's call ends the process; one of the list is refused with EPERM; the rest is let through.
std::vector<sock_filter> filter() {
    constexpr std::uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;
    std::vector<sock_filter> code = {
        statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        jump(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
        statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        jump(BPF_JMP | BPF_JGE | BPF_K, kX32, 0, 1),
        statement(BPF_RET | BPF_K, kRefuse),
    };
    for (const int number : kRefused) {
        code.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1));
        code.push_back(statement(BPF_RET | BPF_K, kRefuse));
    }
    for (const int number : kOwnProcess) {
        code.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 5));
        code.push_back(statement(BPF_LD | BPF_W | BPF_ABS, argument(0)));
        code.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0));
        code.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(::getpid()), 1, 0));
        code.push_back(statement(BPF_RET | BPF_K, kRefuse));
        code.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    // Files are read, none is written or made.
    code.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 3));
    code.push_back(statement(BPF_LD | BPF_W | BPF_ABS, argument(2)));
    code.push_back(jump(BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 0, 1));
    code.push_back(statement(BPF_RET | BPF_K, kRefuse));
    code.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    return code;
}
}  // namespace

Result<void> confine_process() {
#ifndef GIRO_SANITIZED  // a sanitizer's shadow is larger than any machine
    const rlimit memory{kMemoryBytesMax, kMemoryBytesMax};
    static_cast<void>(::setrlimit(RLIMIT_AS, &memory));
#endif
    std::vector<sock_filter> code = filter();
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0) return {};
    return fail(Failure::Kind::refused, fmt::format("cannot confine itself: {}", std::strerror(errno)));
}

}  // namespace giro::appliance
