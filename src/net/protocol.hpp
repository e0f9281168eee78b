// What a connection speaks: one Protocol object per connection, made when the socket is, destroyed with it.
#pragma once

#include "giro/types.hpp"

namespace giro::net {

class Connection;

// Counts up from 1 and is never used again while the process lives, so that a late answer cannot reach a stranger.
using ConnectionId = std::uint64_t;

enum class CloseReason : std::uint8_t {
    peer_closed,     // end of stream, reset, or a write that failed
    we_closed,       // the protocol asked for it
    idle,            // nothing was read for idle_timeout_ms; accepted connections only
    slow_peer,       // a message or a handshake begun was not complete within slow_peer_ms
    output_full,     // the peer does not read what it is sent: more than output_bytes_max waits
    tls_refused,     // the handshake failed: version, certificate, or the server's signature could not be had
    connect_failed,  // outbound: refused, unreachable or timed out
};
[[nodiscard]] std::string_view to_string(CloseReason reason) noexcept;

class Protocol {
  public:
    virtual ~Protocol() = default;
    // The connection is ready for both directions: accepted or connected, and its TLS handshake done.
    virtual void opened(Connection&) {}
    // Some bytes, valid during the call; up to kReadBytes at a time. Returns how many messages were completed by them.
    // May close the connection; received() is not called again after that.
    [[nodiscard]] virtual std::size_t received(Connection&, Bytes) = 0;
    // A message has begun and is not complete: the peer has slow_peer_ms for it.
    [[nodiscard]] virtual bool mid_message() const = 0;
    // About once a second, for the protocol's own deadlines.
    virtual void tick(Connection&, std::uint64_t /*now_ms*/) {}
    // Once, last. The connection is closed already; it may be looked at, not used.
    virtual void closed(Connection&, CloseReason) {}
};

}  // namespace giro::net
