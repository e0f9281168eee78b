#include "appliance/giro/box_child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace giro::cli {

Failure::Kind kind_of_exit(int status) noexcept {
    switch (status) {
        case 2: return Failure::Kind::config;
        case 3: return Failure::Kind::not_provisioned;
        case 4: return Failure::Kind::integrity;
        case 75: return Failure::Kind::try_again;
        default: return Failure::Kind::refused;
    }
}

namespace {
// True when READY came; false when the pipe was closed first or the time is over.
bool read_ready(int fd, std::uint64_t timeout_ms) {
    pollfd wait{fd, POLLIN, 0};
    char text[8];
    return ::poll(&wait, 1, static_cast<int>(timeout_ms)) > 0 && ::read(fd, text, sizeof text) > 0;
}
}  // namespace

Result<Child> Child::start(const std::filesystem::path& program, const std::vector<std::string>& arguments, Options options) {
    if (::access(program.c_str(), X_OK) != 0)
        return fail(Failure::Kind::config, fmt::format("{} is missing; build it or install it", program.string()));
    std::vector<char*> argv{const_cast<char*>(program.c_str())};  // exec does not write there
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const int log_fd = options.log.empty() ? -1 : ::open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int ready[2];
    ASSERT(::pipe2(ready, O_CLOEXEC) == 0);
    if (options.wait_ready_ms > 0) ::setenv("GIRO_READY_FD", std::to_string(ready[1]).c_str(), 1);
    const int pid = ::fork();
    if (pid == 0) {
        if (log_fd >= 0) ::dup2(log_fd, STDERR_FILENO);
        ::dup2(STDERR_FILENO, STDOUT_FILENO);
        if (options.wait_ready_ms > 0) ::fcntl(ready[1], F_SETFD, 0);
        ::execv(program.c_str(), argv.data());
        ::_exit(127);
    }
    ::unsetenv("GIRO_READY_FD");
    ::close(ready[1]);
    if (log_fd >= 0) ::close(log_fd);
    const bool is_ready = pid > 0 && options.wait_ready_ms > 0 && read_ready(ready[0], options.wait_ready_ms);
    ::close(ready[0]);
    if (pid < 0) return fail(Failure::Kind::try_again, fmt::format("cannot start {}: {}", program.string(), std::strerror(errno)));
    Child child(pid);
    if (options.wait_ready_ms == 0 || is_ready) return child;
    ::kill(pid, SIGTERM);
    const int status = child.wait();
    return fail(status == 0 ? Failure::Kind::try_again : kind_of_exit(status),
                fmt::format("{} did not start; it says why {}", program.filename().string(),
                            options.log.empty() ? "above" : "in " + options.log.string()));
}

int Child::wait() noexcept {
    int status = 0;
    while (m_pid > 0 && ::waitpid(m_pid, &status, 0) < 0 && errno == EINTR) {}
    m_pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

Child::~Child() {
    if (m_pid <= 0) return;
    ::kill(m_pid, SIGTERM);
    wait();
}

}  // namespace giro::cli
