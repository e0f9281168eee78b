#include "issuer_link.hpp"

#include <algorithm>

namespace giro::gate {

std::uint64_t reconnect_pause_ms(unsigned failures, std::uint32_t dice) noexcept {
    constexpr unsigned kDoublingsMax = 6;
    static_assert(kReconnectFirst_ms << kDoublingsMax >= kReconnectMax_ms);
    const std::uint64_t pause = std::min(kReconnectFirst_ms << std::min(failures, kDoublingsMax), kReconnectMax_ms);
    return pause - pause / 4 + dice % (pause / 2 + 1);
}

// One connection that we keep: a place among the link's, whether it is open or not.
struct IssuerLink::Dialer {
    Dialer(bus::Loop& loop, IssuerLink& link, std::size_t to) : address(to), again(loop, [this, &link] { link.dial(*this); }) {}
    std::size_t address;  // its place in Link::addresses
    bus::Timer again;
    unsigned failures = 0;
    std::uint64_t up_since_ms = 0;  // 0: not open
};

class IssuerLink::Peer final : public net::FramedProtocol {
  public:
    Peer(IssuerLink& link, Dialer* dialer) noexcept
        : FramedProtocol(link.m_shared.clock, iso8583::kFrameBytesMax, link.m_shared.framing), m_link(link), m_dialer(dialer) {}
    void opened(net::Connection& connection) override { m_link.opened(connection, m_dialer); }
    void closed(net::Connection& connection, net::CloseReason reason) override { m_link.closed(connection, reason, m_dialer); }

  private:
    void frame(net::Connection& connection, Bytes frame) override {
        m_link.m_open.heard(connection.id());
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
    Dialer* const m_dialer;  // null: the host made it
};

IssuerLink::IssuerLink(bus::Loop& loop, net::Connections& connections, const Shared& shared, Random& random, config::Link link,
                       const net::ClientTls* tls)
    : m_loop(loop),
      m_connections(connections),
      m_shared(shared),
      m_random(random),
      m_link(std::move(link)),
      m_tls(tls),
      m_open(m_link.mode, (1 + std::uint64_t{m_link.down_after}) * m_link.echo_timeout_ms) {}

IssuerLink::~IssuerLink() = default;

void IssuerLink::connect() {
    ASSERT(!m_link.inbound && m_dialers.empty());
    for (std::size_t address = 0; address < m_link.addresses.size(); ++address)
        for (unsigned i = 0; i < m_link.connections; ++i) m_dialers.push_back(std::make_unique<Dialer>(m_loop, *this, address));
    for (const auto& dialer : m_dialers) dial(*dialer);
}

std::unique_ptr<net::Protocol> IssuerLink::accept() { return std::make_unique<Peer>(*this, nullptr); }

void IssuerLink::dial(Dialer& dialer) {
    const config::Address& to = m_link.addresses[dialer.address];
    const auto begun = m_connections.connect(
        to.host, to.port, [&](net::ConnectionId) { return std::make_unique<Peer>(*this, &dialer); }, m_tls);
    if (!begun) dial_again(dialer);  // no descriptor left
}

// A connection that was up for a while starts again with the shortest pause; one that is cut right after each connect does
// not.
void IssuerLink::dial_again(Dialer& dialer) {
    if (dialer.up_since_ms != 0 && now_ms() - dialer.up_since_ms >= kReconnectMax_ms) dialer.failures = 0;
    dialer.up_since_ms = 0;
    ByteArray<4> dice;
    m_random.fill(dice);
    std::uint32_t number = 0;
    std::memcpy(&number, dice.data(), sizeof number);
    dialer.again.once(reconnect_pause_ms(dialer.failures++, number));
}

void IssuerLink::opened(net::Connection& connection, Dialer* dialer) {
    if (dialer == nullptr && m_open.size() >= m_link.connections) return connection.close();
    if (dialer != nullptr) dialer->up_since_ms = now_ms();
    m_open.opened(connection.id(), dialer == nullptr ? 0 : dialer->address);
    if (m_open.size() == 1) m_shared.events.note(Event::link_up, m_link.name);
    report();
}

void IssuerLink::closed(net::Connection& connection, net::CloseReason reason, Dialer* dialer) {
    const bool was_open = m_open.has(connection.id());
    m_open.closed(connection.id());
    if (reason != net::CloseReason::connect_failed) note_closed(m_shared.events, connection, reason);
    const bool first_failure = dialer != nullptr && !was_open && dialer->failures == 0;
    if (m_open.size() == 0 && (was_open || first_failure)) m_shared.events.note(Event::link_down, m_link.name);
    if (dialer != nullptr) dial_again(*dialer);
    if (was_open) report();
}

void IssuerLink::send(Bytes frame, net::ConnectionId connection) {
    const bool back = m_open.has(connection);
    const net::ConnectionId chosen = back ? connection : m_open.choose(now_ms());
    net::Connection* open = chosen == 0 ? nullptr : m_connections.find(chosen);
    if (open == nullptr) return m_shared.events.note(Event::link_frame_lost, m_link.name);
    net::send_frame(*open, frame, m_shared.framing);
}

void IssuerLink::report() {
    m_shared.port.send_link_state(number(), static_cast<std::uint16_t>(m_open.size()));
}

void IssuerLink::tick() {
    if (const net::ConnectionId forgotten = m_open.forgotten(now_ms(), kForgotten_ms); forgotten != 0)
        if (net::Connection* connection = m_connections.find(forgotten)) connection->close();
    report();
}

}  // namespace giro::gate
