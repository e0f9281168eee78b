#include "appliance/giro-explorer/confine.hpp"

#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

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
    __NR_process_vm_readv, __NR_process_vm_writev, __NR_pidfd_getfd, __NR_mount, __NR_setns, __NR_unshare,
    __NR_io_uring_setup, __NR_bpf, __NR_kill, __NR_tkill, __NR_keyctl, __NR_userfaultfd,
};

sock_filter statement(unsigned code, std::uint32_t k) {
    return {static_cast<std::uint16_t>(code), 0, 0, k};
}
sock_filter jump(unsigned code, std::uint32_t k, std::uint8_t yes, std::uint8_t no) {
    return {static_cast<std::uint16_t>(code), yes, no, k};
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
    code.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    return code;
}
}  // namespace

Result<void> confine_process() {
    std::vector<sock_filter> code = filter();
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0) return {};
    return fail(Failure::Kind::refused, fmt::format("cannot confine itself: {}", std::strerror(errno)));
}

}  // namespace giro::appliance
