#include "issuer_link.hpp"

#include <algorithm>

namespace giro::gate {

std::uint64_t reconnect_pause_ms(unsigned failures, std::uint32_t dice) noexcept {
    constexpr unsigned kDoublingsMax = 6;
    static_assert(kReconnectFirst_ms << kDoublingsMax >= kReconnectMax_ms);
    const std::uint64_t pause = std::min(kReconnectFirst_ms << std::min(failures, kDoublingsMax), kReconnectMax_ms);
    return pause - pause / 4 + dice % (pause / 2 + 1);
}

class IssuerLink::Peer final : public net::FramedProtocol {
  public:
    explicit Peer(IssuerLink& link) noexcept
        : FramedProtocol(link.m_shared.clock, iso8583::kFrameBytesMax, link.m_shared.framing), m_link(link) {}
    void opened(net::Connection&) override { m_link.up(); }
    void closed(net::Connection&, net::CloseReason) override { m_link.down(); }

  private:
    void frame(net::Connection& connection, Bytes frame) override {
        pass_on(connection, frame);
        m_link.m_shared.translator.forget();
    }
    void pass_on(net::Connection& connection, Bytes frame) {
        const Shared& shared = m_link.m_shared;
        const auto read = shared.translator.read(frame, PaymentRequest::Source::link);
        if (!read) return refuse(connection, read.error());
        PaymentRequest& answer = **read;
        answer.connection = connection.id();
        answer.link = m_link.number();
        answer.received_ns = shared.clock.wall_ns();
        shared.port.send_answer(answer);
    }
    void frame_too_large(net::Connection& connection) override {
        m_link.m_shared.events.note(Event::frame_too_large, connection.peer());
    }
    // A broken answer is dropped and the link kept: the switch's own timeout decides that payment.
    void refuse(net::Connection& connection, Refusal why) {
        const Shared& shared = m_link.m_shared;
        if (why == Refusal::unreadable) {
            shared.events.note(Event::frame_unreadable, connection.peer());
            return connection.close();
        }
        if (why == Refusal::unanswerable) return shared.events.note(Event::answer_unusable, m_link.m_link.name);
        shared.events.note(why == Refusal::not_served ? Event::type_refused : Event::format_refused, connection.peer());
        send_message(connection, shared.translator.refusal(why));
    }
    IssuerLink& m_link;
};

IssuerLink::IssuerLink(bus::Loop& loop, net::Connections& connections, const Shared& shared, Random& random,
                       config::Link link)
    : m_connections(connections),
      m_shared(shared),
      m_random(random),
      m_link(std::move(link)),
      m_again(loop, [this] { connect(); }) {}

void IssuerLink::connect() {
    const auto begun = m_connections.connect(m_link.addresses.front().host, m_link.addresses.front().port,
                                             [this](net::ConnectionId) { return std::make_unique<Peer>(*this); });
    if (!begun) return down();  // no descriptor left
    m_connection = *begun;
}

void IssuerLink::up() {
    m_up = true;
    m_up_since_ms = m_shared.clock.monotonic_ns() / 1'000'000;
    m_shared.events.note(Event::link_up, m_link.name);
    report();
}

// A link that was up for a while starts again with the shortest pause; one that is cut right after each connect does
// not.
void IssuerLink::down() {
    const std::uint64_t now_ms = m_shared.clock.monotonic_ns() / 1'000'000;
    if (m_up && now_ms - m_up_since_ms >= kReconnectMax_ms) m_failures = 0;
    if (m_up || m_failures == 0) m_shared.events.note(Event::link_down, m_link.name);
    m_up = false;
    m_connection = 0;
    ByteArray<4> dice;
    m_random.fill(dice);
    std::uint32_t number = 0;
    std::memcpy(&number, dice.data(), sizeof number);
    m_again.once(reconnect_pause_ms(m_failures++, number));
    report();
}

void IssuerLink::send(Bytes frame) {
    net::Connection* connection = m_up ? m_connections.find(m_connection) : nullptr;
    if (connection == nullptr) return m_shared.events.note(Event::link_frame_lost, m_link.name);
    net::send_frame(*connection, frame, m_shared.framing);
}

void IssuerLink::report() {
    m_shared.port.send_link_state(number(), m_up ? 1 : 0);
}

}  // namespace giro::gate
