// The protocol of ISO 8583 connections: frames with a two-byte length. Does the keep-alives; what a frame means is for
// the class derived from it.
#pragma once

#include "giro/environment.hpp"
#include "net/connection.hpp"
#include "net/deframer.hpp"

namespace giro::net {

// A zero length is answered with a zero length, at most this often per connection, so that two sides that both answer
// don't do so for ever.
inline constexpr std::uint64_t kKeepAliveAnswer_ms = 1'000;

class FramedProtocol : public Protocol {
  public:
    FramedProtocol(const Clock& clock, std::size_t frame_bytes_max) noexcept
        : m_clock(clock), m_deframer(frame_bytes_max) {}
    [[nodiscard]] std::size_t received(Connection& connection, Bytes bytes) override;
    [[nodiscard]] bool mid_message() const final { return m_deframer.mid_frame(); }

  protected:
    // A frame of at least one byte; valid during the call. May close the connection.
    virtual void frame(Connection& connection, Bytes frame) = 0;
    // A length over the maximum; the connection is closed right after.
    virtual void frame_too_large(Connection&) {}

  private:
    void keep_alive(Connection& connection);
    const Clock& m_clock;
    Deframer m_deframer;
    std::uint64_t m_keep_alive_answered_ms = 0;
};

// Queues length and frame. ASSERTs that the length fits two bytes.
void send_frame(Connection& connection, Bytes frame);

}  // namespace giro::net
