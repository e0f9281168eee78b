// The gate's end of run/switch.gate: encodes what goes to the switch, hands out what comes back, and knows whether the
// switch keeps up (FlowControl). Records of the switch are checked like anybody else's; one that does not decode is
// dropped and counted.
#pragma once

#include <functional>
#include <memory>

#include "admission.hpp"
#include "bus/endpoint.hpp"
#include "bus/gate_messages.hpp"
#include "bus/messages.hpp"
#include "event_log.hpp"
#include "flow_control.hpp"

namespace giro::gate {

// The views in what these are given are valid during the call.
struct SwitchHandlers {
    std::function<void(const bus::FrameOut&)> frame_out;
    std::function<void(const bus::LinkFrameOut&)> link_frame_out;
    std::function<void(const bus::WalletReply&)> wallet_reply;
    std::function<void(bool)> hold;  // stop reading from the sockets, or go on
    std::function<void()> decided;   // something was: there may be room
    // What the switch says to send_closing(): it has heard it; it has answered everything and signed off from the hosts.
    std::function<void()> closing{}, closed{};
};

class SwitchPort {
  public:
    [[nodiscard]] static Result<std::unique_ptr<SwitchPort>> connect(bus::Loop& loop, bus::Context& context,
                                                                     const std::filesystem::path& path,
                                                                     const Clock& clock, EventLog& events,
                                                                     std::uint64_t silent_ms, std::uint64_t wait_max_ms,
                                                                     SwitchHandlers handlers);
    SwitchPort(const SwitchPort&) = delete;
    SwitchPort& operator=(const SwitchPort&) = delete;

    // Whether a new payment may be passed on (Admission); what is not may_be_shed() always may.
    [[nodiscard]] bool takes_new() { return m_admission.takes_new(now_ms()); }
    [[nodiscard]] bool takes_undoing() { return m_admission.takes_undoing(now_ms()); }
    // A terminal's request: the switch answers with one frame_out, until then it is in flight. takes_new() or takes_undoing() was asked for it.
    void send_request(const PaymentRequest& request, Work work);
    // An issuer's answer: nothing comes back for it.
    void send_answer(const PaymentRequest& answer);
    void send_wallet(const bus::WalletRequest& request);  // in flight until its wallet_reply
    void send_closing();
    void send_link_state(std::uint16_t link, std::uint16_t connections);
    // Requests that are no longer in flight: answered, given up, or their connection is gone.
    void settled(std::uint64_t requests);
    void tick();  // once a second
    [[nodiscard]] const FlowControl& flow() const noexcept { return m_flow; }

  private:
    SwitchPort(const Clock& clock, EventLog& events, std::uint64_t silent_ms, std::uint64_t wait_max_ms, SwitchHandlers handlers)
        : m_clock(clock), m_events(events), m_handlers(std::move(handlers)), m_flow(silent_ms), m_admission(wait_max_ms) {}
    template <typename Message>
    void send(bus::MessageType type, const Message& message);
    void received(const bus::Record& record);
    void update_hold();
    [[nodiscard]] std::uint64_t now_ms() const { return m_clock.monotonic_ns() / 1'000'000; }

    const Clock& m_clock;
    EventLog& m_events;
    SwitchHandlers m_handlers;
    FlowControl m_flow;
    Admission m_admission;
    Buffer m_body;  // reused
    std::unique_ptr<bus::Client> m_bus;
    std::uint64_t m_overflows = 0;
    bool m_holding = false;
};

}  // namespace giro::gate
