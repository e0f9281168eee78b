// bench_bare: what the system gives before Giro does anything, so that its own figures can be read as ratios: an echo
// over 64 loopback connections, and a round trip over a Unix socket, one at a time and with many under way. The token's
// bare rate stands in bench_hsm, SQLite's in bench_journal, PostgreSQL's is taken by giro-bench. One JSON line.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "giro/result.hpp"
#include "tests/bench/measure.hpp"

namespace {
constexpr std::size_t kMessageBytes = 200;  // about a 0200
constexpr int kConnections = 64;
constexpr int kEchoes = 200'000;
constexpr int kUnloaded = 10'000;
constexpr int kWindowed = 500'000;
constexpr int kWindow = 256;  // messages under way over the Unix socket: what the kernel keeps for it
using Message = std::array<char, kMessageBytes>;

double cpu_seconds(int who) {
    rusage used{};
    ASSERT(::getrusage(who, &used) == 0);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// `work` in a process of its own, which ends with this one.
template <typename Work>
pid_t start(Work work) {
    const pid_t pid = ::fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        work();
        std::_Exit(0);
    }
    return pid;
}

void end(pid_t pid) {
    ::kill(pid, SIGTERM);
    ASSERT(::waitpid(pid, nullptr, 0) == pid);
}

// --- an echo over loopback ----------------------------------------------------------------------------------------

int listen_on_loopback(sockaddr_in& address) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && ::listen(fd, kConnections) == 0 &&
           ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return fd;
}

void watch(int poller, int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{EPOLLIN, {.fd = fd}};
    ASSERT(::epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == 0);
}

// Calls `take` with each descriptor that has a whole message, as long as it returns true.
template <typename Take>
void serve(int poller, Take take) {
    std::array<epoll_event, kConnections> ready;
    for (;;) {
        const int n = ::epoll_wait(poller, ready.data(), kConnections, -1);
        for (int i = 0; i < n; ++i) {
            Message message;
            const int fd = ready[static_cast<std::size_t>(i)].data.fd;
            const ssize_t got = ::recv(fd, message.data(), message.size(), MSG_WAITALL);
            if (got == 0) return;
            ASSERT(got == static_cast<ssize_t>(message.size()));
            if (!take(fd, message)) return;
        }
    }
}

void send_whole(int fd, const Message& message) {
    ASSERT(::send(fd, message.data(), message.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(message.size()));
}

struct Echo {
    double per_second = 0, cpu_us = 0;  // of both sides together
};

Echo echo() {
    sockaddr_in address{};
    const int listener = listen_on_loopback(address);
    const double children = cpu_seconds(RUSAGE_CHILDREN);
    const pid_t server = start([listener] {
        const int poller = ::epoll_create1(0);
        for (int i = 0; i < kConnections; ++i) watch(poller, ::accept(listener, nullptr, nullptr));
        serve(poller, [](int fd, const Message& message) {
            send_whole(fd, message);
            return true;
        });
    });
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    std::array<int, kConnections> terminals;
    for (int& fd : terminals) {
        fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ASSERT(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        watch(poller, fd);
    }
    const double self = cpu_seconds(RUSAGE_SELF);
    const auto began = bench::Steady::now();
    for (const int fd : terminals) send_whole(fd, {});
    int answered = 0;
    serve(poller, [&](int fd, const Message& message) {
        if (++answered == kEchoes) return false;
        send_whole(fd, message);
        return true;
    });
    const double taken = bench::seconds_since(began);
    const double own_cpu = cpu_seconds(RUSAGE_SELF) - self;
    end(server);
    for (const int fd : terminals) ::close(fd);
    ::close(poller);
    ::close(listener);
    return {kEchoes / taken, (own_cpu + cpu_seconds(RUSAGE_CHILDREN) - children) * 1e6 / kEchoes};
}

// --- a Unix socket ------------------------------------------------------------------------------------------------

void receive_whole(int fd, Message& message) {
    ASSERT(::recv(fd, message.data(), message.size(), MSG_WAITALL) == static_cast<ssize_t>(message.size()));
}

struct RoundTrip {
    double unloaded_us = 0, windowed_us = 0;
};

RoundTrip round_trip() {
    std::array<int, 2> ends{};
    ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const pid_t server = start([&ends] {
        for (Message message;;) {
            receive_whole(ends[1], message);
            send_whole(ends[1], message);
        }
    });
    RoundTrip out;
    Message message{};
    auto began = bench::Steady::now();
    for (int i = 0; i < kUnloaded; ++i) {
        send_whole(ends[0], message);
        receive_whole(ends[0], message);
    }
    out.unloaded_us = bench::seconds_since(began) * 1e6 / kUnloaded;
    began = bench::Steady::now();
    for (int i = 0; i < kWindow; ++i) send_whole(ends[0], message);
    for (int i = 0; i < kWindowed; ++i) {
        receive_whole(ends[0], message);
        if (i + kWindow < kWindowed) send_whole(ends[0], message);
    }
    out.windowed_us = bench::seconds_since(began) * 1e6 / kWindowed;
    end(server);
    for (const int fd : ends) ::close(fd);
    return out;
}
}  // namespace

int main() {
    std::vector<double> echoes, cpu, unloaded, windowed;
    for (int run = 0; run < bench::runs(); ++run) {
        const Echo e = echo();
        const RoundTrip r = round_trip();
        echoes.push_back(e.per_second);
        cpu.push_back(e.cpu_us);
        unloaded.push_back(r.unloaded_us);
        windowed.push_back(r.windowed_us);
    }
    fmt::print(
        "{{\"echo_per_s\":{:.0f},\"echo_cpu_us\":{:.2f},\"unix_round_trip_us\":{:.1f},\"unix_windowed_us\":{:.3f},"
        "\"connections\":{},\"message_bytes\":{}}}\n",
        bench::median(echoes), bench::median(cpu), bench::median(unloaded), bench::median(windowed), kConnections,
        kMessageBytes);
}
