#include "appliance/giro/pos_mischief.hpp"

#include "appliance/giro/demo.hpp"

namespace giro::pos {

class Mischief::Peer final : public Connection::Listener {
  public:
    Peer(Kind kind, bus::Loop& loop, const Equipment& equipment, const config::Address& address)
        : m_kind(kind),
          m_connection(loop, address, equipment.tls ? equipment.tls->handle() : nullptr, *this, equipment.framing) {}
    void connected() override { m_connected = true; }
    void disconnected() override {
        m_connected = false;
        if (m_kind != Kind::cut) ++totals.hung_up;
    }
    void received(Bytes) override {}

    void cut(Bytes frame) {
        if (m_kind != Kind::cut || !m_connected) return;
        m_connection.send_half(frame);
        ++totals.frames_cut;
    }
    // As many as are due since the start; what the box was too slow to take is not made up for.
    void keep_alive(std::uint64_t due) {
        if (m_kind != Kind::keep_alives) return;
        constexpr ByteArray<kLengthBytes> kKeepAlive{};
        if (m_connected)
            for (std::uint64_t i = m_due; i < due; ++i) {
                m_connection.send(kKeepAlive);
                ++totals.keep_alives_sent;
            }
        m_due = due;
        totals.keep_alives_heard = m_connection.keep_alives();
    }
    Totals totals;

  private:
    const Kind m_kind;
    bool m_connected = false;
    std::uint64_t m_due = 0;
    Connection m_connection;
};

Mischief::Mischief(bus::Loop& loop, const Equipment& equipment, const config::Address& address, const Bad& bad)
    : m_keep_alives_per_second(bad.keep_alives_per_second) {
    Frame frame;
    MessageBuilder builder(equipment.dialect);
    MacKey key(Secret(Buffer(vault::kTerminalKeyBytes)), {});  // any: nobody is to believe what is cut off
    const auto built = builder.network(frame, identity_of(equipment.config, 1), NetworkCode::echo, 1,
                                       Stamp::at(equipment.clock.wall_ns()), key);
    if (built) m_frame.assign(frame.view().begin(), frame.view().end());
    for (std::uint32_t i = 0; i < bad.silent; ++i) m_peers.emplace_back(Kind::silent, loop, equipment, address);
    for (std::uint32_t i = 0; i < bad.cut_frames; ++i) m_peers.emplace_back(Kind::cut, loop, equipment, address);
    for (std::uint32_t i = 0; i < bad.keep_alives; ++i)
        m_peers.emplace_back(Kind::keep_alives, loop, equipment, address);
}

Mischief::~Mischief() = default;

void Mischief::tick(std::uint64_t now_ns) {
    if (m_started_ns == 0) m_started_ns = now_ns;
    const std::uint64_t due = (now_ns - m_started_ns) / 1'000 * m_keep_alives_per_second / 1'000'000;
    for (Peer& peer : m_peers) {
        if (m_frame.size() > kLengthBytes) peer.cut(m_frame);
        peer.keep_alive(due);
    }
}

Mischief::Totals Mischief::totals() const {
    Totals all;
    for (const Peer& peer : m_peers) {
        all.frames_cut += peer.totals.frames_cut;
        all.keep_alives_sent += peer.totals.keep_alives_sent;
        all.keep_alives_heard += peer.totals.keep_alives_heard;
        all.hung_up += peer.totals.hung_up;
    }
    return all;
}

}  // namespace giro::pos
