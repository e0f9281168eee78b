#include "gate.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "util/log.hpp"
#include "wallet_peer.hpp"

namespace giro::gate {

namespace {
constexpr std::uint64_t kTick_ms = 1'000;
constexpr std::uint64_t kSilenceMargin_ms = 2'000;  // over the longest that the switch waits for an issuer
// A handshake costs a signature of the vault, during which the loop stands still: at most a tenth of its time.
constexpr std::uint32_t kHandshakesPerSecondMax = 300;
constexpr std::uint32_t kLinkHandshakesPerSecondMax = 50;
constexpr std::size_t kStrangersAtLinkMax = 64;
// Of connections_max: one address may not take a door, and the wallets' door, which anybody may knock at, not the box.
constexpr std::size_t kTlsShareOfOneSource = 4;
constexpr std::size_t kWalletShare = 2;
constexpr std::size_t kWalletShareOfOneSource = 16;
constexpr std::size_t kPerSourceAtLeast = 16;
// A new wallet is an entry in the journal for ever, and costs the stranger nothing. Many customers may share an address.
constexpr QuotaLimit kRegistrations{.burst = 100, .interval_ns = 2'000'000'000, .keys_max = 65'536};
}  // namespace

// Who connects to a link and is not its host is gone after its handshake; until then it must not keep the host out.
std::size_t connections_of(const config::Link& link) {
    const std::size_t own = link.addresses.size() * link.connections;
    return link.inbound && link.tls ? own + kStrangersAtLinkMax : own;
}

Gate::Gate(bus::Loop& loop, const Clock& clock, EventLog& events, GateOptions options)
    : m_loop(loop),
      m_clock(clock),
      m_events(events),
      m_options(std::move(options)),
      m_registrations(kRegistrations),
      m_ticker(loop, [this] { tick(); }),
      m_closer(loop, [this] { end("the switch does not say that it is done"); }) {
    for (const auto& dialect : m_options.dialects)
        m_translators.push_back(std::make_unique<Translator>(dialect, static_cast<std::uint8_t>(m_translators.size())));
}

Gate::~Gate() {
    if (!m_connections) return;
    const net::Counters& c = m_connections->counters();
    log::info("connections accepted {}, refused {}; answers for closed connections {}", c.accepted, c.refused,
              m_events.count(Event::reply_for_gone));
}

Result<std::unique_ptr<Gate>> Gate::open(bus::Loop& loop, bus::Context& context, const Clock& clock, Random& random,
                                         net::Signer& signer, EventLog& events, GateOptions options) {
    ASSERT(options.dialects.size() == config::dialects_of(options.config).size());
    net::Limits limits;
    limits.connections_max = options.config.gate.connections_max;
    limits.idle_timeout_ms = std::uint64_t{options.config.gate.idle_timeout_s} * 1000;
    std::unique_ptr<Gate> gate(new Gate(loop, clock, events, std::move(options)));
    gate->m_connections = std::make_unique<net::Connections>(loop, clock, limits);
    if (auto opened = gate->open_switch(context); !opened) return tl::unexpected(opened.error());
    if (auto opened = gate->open_doors(signer); !opened) return tl::unexpected(opened.error());
    if (auto opened = gate->open_links(random, signer); !opened) return tl::unexpected(opened.error());
    gate->m_ticker.every(kTick_ms);
    return gate;
}

Result<void> Gate::open_switch(bus::Context& context) {
    SwitchHandlers handlers;
    handlers.frame_out = [this](const bus::FrameOut& m) { frame_out(m); };
    handlers.link_frame_out = [this](const bus::LinkFrameOut& m) { link_frame_out(m); };
    handlers.wallet_reply = [this](const bus::WalletReply& m) { wallet_reply(m); };
    handlers.decided = [this] { release_held(); };
    handlers.hold = [this](bool held) { m_connections->hold_reading(held || m_closed); };
    handlers.closing = [this] { m_closer.once(kCloseMax_ms); };
    handlers.closed = [this] { end({}); };
    const std::uint64_t silent_ms = m_options.config.switching.forward_timeout_ms + kSilenceMargin_ms;
    auto port = SwitchPort::connect(m_loop, context, m_options.switch_endpoint, m_clock, m_events, silent_ms,
                                    m_options.config.gate.wait_max_ms, std::move(handlers));
    if (!port) return tl::unexpected(port.error());
    m_port = std::move(*port);
    return {};
}

const Shared& Gate::share(const std::string& dialect, const net::Framing& framing) {
    Translator& translator = *m_translators[config::dialect_number(m_options.config, dialect)];
    return *m_shared.emplace_back(std::make_unique<Shared>(Shared{m_clock, m_events, *m_port, translator, m_registrations, m_shed, m_held, framing}));
}

Result<void> Gate::open_doors(net::Signer& signer) {
    const config::Config& config = m_options.config;
    auto terminal_tls = net::ServerTls::create({m_options.server_certificate_pem, m_options.client_ca_pem}, signer);
    if (!terminal_tls) return tl::unexpected(terminal_tls.error());
    auto wallet_tls = net::ServerTls::create({m_options.server_certificate_pem, {}}, signer);
    if (!wallet_tls) return tl::unexpected(wallet_tls.error());
    m_terminal_tls = std::move(*terminal_tls);
    m_wallet_tls = std::move(*wallet_tls);

    const std::size_t all = config.gate.connections_max;
    const auto part = [all](std::size_t of) { return std::max(all / of, kPerSourceAtLeast); };
    const auto for_terminals = [&](std::string setting, bool tls, const Shared& shared) {
        net::ListenOptions door;
        door.setting = std::move(setting);
        door.make = [&shared](net::ConnectionId) { return std::make_unique<Terminal>(shared); };
        if (!tls) return door;
        door.tls = m_terminal_tls.get();
        door.per_source_max = part(kTlsShareOfOneSource);
        door.accepts_per_second_max = kHandshakesPerSecondMax;
        return door;
    };
    const Shared& own = share({}, config.gate.framing);
    net::ListenOptions wallets;
    wallets.setting = "gate.wallets";
    wallets.tls = m_wallet_tls.get();
    wallets.connections_max = part(kWalletShare);
    wallets.per_source_max = part(kWalletShareOfOneSource);
    wallets.accepts_per_second_max = kHandshakesPerSecondMax;
    wallets.make = [&own](net::ConnectionId) { return std::make_unique<WalletPeer>(own); };

    struct Door {
        const config::Address& address;
        net::ListenOptions options;
        std::uint16_t& port;
    };
    m_ports.more.resize(config.ports.size());
    std::vector<Door> doors;
    doors.push_back({config.gate.terminals, for_terminals("gate.terminals", false, own), m_ports.terminals});
    doors.push_back({config.gate.terminals_tls, for_terminals("gate.terminals_tls", true, own), m_ports.terminals_tls});
    doors.push_back({config.gate.wallets, std::move(wallets), m_ports.wallets});
    for (std::size_t i = 0; i < config.ports.size(); ++i) {
        const config::Port& port = config.ports[i];
        doors.push_back({port.address, for_terminals("port " + port.name, port.tls, share(port.dialect, port.framing)), m_ports.more[i]});
    }
    for (Door& door : doors) {
        auto port = open_door(door.address, std::move(door.options));
        if (!port) return tl::unexpected(port.error());
        door.port = *port;
    }
    return {};
}

Result<std::uint16_t> Gate::open_door(const config::Address& address, net::ListenOptions options) {
    options.host = address.host;
    options.port = address.port;
    return m_connections->listen(std::move(options));
}

Result<void> Gate::open_links(Random& random, net::Signer& signer) {
    for (const config::Link& link : m_options.config.links) {
        auto opened = open_link(link, random, signer);
        if (!opened) return fail(opened.error().kind, fmt::format("link {}: {}", link.name, opened.error().what));
    }
    return {};
}

Result<void> Gate::open_link(const config::Link& link, Random& random, net::Signer& signer) {
    const auto own_ca = m_options.host_ca_pem.find(link.number);
    const std::string& ca = own_ca == m_options.host_ca_pem.end() ? m_options.client_ca_pem : own_ca->second;
    const net::ClientTls* outbound = nullptr;
    net::ListenOptions door;
    if (link.tls && link.inbound) {
        auto tls = net::ServerTls::create({m_options.server_certificate_pem, ca, link.tls->peer}, signer);
        if (!tls) return tl::unexpected(tls.error());
        door.tls = m_inbound_tls.emplace_back(std::move(*tls)).get();
        door.accepts_per_second_max = kLinkHandshakesPerSecondMax;
    } else if (link.tls) {
        auto tls = net::ClientTls::create({m_options.server_certificate_pem, ca, link.tls->peer}, signer);
        if (!tls) return tl::unexpected(tls.error());
        outbound = m_outbound_tls.emplace_back(std::move(*tls)).get();
    }
    m_links.push_back(std::make_unique<IssuerLink>(m_loop, *m_connections, share(link.dialect, link.framing), random, link, outbound));
    IssuerLink& made = *m_links.back();
    std::uint16_t& port = m_ports.links.emplace_back();
    if (!link.inbound) {
        made.connect();
        return {};
    }
    door.setting = "listen of link " + link.name;
    door.standing = true;
    door.connections_max = connections_of(link);
    door.make = [&made](net::ConnectionId) { return made.accept(); };
    auto listens = open_door(link.addresses.front(), std::move(door));
    if (!listens) return tl::unexpected(listens.error());
    port = *listens;
    return {};
}

void Gate::frame_out(const bus::FrameOut& message) {
    net::Connection* connection = m_connections->find(message.connection);
    if (connection == nullptr) return m_events.note(Event::reply_for_gone, "switch");
    auto* terminal = dynamic_cast<Terminal*>(&connection->protocol());
    if (terminal == nullptr) return m_events.note(Event::reply_misdirected, "switch");
    terminal->answer(*connection, message);
}

void Gate::wallet_reply(const bus::WalletReply& message) {
    net::Connection* connection = m_connections->find(message.connection);
    if (connection == nullptr) return m_events.note(Event::reply_for_gone, "switch");
    auto* wallet = dynamic_cast<WalletPeer*>(&connection->protocol());
    if (wallet == nullptr) return m_events.note(Event::reply_misdirected, "switch");
    wallet->answer(*connection, message);
}

void Gate::link_frame_out(const bus::LinkFrameOut& message) {
    const auto link = std::ranges::find(m_links, message.link, [](const auto& l) { return l->number(); });
    if (link == m_links.end()) return m_events.note(Event::reply_misdirected, "switch");
    (*link)->send(message.frame, message.connection);
}

// One of each connection in turn.
void Gate::release_held() {
    if (m_closed) return;  // the switch was told that nothing new comes
    auto& waiting = m_held.connections;
    while (!waiting.empty() && m_port->takes_undoing()) {
        const net::ConnectionId id = waiting.front();
        waiting.pop_front();
        net::Connection* connection = m_connections->find(id);
        if (connection == nullptr) continue;  // its till asks again
        if (static_cast<Terminal&>(connection->protocol()).release(*connection)) waiting.push_back(id);
    }
}

void Gate::close(std::function<void()> done) {
    if (m_closed) return std::exchange(m_closed, [] {})();
    m_closed = std::move(done);
    m_connections->hold_reading(true);
    m_port->send_closing();
    m_closer.once(kCloseHeardMax_ms);
}

// What the switch said before leaves at the end of this turn: `done` is called after it.
void Gate::end(std::string_view how) {
    if (!m_closed) return;
    if (!how.empty()) log::warn("{}; hosts may not have heard that the box signs off", how);
    m_closer.stop();
    m_loop.defer([this] { m_loop.defer([this] { std::exchange(m_closed, [] {})(); }); });
}

void Gate::tick() {
    for (const auto& link : m_links) link->tick();
    m_port->tick();
    release_held();
}

}  // namespace giro::gate
