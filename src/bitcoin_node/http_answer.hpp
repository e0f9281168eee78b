// A strict reader for a Bitcoin node's HTTP/1.1 answers (RFC 9112), one after another on one connection. Pure: no socket,
// no clock. Read by giro-chain. Every byte is hostile, though the node is on this machine: what two parsers could read in
// two ways is refused. A node always says Content-Length; an answer in chunks is none of its.
#pragma once

#include "giro/types.hpp"

namespace giro::bitcoin_node {

inline constexpr std::size_t kHttpHeadBytesMax = 4096;
inline constexpr std::size_t kHttpBodyBytesMax = 8'100'000;  // a block of 4,000,000 bytes in hexadecimal, and its wrapping

class HttpAnswerReader {
  public:
    enum class State : std::uint8_t { reading, complete, refused };
    // Takes the next bytes. A byte behind a complete answer refuses, as nothing was asked that it could answer.
    State feed(Bytes bytes);
    [[nodiscard]] State state() const noexcept { return m_state; }
    [[nodiscard]] bool begun() const noexcept { return !m_in.empty(); }
    // When complete:
    [[nodiscard]] int status() const noexcept { return m_status; }  // 200, 401, 500, ...
    [[nodiscard]] bool closes() const noexcept { return m_closes; }  // the node ends the connection after it
    [[nodiscard]] Bytes body() const noexcept { return Bytes(m_in).subspan(m_head_bytes); }
    // For the next answer.
    void clear() { *this = HttpAnswerReader(); }

  private:
    [[nodiscard]] bool read_head();  // false: malformed, or the empty line is not there yet
    [[nodiscard]] bool status_line(std::string_view line);
    [[nodiscard]] bool header(std::string_view line);
    [[nodiscard]] bool refuse() noexcept;  // always false

    Buffer m_in;  // at most head, body and one read
    std::size_t m_head_bytes = 0;  // 0 until the empty line
    std::size_t m_length = 0;
    bool m_has_length = false;
    bool m_closes = false;
    int m_status = 0;
    State m_state = State::reading;
};

}  // namespace giro::bitcoin_node
