#include "net/framed.hpp"

#include "giro/result.hpp"
#include "util/bytes.hpp"

namespace giro::net {

std::size_t FramedProtocol::received(Connection& connection, Bytes bytes) {
    std::size_t completed = 0;
    const auto verdict = m_deframer.feed(bytes, [&](Bytes one) {
        ++completed;
        if (one.empty())
            keep_alive(connection);
        else
            frame(connection, one);
        return connection.is_open();
    });
    if (verdict == Deframer::Verdict::too_large) {
        frame_too_large(connection);
        connection.close();
    }
    return completed;
}

void FramedProtocol::keep_alive(Connection& connection) {
    const std::uint64_t now_ms = m_clock.monotonic_ns() / 1'000'000;
    if (m_keep_alive_answered_ms != 0 && now_ms - m_keep_alive_answered_ms < kKeepAliveAnswer_ms) return;
    m_keep_alive_answered_ms = now_ms;
    send_frame(connection, {});
}

void send_frame(Connection& connection, Bytes frame) {
    ASSERT(frame.size() <= UINT16_MAX);
    std::byte length[kLengthBytes];
    store_be(length, static_cast<std::uint16_t>(frame.size()));
    connection.send(length, frame);
}

}  // namespace giro::net
