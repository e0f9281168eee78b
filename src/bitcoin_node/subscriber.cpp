#include "bitcoin_node/subscriber.hpp"

namespace giro::bitcoin_node {

class Subscriber::Protocol final : public net::Protocol {
  public:
    explicit Protocol(Subscriber& owner) : m_owner(&owner) {}
    void forget() { m_owner = nullptr; }
    void opened(net::Connection& connection) override { connection.send(m_reader.output()); }
    std::size_t received(net::Connection& connection, Bytes bytes) override {
        std::size_t notices = 0;
        const bool before = m_reader.subscribed();
        const bool understood = m_reader.feed(bytes, [&](const Notice& notice) {
            ++notices;
            if (m_owner != nullptr) m_owner->m_on_notice(notice);
        });
        const Buffer output = m_reader.output();
        if (!output.empty()) connection.send(output);
        if (!understood) connection.close();
        if (m_owner != nullptr && m_reader.subscribed() && !before) m_owner->m_on_up();
        return notices;
    }
    // A publisher may be silent for days; half a notice costs nothing but its memory, which is bounded.
    [[nodiscard]] bool mid_message() const override { return false; }
    void closed(net::Connection&, net::CloseReason) override {
        if (m_owner == nullptr) return;
        m_owner->m_protocol = nullptr;
        m_owner->m_again.once(kSubscribeAgain_ms);
    }
    [[nodiscard]] bool subscribed() const noexcept { return m_reader.subscribed(); }

  private:
    Subscriber* m_owner;  // null once it is gone
    NoticeReader m_reader;
};

Subscriber::Subscriber(bus::Loop& loop, net::Connections& connections, std::string host, std::uint16_t port, OnNotice on_notice,
                       std::function<void()> on_up)
    : m_connections(connections),
      m_host(std::move(host)),
      m_port(port),
      m_on_notice(std::move(on_notice)),
      m_on_up(std::move(on_up)),
      m_again(loop, [this] { connect(); }) {
    connect();
}

Subscriber::~Subscriber() {
    if (m_protocol != nullptr) m_protocol->forget();
}

bool Subscriber::subscribed() const noexcept {
    return m_protocol != nullptr && m_protocol->subscribed();
}

void Subscriber::connect() {
    const auto connected = m_connections.connect(m_host, m_port, [this](net::ConnectionId) {
        auto protocol = std::make_unique<Protocol>(*this);
        m_protocol = protocol.get();
        return protocol;
    });
    if (!connected) m_again.once(kSubscribeAgain_ms);  // no socket to be had now
}

}  // namespace giro::bitcoin_node
