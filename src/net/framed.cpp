#include "net/framed.hpp"

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
    if (verdict == Deframer::Verdict::too_large || verdict == Deframer::Verdict::broken) {
        frame_too_large(connection);
        connection.close();
    }
    return completed;
}

void FramedProtocol::keep_alive(Connection& connection) {
    const std::uint64_t now_ms = m_clock.monotonic_ns() / 1'000'000;
    if (m_keep_alive_answered_ms != 0 && now_ms - m_keep_alive_answered_ms < m_framing.keep_alive_ms) return;
    m_keep_alive_answered_ms = now_ms;
    send_message(connection, {});
}

void FramedProtocol::send_message(Connection& connection, Bytes message) { send_frame(connection, message, m_framing); }

void send_frame(Connection& connection, Bytes message, const Framing& framing) {
    const Frame frame = frame_of(framing, message);
    connection.send(Bytes(frame.head).first(frame.head_bytes), message);
    if (frame.tail_bytes != 0) connection.send(Bytes(frame.tail).first(frame.tail_bytes));
}

}  // namespace giro::net
