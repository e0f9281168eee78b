// The protocol of ISO 8583 connections: messages in a Framing. Does the keep-alives; what a frame means is for
// the class derived from it.
#pragma once

#include "giro/environment.hpp"
#include "net/connection.hpp"
#include "net/deframer.hpp"

namespace giro::net {

class FramedProtocol : public Protocol {
  public:
    FramedProtocol(const Clock& clock, std::size_t frame_bytes_max, const Framing& framing = {}) noexcept
        : m_clock(clock), m_framing(framing), m_deframer(frame_bytes_max, framing) {}
    [[nodiscard]] std::size_t received(Connection& connection, Bytes bytes) override;
    [[nodiscard]] bool mid_message() const final { return m_deframer.mid_frame(); }

  protected:
    // Queues a message in this connection's framing. ASSERTs that its length can be told.
    void send_message(Connection& connection, Bytes message);
    // A frame of at least one byte; valid during the call. May close the connection.
    virtual void frame(Connection& connection, Bytes frame) = 0;
    // A length over the maximum or that is no number, or a wrong trailer; the connection is closed right after.
    virtual void frame_too_large(Connection&) {}

  private:
    void keep_alive(Connection& connection);
    const Clock& m_clock;
    const Framing m_framing;
    Deframer m_deframer;
    std::uint64_t m_keep_alive_answered_ms = 0;
};

// Queues length, message and trailer. ASSERTs that the length can be told.
void send_frame(Connection& connection, Bytes message, const Framing& framing = {});

}  // namespace giro::net
