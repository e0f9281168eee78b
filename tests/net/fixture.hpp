// For the tests of sockets: a loop that runs until something is true, a clock that stands still, blocking client
// sockets.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <chrono>
#include <functional>
#include <string>

#include "bus/loop.hpp"
#include "giro/environment.hpp"
#include "giro/result.hpp"

namespace giro::net {

// Time as the test says.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(std::uint64_t now_ns = 1'000'000'000'000) : m_now_ns(now_ns) {}
    [[nodiscard]] std::uint64_t wall_ns() const override { return m_now_ns; }
    [[nodiscard]] std::uint64_t monotonic_ns() const override { return m_now_ns += m_each_look_ns; }
    void advance_ms(std::uint64_t ms) { m_now_ns += ms * 1'000'000; }
    // From now on time passes while it is looked at.
    void advance_by_each_look_ms(std::uint64_t ms) { m_each_look_ns = ms * 1'000'000; }

  private:
    mutable std::uint64_t m_now_ns;
    std::uint64_t m_each_look_ns = 0;
};

// Turns the loop until `done()`; false when that does not come about in ten seconds (a failing test, not a race).
inline bool run_until(bus::Loop& loop, const std::function<bool()>& done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    bus::Timer waker(loop, [] {});
    waker.every(5);
    while (!done()) {
        if (std::chrono::steady_clock::now() > give_up) return false;
        event_base_loop(loop.base(), EVLOOP_ONCE);
    }
    return true;
}

// A plain blocking client on loopback.
class ClientSocket {
  public:
    explicit ClientSocket(std::uint16_t port) : m_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT(::connect(m_fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    }
    ~ClientSocket() { close(); }
    ClientSocket(const ClientSocket&) = delete;
    ClientSocket& operator=(const ClientSocket&) = delete;
    void close() {
        if (m_fd >= 0) ::close(m_fd);
        m_fd = -1;
    }
    void send(std::string_view text) const {
        ASSERT(::send(m_fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }
    // As much as fits without waiting; the bytes that went.
    [[nodiscard]] std::size_t send_some(std::string_view text) const {
        const ssize_t n = ::send(m_fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return n < 0 ? 0 : static_cast<std::size_t>(n);
    }
    // Takes what has arrived into received(); true once the peer has closed.
    bool poll_closed() {
        char buffer[4096];
        for (;;) {
            const ssize_t n = ::recv(m_fd, buffer, sizeof buffer, MSG_DONTWAIT);
            if (n > 0)
                m_received.append(buffer, static_cast<std::size_t>(n));
            else
                return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
        }
    }
    [[nodiscard]] const std::string& received() {
        static_cast<void>(poll_closed());
        return m_received;
    }
    [[nodiscard]] int fd() const noexcept { return m_fd; }

  private:
    int m_fd;
    std::string m_received;
};

}  // namespace giro::net
