// A terminal with its connection, and what all terminals of a run need: configuration, dialect, keys.
#pragma once

#include <optional>

#include "appliance/giro/pos_connection.hpp"
#include "appliance/giro/pos_scenario.hpp"
#include "appliance/giro/terminal.hpp"
#include "util/environment.hpp"

namespace giro::pos {

// Loaded once a run. Not movable once stations refer to it.
struct Equipment {
    config::Paths paths;
    config::Config config;
    config::Address address;  // of the port
    iso8583::Dialect dialect;
    net::Framing framing;
    std::optional<TlsContext> tls;
    SystemClock clock;
    SystemRandom random;
    [[nodiscard]] Now now() const { return {clock.monotonic_ns(), clock.wall_ns()}; }
};
// Failure when the box in `paths` is not provisioned, its files are wrong, or what `speech` names is not there.
[[nodiscard]] Result<std::unique_ptr<Equipment>> load_equipment(const config::Paths& paths, const Speech& speech = {});
// A framing in words, or a usage error that lists them.
[[nodiscard]] Result<net::Framing> framing_of(const std::string& words);

// The demo terminal of that index, or the one with DUKPT keys; and what it proves itself with.
[[nodiscard]] Identity identity_of(const config::Config& config, std::uint32_t terminal_index, bool dukpt = false);
[[nodiscard]] Identity identity_of(const config::Config& config, const TerminalId& terminal);
[[nodiscard]] Result<Keys> terminal_keys_of(const config::Paths& paths, const TerminalId& terminal);

class Station final : public Wire, public Connection::Listener {
  public:
    Station(bus::Loop& loop, const Equipment& equipment, const config::Address& address, Identity identity, Keys keys,
            std::uint64_t timeout_ms, Shared& shared, Observer& observer)
        : m_equipment(equipment), m_terminal(identity, std::move(keys), timeout_ms * 1'000'000, shared, *this, observer),
          m_connection(loop, address, equipment.tls ? equipment.tls->handle() : nullptr, *this, equipment.framing) {
        // Each run is another start of the same terminal, and keeps no file: its STANs follow from the clock, so that a
        // raise, a completion and two reversals of one payment are not one request, nor is a key exchange an old one.
        constexpr std::uint64_t kStanEvery_ns = 10'000'000, kStans = 999'900;
        m_terminal.continue_from(static_cast<std::uint32_t>(equipment.clock.wall_ns() / kStanEvery_ns % kStans));
    }

    [[nodiscard]] Terminal& terminal() noexcept { return m_terminal; }
    [[nodiscard]] const Terminal& terminal() const noexcept { return m_terminal; }
    [[nodiscard]] const std::string& last_error() const noexcept { return m_connection.last_error(); }
    [[nodiscard]] std::uint64_t connections_lost() const noexcept { return m_lost; }

    void send(Bytes frame) override { m_connection.send(frame); }
    void connected() override { m_terminal.connected(m_equipment.now()); }
    void disconnected() override {
        ++m_lost;
        m_terminal.disconnected();
    }
    void received(Bytes message) override { m_terminal.received(message, m_equipment.now()); }

  private:
    const Equipment& m_equipment;
    std::uint64_t m_lost = 0;
    Terminal m_terminal;
    Connection m_connection;
};

}  // namespace giro::pos
