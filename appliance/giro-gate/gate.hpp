// giro-gate without its process: the doors (terminals plain and TLS, wallets), the issuer links, and the way to the
// switch. Everything from the network is hostile; nothing is kept on disk and no secret is held.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "config/config.hpp"
#include "iso8583/dialect.hpp"
#include "issuer_link.hpp"
#include "net/connections.hpp"
#include "terminal.hpp"

namespace giro::gate {

struct GateOptions {
    const config::Config& config;
    std::filesystem::path switch_endpoint;  // run/switch.gate
    std::string server_certificate_pem;     // pub/server.pem
    std::string client_ca_pem;              // pub/ca.pem
    std::vector<iso8583::Dialect> dialects;  // by config::dialects_of
    // The certificate authorities of links' hosts, by the link's number; of one that is not there it is `client_ca_pem`.
    std::map<std::uint16_t, std::string> host_ca_pem{};
};

// Sockets that a link may have at once, strangers at its door included.
[[nodiscard]] std::size_t connections_of(const config::Link& link);

// In which the switch must say that it has heard that the gate will end; and in which it must have done its part. The supervisor
// waits a little longer.
inline constexpr std::uint64_t kCloseHeardMax_ms = 1'000;
inline constexpr std::uint64_t kCloseMax_ms = 8'000;

class Gate {
  public:
    // Failure::config when a port cannot be had or a certificate not be used. The four references must outlive the
    // gate.
    [[nodiscard]] static Result<std::unique_ptr<Gate>> open(bus::Loop& loop, bus::Context& context, const Clock& clock,
                                                            Random& random, net::Signer& signer, EventLog& events,
                                                            GateOptions options);
    ~Gate();
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    // The clean end: terminals and wallets are read no more, the switch answers what it has and signs off from the hosts. Then, at
    // the latest after kCloseMax_ms, `done` is called, once; asked for again it is called at once.
    void close(std::function<void()> done);

    struct Ports {
        std::uint16_t terminals = 0;
        std::uint16_t terminals_tls = 0;
        std::uint16_t wallets = 0;
        std::vector<std::uint16_t> more;  // of config.ports, in their order
        std::vector<std::uint16_t> links;  // of config.links, in their order; 0 of one that connects out
    };
    [[nodiscard]] const Ports& ports() const noexcept { return m_ports; }
    [[nodiscard]] const net::Connections& connections() const noexcept { return *m_connections; }
    [[nodiscard]] const FlowControl& flow() const noexcept { return m_port->flow(); }
    // In config.links' order.
    [[nodiscard]] const IssuerLink& link(std::size_t index) const { return *m_links.at(index); }

  private:
    Gate(bus::Loop& loop, const Clock& clock, EventLog& events, GateOptions options);
    [[nodiscard]] Result<void> open_switch(bus::Context& context);
    [[nodiscard]] Result<void> open_doors(net::Signer& signer);
    [[nodiscard]] Result<std::uint16_t> open_door(const config::Address& address, net::ListenOptions options);
    [[nodiscard]] Result<void> open_links(Random& random, net::Signer& signer);
    [[nodiscard]] Result<void> open_link(const config::Link& link, Random& random, net::Signer& signer);
    // What connections of that dialect (empty: the gate's) and framing share; lives as long as the gate.
    [[nodiscard]] const Shared& share(const std::string& dialect, const net::Framing& framing);
    void frame_out(const bus::FrameOut& message);
    void wallet_reply(const bus::WalletReply& message);
    void link_frame_out(const bus::LinkFrameOut& message);
    void release_held();  // as there is room
    void tick();
    void end(std::string_view how);

    bus::Loop& m_loop;
    const Clock& m_clock;
    EventLog& m_events;
    const GateOptions m_options;
    std::vector<std::unique_ptr<Translator>> m_translators;  // by dialect
    Quota<net::Source> m_registrations;
    ShedMemory m_shed;
    Held m_held;
    std::unique_ptr<SwitchPort> m_port;
    std::vector<std::unique_ptr<Shared>> m_shared;
    std::unique_ptr<net::ServerTls> m_terminal_tls;
    std::unique_ptr<net::ServerTls> m_wallet_tls;
    std::vector<std::unique_ptr<net::ServerTls>> m_inbound_tls;  // of links
    std::vector<std::unique_ptr<net::ClientTls>> m_outbound_tls;
    std::vector<std::unique_ptr<IssuerLink>> m_links;
    std::unique_ptr<net::Connections> m_connections;  // after what its protocols use
    Ports m_ports;
    bus::Timer m_ticker, m_closer;
    std::function<void()> m_closed;  // empty: it is not to end
};

}  // namespace giro::gate
