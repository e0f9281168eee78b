// The gate's connection to an issuer's host: connects out, reconnects with growing pauses, tells the switch whether it
// is up, carries frames both ways. The host is trusted with its own cards only: its bytes are checked like a
// terminal's.
#pragma once

#include "config/config.hpp"
#include "net/connections.hpp"
#include "terminal.hpp"

namespace giro::gate {

inline constexpr std::uint64_t kReconnectFirst_ms = 250;
inline constexpr std::uint64_t kReconnectMax_ms = 10'000;  // also the time after which an up link's history is forgiven

// The pause before the next attempt: doubles from kReconnectFirst_ms to kReconnectMax_ms, then a quarter of it more or
// less by `dice` (any 32 bits), so that many boxes do not come back to one host at the same instant.
[[nodiscard]] std::uint64_t reconnect_pause_ms(unsigned failures, std::uint32_t dice) noexcept;

class IssuerLink {
  public:
    IssuerLink(bus::Loop& loop, net::Connections& connections, const Shared& shared, Random& random,
               config::Link link);
    IssuerLink(const IssuerLink&) = delete;
    IssuerLink& operator=(const IssuerLink&) = delete;

    void connect();
    // The switch's message for the host; lost, and counted, when the link is down (the switch was told).
    void send(Bytes frame);
    // To the switch: at every change, and once a second, since the switch may have started anew.
    void report();
    [[nodiscard]] bool is_up() const noexcept { return m_up; }
    [[nodiscard]] std::uint16_t number() const noexcept { return m_link.number; }

  private:
    class Peer;
    void up();
    void down();

    net::Connections& m_connections;
    const Shared& m_shared;
    Random& m_random;
    const config::Link m_link;
    bus::Timer m_again;
    net::ConnectionId m_connection = 0;
    unsigned m_failures = 0;
    std::uint64_t m_up_since_ms = 0;
    bool m_up = false;
};

}  // namespace giro::gate
