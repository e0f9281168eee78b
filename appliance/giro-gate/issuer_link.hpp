// The gate's connections to an issuer's host: connects out, reconnects with growing pauses, or takes what the host makes;
// tells the switch how many there are, carries frames both ways. The host is trusted with its own cards only: its bytes are
// checked like a terminal's. With TLS each side shows a certificate, and the host's must bear the link's name for it.
#pragma once

#include "config/config.hpp"
#include "link_connections.hpp"
#include "net/connections.hpp"
#include "terminal.hpp"

namespace giro::gate {

inline constexpr std::uint64_t kReconnectFirst_ms = 250;
inline constexpr std::uint64_t kReconnectMax_ms = 10'000;  // also the time after which an up connection's history is forgiven
inline constexpr std::uint64_t kForgotten_ms = 10'000;     // one of several on which the host says nothing is made anew

// The pause before the next attempt: doubles from kReconnectFirst_ms to kReconnectMax_ms, then a quarter of it more or
// less by `dice` (any 32 bits), so that many boxes do not come back to one host at the same instant.
[[nodiscard]] std::uint64_t reconnect_pause_ms(unsigned failures, std::uint32_t dice) noexcept;

class IssuerLink {
  public:
    // `tls`: of connections that we make; null for plain, and where the host makes them.
    IssuerLink(bus::Loop& loop, net::Connections& connections, const Shared& shared, Random& random, config::Link link,
               const net::ClientTls* tls);
    ~IssuerLink();
    IssuerLink(const IssuerLink&) = delete;
    IssuerLink& operator=(const IssuerLink&) = delete;

    // Where we connect: once.
    void connect();
    // Where the host does: the other end of a connection that it made.
    [[nodiscard]] std::unique_ptr<net::Protocol> accept();
    // The switch's message for the host, on `connection` if that is one of the link's; lost, and counted, when there is none
    // (the switch was told).
    void send(Bytes frame, net::ConnectionId connection);
    // To the switch: at every change, and once a second, since the switch may have started anew.
    void report();
    void tick();
    [[nodiscard]] std::size_t connections() const noexcept { return m_open.size(); }
    [[nodiscard]] std::uint16_t number() const noexcept { return m_link.number; }

  private:
    class Peer;
    struct Dialer;
    void opened(net::Connection& connection, Dialer* dialer);
    void closed(net::Connection& connection, net::CloseReason reason, Dialer* dialer);
    void dial(Dialer& dialer);
    void dial_again(Dialer& dialer);
    [[nodiscard]] std::uint64_t now_ms() const { return m_shared.clock.monotonic_ns() / 1'000'000; }

    bus::Loop& m_loop;
    net::Connections& m_connections;
    const Shared& m_shared;
    Random& m_random;
    const config::Link m_link;
    const net::ClientTls* m_tls;
    std::vector<std::unique_ptr<Dialer>> m_dialers;  // one for each connection that is to be
    LinkConnections m_open;
};

}  // namespace giro::gate
