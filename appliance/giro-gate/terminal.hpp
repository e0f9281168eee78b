// A terminal's (or acquirer's) connection: frames in, requests to the switch, answers out. Hostile: every byte.
#pragma once

#include <deque>

#include "event_log.hpp"
#include "net/framed.hpp"
#include "shed_memory.hpp"
#include "switch_port.hpp"
#include "translator.hpp"
#include "util/quota.hpp"

namespace giro::gate {

inline constexpr std::uint64_t kAnswerGivenUp_ms = 15'000;     // nothing for so long: the switch has lost them
// Of requests that wait at the gate for room; beyond, they go on at once, as all others do.
inline constexpr std::size_t kHeldBytesMax = 256U << 10;     // of one connection
inline constexpr std::size_t kHeldBytesAllMax = 32U << 20;   // of all

struct Held {
    std::deque<net::ConnectionId> connections;  // that hold something back, each once, longest first
    std::size_t bytes = 0;
};

// What the connections of a port or a link share; all of it outlives them.
struct Shared {
    const Clock& clock;
    EventLog& events;
    SwitchPort& port;
    Translator& translator;             // of its dialect
    Quota<net::Source>& registrations;  // of new wallets
    ShedMemory& shed;
    Held& held;  // of all connections of the gate
    net::Framing framing;
};

class Terminal final : public net::FramedProtocol {
  public:
    explicit Terminal(const Shared& shared) noexcept
        : FramedProtocol(shared.clock, iso8583::kFrameBytesMax, shared.framing), m_shared(shared) {}
    // The switch's answer to one of this terminal's requests.
    void answer(net::Connection& connection, const bus::FrameOut& message);
    // There is room: passes on the first of what is held back. True: there is more.
    [[nodiscard]] bool release(net::Connection& connection);
    void tick(net::Connection& connection, std::uint64_t now_ms) override;
    void closed(net::Connection& connection, net::CloseReason reason) override;

  private:
    void frame(net::Connection& connection, Bytes frame) override;
    void frame_too_large(net::Connection& connection) override;
    void pass_on(net::Connection& connection, Bytes frame);
    void refuse(net::Connection& connection, Refusal why);
    void settle(net::Connection& connection, std::uint32_t requests);
    void send(net::Connection& connection, PaymentRequest& request, Work work);
    // False: there is no room for it here.
    [[nodiscard]] bool hold(net::Connection& connection, const PaymentRequest& request, Bytes frame);
    [[nodiscard]] Work work_of(const PaymentRequest& request) const;

    const Shared& m_shared;
    std::uint32_t m_in_flight = 0;
    struct Waiting {
        TerminalId terminal;
        std::uint32_t stan = 0;
        Buffer frame;
    };
    std::deque<Waiting> m_held;  // of Work::undoing, for room; a repeat of one that waits is that one
    std::size_t m_held_bytes = 0;
    std::uint64_t m_progress_ms = 0;  // the first request in flight, or the last answer
};

// Notes a connection that the gate dropped, with the reason; the ordinary ends are not worth a line.
void note_closed(EventLog& events, const net::Connection& connection, net::CloseReason reason);

}  // namespace giro::gate
