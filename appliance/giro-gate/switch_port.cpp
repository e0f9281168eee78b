#include "switch_port.hpp"

#include "util/secret.hpp"

namespace giro::gate {

namespace {
constexpr std::string_view kWho = "switch";

// A wallet's connection asks once. Apart from the times that are the stamps of terminals' requests.
constexpr std::uint64_t wallet_stamp(std::uint64_t connection) noexcept { return connection | std::uint64_t{1} << 63; }
}

Result<std::unique_ptr<SwitchPort>> SwitchPort::connect(bus::Loop& loop, bus::Context& context,
                                                        const std::filesystem::path& path, const Clock& clock,
                                                        EventLog& events, std::uint64_t silent_ms, std::uint64_t wait_max_ms,
                                                        SwitchHandlers handlers) {
    std::unique_ptr<SwitchPort> port(new SwitchPort(clock, events, silent_ms, wait_max_ms, std::move(handlers)));
    bus::Handlers on_bus;
    on_bus.record = [self = port.get()](bus::PeerId, const bus::Record& record) { self->received(record); };
    on_bus.drained = [self = port.get()] { self->update_hold(); };
    on_bus.malformed = [self = port.get()](bus::PeerId) { self->m_events.note(Event::bus_malformed, kWho); };
    auto client = bus::Client::connect(loop, context, path, std::move(on_bus));
    if (!client) return tl::unexpected(client.error());
    port->m_bus = std::move(*client);
    return port;
}

template <typename Message>
void SwitchPort::send(bus::MessageType type, const Message& message) {
    bus::encode(m_body, message);
    m_bus->send({static_cast<std::uint16_t>(type), bus::Status::ok, 0, m_body});
    wipe(m_body);
    m_body.clear();
}

void SwitchPort::send_request(const PaymentRequest& request, Work work) {
    send(bus::MessageType::payment_request, request);
    const std::uint64_t now = now_ms();
    m_flow.sent(now);
    m_admission.passed(request.received_ns, work, now);
    update_hold();
}

void SwitchPort::send_answer(const PaymentRequest& answer) {
    send(bus::MessageType::payment_request, answer);
}

void SwitchPort::send_wallet(const bus::WalletRequest& request) {
    send(bus::MessageType::wallet_request, request);
    const std::uint64_t now = now_ms();
    m_flow.sent(now);
    m_admission.passed(wallet_stamp(request.connection), Work::fresh, now);
    update_hold();
}

void SwitchPort::send_link_state(std::uint16_t link, std::uint16_t connections) {
    send(bus::MessageType::link_state, bus::LinkState{link, connections});
}

void SwitchPort::send_closing() {
    m_bus->send({static_cast<std::uint16_t>(bus::MessageType::closing), bus::Status::ok, 0, {}});
}

void SwitchPort::settled(std::uint64_t requests) {
    m_flow.settled(requests);
    update_hold();
}

// decode + handler per message type; everything else is not for the gate.
void SwitchPort::received(const bus::Record& record) {
    using bus::MessageType;
    if (m_flow.silent()) m_events.note(Event::switch_heard, kWho);
    m_flow.heard(now_ms());
    const auto hand_over = [&](const auto& message, const auto& handler) {
        if (message) handler(*message);
        return message.has_value();
    };
    bool good = false;
    switch (static_cast<MessageType>(record.type)) {
        case MessageType::frame_out:
            good = hand_over(bus::decode_frame_out(record.body), m_handlers.frame_out);
            break;
        case MessageType::link_frame_out:
            good = hand_over(bus::decode_link_frame_out(record.body), m_handlers.link_frame_out);
            break;
        case MessageType::wallet_reply:
            good = hand_over(bus::decode_wallet_reply(record.body), [this](const bus::WalletReply& m) {
                m_admission.decided(wallet_stamp(m.connection), now_ms());
                m_handlers.wallet_reply(m);
            });
            break;
        case MessageType::decided:
            good = hand_over(bus::decode_decided(record.body), [this](const bus::Decided& m) {
                m_admission.decided(m.received_ns, now_ms());
                m_handlers.decided();
            });
            break;
        case MessageType::closing:
        case MessageType::closed: {
            const auto& handler = record.type == static_cast<std::uint16_t>(MessageType::closing) ? m_handlers.closing : m_handlers.closed;
            good = record.body.empty() && handler;
            if (good) handler();
            break;
        }
        default:
            break;
    }
    if (!good) m_events.note(Event::bus_malformed, kWho);
}

void SwitchPort::tick() {
    const bool was_silent = m_flow.silent();
    m_flow.tick(now_ms());
    if (m_flow.silent() && !was_silent) m_events.note(Event::switch_silent, kWho);
    if (m_bus->dropped() != m_overflows) m_events.note(Event::bus_overflow, kWho);
    m_overflows = m_bus->dropped();
    update_hold();
}

void SwitchPort::update_hold() {
    if (m_flow.holds() == m_holding) return;
    m_holding = m_flow.holds();
    m_handlers.hold(m_holding);
}

}  // namespace giro::gate
