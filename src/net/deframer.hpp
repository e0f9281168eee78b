// Cuts a byte stream into ISO 8583 frames: a length of two bytes, big-endian, not counting itself, then that many
// bytes. Pure: no socket, no clock. Every byte is hostile. A length of zero is a frame too (a keep-alive); a length
// over the maximum ends the stream, since nobody can say where the next frame begins.
#pragma once

#include <algorithm>

#include "giro/types.hpp"

namespace giro::net {

inline constexpr std::size_t kLengthBytes = 2;

class Deframer {
  public:
    enum class Verdict : std::uint8_t {
        ok,         // everything was taken
        stopped,    // on_frame returned false; the rest of the chunk is gone
        too_large,  // a length over the maximum; feed nothing more
    };

    explicit Deframer(std::size_t frame_bytes_max) noexcept : m_bytes_max(frame_bytes_max) {}

    // Calls `on_frame(Bytes)` for each frame that is complete with this chunk, in order; it returns whether to go on.
    // A frame that lies whole in the chunk is not copied. The view is valid during the call only.
    template <typename OnFrame>
    [[nodiscard]] Verdict feed(Bytes chunk, OnFrame&& on_frame) {
        while (!chunk.empty()) {
            const Piece piece = next(chunk);
            if (piece.kind == Piece::Kind::too_large) return Verdict::too_large;
            if (piece.kind == Piece::Kind::incomplete) return Verdict::ok;
            const bool go_on = on_frame(piece.frame);
            m_kept.clear();
            if (!go_on) return Verdict::stopped;
        }
        return Verdict::ok;
    }

    // True when a frame has begun (one byte of its length is enough) and is not complete.
    [[nodiscard]] bool mid_frame() const noexcept { return !m_kept.empty(); }

  private:
    struct Piece {
        enum class Kind : std::uint8_t { frame, incomplete, too_large };
        Kind kind;
        Bytes frame;
    };
    // Takes one frame off the front of `chunk`, or all of it into m_kept.
    [[nodiscard]] Piece next(Bytes& chunk);
    void keep(Bytes& chunk, std::size_t wanted);

    std::size_t m_bytes_max;
    Buffer m_kept;  // a frame's beginning with its length; at most kLengthBytes + m_bytes_max
};

}  // namespace giro::net
