// What a Bitcoin node publishes over ZeroMQ, read without its library: one side of ZMTP 3.0 with the NULL mechanism, a SUB
// socket that wants hashblock and rawtx (rfc.zeromq.org/spec/23; bitcoin's doc/zmq.md). Pure. Hostile: every byte.
//
//   greeting  ff 8x00 7f | 03 00 | "NULL" in 20 bytes | 00 as-server | 31x00                         64 bytes, both sides
//   frame     flags (1: more follow, 2: long, 4: command) | size, 1 byte or with `long` 8 big-endian | body
//   handshake a command from each side: 05 "READY", then metadata; ours says Socket-Type SUB
//   wish      a message of one frame: 01 topic
//   notice    a message of three frames: topic | body | u32 number, little-endian, by one for each of its topic
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "giro/types.hpp"

namespace giro::bitcoin_node {

struct Notice {
    enum class Topic : std::uint8_t { block, tx };
    Topic topic = Topic::block;
    Bytes body;                // hashblock: 32 bytes, as people write it; rawtx: the tx. Valid during the call
    std::uint32_t number = 0;  // a gap means that one was lost
};

inline constexpr std::size_t kNoticeBytesMax = 4'000'000;  // a tx is no larger than a block
inline constexpr std::size_t kZmtpCommandBytesMax = 1'024;
inline constexpr std::size_t kNoticePartsMax = 3;

class NoticeReader {
  public:
    // Takes the next bytes of the publisher. False: it speaks something else; the connection is to be closed. A message
    // of another topic or shape is passed over.
    [[nodiscard]] bool feed(Bytes bytes, const std::function<void(const Notice&)>& on_notice);
    // What is to be sent now: the greeting at first, then the handshake and the wishes. Empties it.
    [[nodiscard]] Buffer output() { return std::exchange(m_out, {}); }
    [[nodiscard]] bool subscribed() const noexcept { return m_state == State::subscribed; }
    NoticeReader();

  private:
    enum class State : std::uint8_t { greeting, handshake, subscribed };
    struct Frame {
        bool more = false, command = false;
        Bytes body;
    };
    [[nodiscard]] bool greeted(Bytes greeting);
    // A whole frame off the front of `left`; nothing yet, or `broken`.
    [[nodiscard]] bool next_frame(Bytes& left, Frame& frame, bool& broken) const;
    [[nodiscard]] bool take(const Frame& frame, const std::function<void(const Notice&)>& on_notice);

    State m_state = State::greeting;
    Buffer m_in;   // what is incomplete; at most one frame and one read
    Buffer m_out;
    std::vector<Buffer> m_parts;  // of the message under way
    std::size_t m_parts_seen = 0;
};

}  // namespace giro::bitcoin_node
