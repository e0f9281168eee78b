// All sockets of a program: its listeners, the connections they accepted, and those it made itself. Bounds their number
// in all, per listener and per source address, so that one peer cannot use up the box.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "bus/loop.hpp"
#include "giro/environment.hpp"
#include "giro/result.hpp"
#include "net/address.hpp"
#include "net/connection.hpp"
#include "net/tls.hpp"

struct evconnlistener;

namespace giro::net {

inline constexpr std::size_t kReadBytes = 64U << 10;       // one read from a plain socket; TLS gives 16 KiB at most
inline constexpr int kReadsPerWakeMax = 16;                // then the others get their turn
inline constexpr std::uint64_t kSweepInterval_ms = 1'000;  // how late a deadline may be noticed
inline constexpr std::uint64_t kGoodbye_ms = 2'000;        // how long close_after_sending() waits for the peer

struct Limits {
    std::size_t connections_max = 4096;         // of all listeners together, but for standing ones
    std::uint64_t idle_timeout_ms = 300'000;    // of accepted connections; TCP's keep-alive watches the others
    std::uint64_t slow_peer_ms = 10'000;        // for a message, a TLS handshake or a TCP connect once begun
    std::size_t output_bytes_max = 256U << 10;  // per connection
};

using MakeProtocol = std::function<std::unique_ptr<Protocol>(ConnectionId)>;

struct ListenOptions {
    std::string host;                                   // numeric
    std::uint16_t port = 0;                             // 0: any free one (tests)
    std::string setting;                                // where it was configured, for messages: "gate.terminals"
    const ServerTls* tls = nullptr;                     // null: plain; must outlive Connections
    std::size_t connections_max = SIZE_MAX;             // of this listener
    std::size_t per_source_max = SIZE_MAX;              // of this listener from one address (IPv6: one /64)
    // A TLS handshake costs a signature of the vault. One source gets at most half of it (at least one).
    std::uint32_t accepts_per_second_max = UINT32_MAX;
    // For a link's host: its connections stand as those that we make do (never held, no idle_timeout_ms, TCP's keep-alive), and
    // do not count among Limits::connections_max: however many terminals there are, it gets in.
    bool standing = false;
    MakeProtocol make;
};

struct Counters {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;     // closed unread: over a bound
    std::uint64_t closed[7] = {};  // by CloseReason
};

class Connections {
  public:
    Connections(bus::Loop& loop, const Clock& clock, Limits limits);
    ~Connections();  // closes everything; Protocol::closed() is not called any more
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;

    // The port it listens on. Failure::config, one line naming address and setting, when that cannot be had.
    [[nodiscard]] Result<std::uint16_t> listen(ListenOptions options);
    // Begins to connect. The outcome is Protocol::opened() or closed(connect_failed, tls_refused), later, from the loop.
    // Failure::config when `host` is not numeric. `tls`: null for plain; must outlive Connections.
    [[nodiscard]] Result<ConnectionId> connect(const std::string& host, std::uint16_t port, const MakeProtocol& make,
                                               const ClientTls* tls = nullptr);

    // Null once it is closed.
    [[nodiscard]] Connection* find(ConnectionId id) noexcept;
    // While held, nothing is read from any connection that a listener accepted: back-pressure from behind.
    void hold_reading(bool held);
    [[nodiscard]] bool reading_held() const noexcept { return m_held; }
    [[nodiscard]] std::size_t size() const noexcept { return m_open.size(); }
    [[nodiscard]] const Counters& counters() const noexcept { return m_counters; }
    // Checks every deadline against the clock. The loop does this each kSweepInterval_ms.
    void sweep();

  private:
    friend class Connection;
    struct Listener;
    struct Origin {
        Listener* listener = nullptr;  // null: outbound
        Source source{};
    };
    struct Entry {
        std::unique_ptr<Connection> connection;
        Origin origin;
    };

    void accept(Listener& listener, int fd, const Address& from);
    [[nodiscard]] bool admit(Listener& listener, const Source& source);
    [[nodiscard]] static bool may_accept_again(const Listener& listener, const Source& source);
    void accept_failed(Listener& listener);
    Connection& add(int fd, ssl_st* tls, bool connecting, const Address& peer, const MakeProtocol& make,
                    const Origin& origin);
    void forget(const Origin& origin);
    // For Connection:
    [[nodiscard]] event_base* base() noexcept { return m_loop.base(); }
    [[nodiscard]] std::uint64_t now_ms() const { return m_clock.monotonic_ns() / 1'000'000; }
    [[nodiscard]] MutableBytes read_buffer() noexcept { return m_read_buffer; }
    [[nodiscard]] const Limits& limits() const noexcept { return m_limits; }
    [[nodiscard]] bool holds(const Connection& connection) const noexcept;
    void flush_later(Connection& connection);
    void closed(Connection& connection, CloseReason reason);
    void end_turn_later();
    void end_turn();

    bus::Loop& m_loop;
    const Clock& m_clock;
    const Limits m_limits;
    bus::Timer m_sweeper;
    Buffer m_read_buffer;  // one for all: between two wakes a connection keeps only what is incomplete
    std::vector<std::unique_ptr<Listener>> m_listeners;
    std::unordered_map<ConnectionId, Entry> m_open;
    std::vector<Connection*> m_to_flush;
    std::vector<std::unique_ptr<Connection>> m_dead;  // until the end of the turn
    std::size_t m_accepted_now = 0;
    ConnectionId m_next = 1;
    bool m_held = false;
    bool m_end_of_turn_pending = false;
    Counters m_counters;
    std::shared_ptr<Connections*> m_self;  // null inside once destroyed: deferred work may run later than that
};

}  // namespace giro::net
