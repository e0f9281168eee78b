// Hears what a Bitcoin node publishes (zmtp.hpp), over one standing connection that is made again when it breaks. Used by
// giro-chain. A notice is a hint to ask, never more: any program of this machine could listen at the node's port first.
#pragma once

#include "bitcoin_node/zmtp.hpp"
#include "net/connections.hpp"

namespace giro::bitcoin_node {

inline constexpr std::uint64_t kSubscribeAgain_ms = 1'000;

class Subscriber {
  public:
    using OnNotice = std::function<void(const Notice&)>;
    // Connects now, and again and again. `host` is numeric. `on_up`: notices come from now on, and some may have been missed.
    // Neither is called after this was destroyed.
    Subscriber(bus::Loop& loop, net::Connections& connections, std::string host, std::uint16_t port, OnNotice on_notice,
               std::function<void()> on_up);
    ~Subscriber();
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;
    [[nodiscard]] bool subscribed() const noexcept;

  private:
    class Protocol;
    void connect();
    net::Connections& m_connections;
    const std::string m_host;
    const std::uint16_t m_port;
    const OnNotice m_on_notice;
    const std::function<void()> m_on_up;
    Protocol* m_protocol = nullptr;  // of the connection, which owns it; null when there is none
    bus::Timer m_again;
};

}  // namespace giro::bitcoin_node
