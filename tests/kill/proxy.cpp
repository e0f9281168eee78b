#include "tests/kill/proxy.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "tests/disk/random.hpp"

namespace ordeal {

namespace {
using giro::test::Random;
constexpr int kPoll_ms = 5;
constexpr std::size_t kLengthBytes = 2, kReadBytes = 64U << 10;

volatile sig_atomic_t g_calm = 1;

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

int listen_on(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    auto address = loopback(port);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd, SOMAXCONN) == 0);
    return fd;
}

int port_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return ntohs(address.sin_port);
}

// One direction of a connection: reads from one socket, writes to the other.
struct Direction {
    int from, to;
    Random random;
    std::string in, out;                           // a message begun; what the kernel would not take yet
    std::multimap<std::int64_t, std::string> late;  // by when it is due
    bool ends_when_written = false;
};

struct Line {
    Line(int a, int b, std::uint64_t seed) : ways{{a, b, Random(2 * seed), {}, {}, {}}, {b, a, Random(2 * seed + 1), {}, {}, {}}} {}
    ~Line() {
        ::close(ways[0].from);
        ::close(ways[1].from);
    }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    Direction ways[2];
};

// The child's whole life.
class Loop {
  public:
    Loop(int listener, int to, std::uint64_t seed, const Weather& weather) : m_listener(listener), m_to(to), m_seed(seed), m_weather(weather) {}

    [[noreturn]] void run() {
        for (;;) {
            std::vector<pollfd> fds{{m_listener, POLLIN, 0}};
            for (const Line& line : m_lines)
                for (const Direction& way : line.ways) fds.push_back({way.from, POLLIN, 0});
            ::poll(fds.data(), fds.size(), kPoll_ms);
            if (fds[0].revents != 0) accept();
            m_lines.remove_if([this](Line& line) { return !std::ranges::all_of(line.ways, [this](Direction& way) { return move(way); }); });
        }
    }

  private:
    void accept() {
        const int near = ::accept4(m_listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (near < 0) return;
        const int far = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const auto address = loopback(m_to);
        if (::connect(far, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            ::close(near);
            ::close(far);
            return;
        }
        const int on = 1;
        for (const int fd : {near, far}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::fcntl(far, F_SETFL, O_NONBLOCK);
        m_lines.emplace_back(near, far, m_seed + ++m_connections);
    }

    // False: the connection is over.
    bool move(Direction& way) {
        char bytes[kReadBytes];
        const ssize_t n = ::recv(way.from, bytes, sizeof bytes, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return false;
        way.in.append(bytes, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        while (!way.ends_when_written && way.in.size() >= kLengthBytes) {
            const std::size_t size = kLengthBytes + (static_cast<std::size_t>(static_cast<unsigned char>(way.in[0])) << 8U) + static_cast<unsigned char>(way.in[1]);
            if (way.in.size() < size) break;
            treat(way, way.in.substr(0, size));
            way.in.erase(0, size);
        }
        for (auto at = way.late.begin(); at != way.late.end() && at->first <= now_ms(); at = way.late.erase(at)) way.out += at->second;
        const ssize_t put = way.out.empty() ? 0 : ::send(way.to, way.out.data(), way.out.size(), MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN && errno != EINTR) return false;
        way.out.erase(0, static_cast<std::size_t>(std::max<ssize_t>(put, 0)));
        return !way.ends_when_written || !way.out.empty();
    }

    void treat(Direction& way, std::string message) {
        // The same number of draws for each message, so that one setting does not shift what becomes of the next.
        const auto strikes = [&](unsigned percent) { return way.random.below(100) < percent && g_calm == 0; };
        const bool lost = strikes(m_weather.lost), twice = strikes(m_weather.twice), late = strikes(m_weather.late);
        const bool cut_off = strikes(m_weather.cut_off), ended = strikes(m_weather.ended);
        const auto by_ms = static_cast<std::int64_t>(way.random.below(m_weather.late_ms + 1));
        if (lost) return;
        if (cut_off) message.resize(message.size() / 2);
        way.ends_when_written = cut_off || ended;
        for (int i = 0; i < (twice && !cut_off ? 2 : 1); ++i) {
            if (late && !way.ends_when_written) way.late.emplace(now_ms() + by_ms, message);
            else way.out += message;
        }
    }

    const int m_listener, m_to;
    const std::uint64_t m_seed;
    const Weather m_weather;
    std::uint64_t m_connections = 0;
    std::list<Line> m_lines;
};
}  // namespace

Proxy::Proxy(std::uint64_t seed, int port, int to, const Weather& weather) {
    const int listener = listen_on(port);
    m_port = port_of(listener);
    m_pid = ::fork();
    if (m_pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::signal(SIGUSR1, [](int) { g_calm = 1; });
        ::signal(SIGUSR2, [](int) { g_calm = 0; });
        Loop(listener, to, seed, weather).run();
    }
    ::close(listener);
    REQUIRE(m_pid > 0);
}

Proxy::~Proxy() {
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
}

void Proxy::calm() const { ::kill(m_pid, SIGUSR1); }
void Proxy::rage() const { ::kill(m_pid, SIGUSR2); }

}  // namespace ordeal
