// Cuts a byte stream into ISO 8583 frames by a Framing: a length, then that many bytes, then perhaps a trailer. Pure: no
// socket, no clock. Every byte is hostile. A length of zero is a frame too (a keep-alive); a length over the maximum or
// that is no number, and a wrong trailer, end the stream, since nobody can say where the next frame begins.
#pragma once

#include <algorithm>

#include "giro/types.hpp"
#include "net/framing.hpp"

namespace giro::net {

class Deframer {
  public:
    enum class Verdict : std::uint8_t {
        ok,         // everything was taken
        stopped,    // on_frame returned false; the rest of the chunk is gone
        too_large,  // a length over the maximum; feed nothing more
        broken,     // a length that is no number, or a wrong trailer; feed nothing more
    };

    explicit Deframer(std::size_t frame_bytes_max, const Framing& framing = {}) noexcept
        : m_bytes_max(frame_bytes_max), m_framing(framing), m_length_bytes(framing.length_bytes()) {}

    // Calls `on_frame(Bytes)` for each frame that is complete with this chunk, in order; it returns whether to go on.
    // A frame that lies whole in the chunk is not copied. The view is valid during the call only.
    template <typename OnFrame>
    [[nodiscard]] Verdict feed(Bytes chunk, OnFrame&& on_frame) {
        while (!chunk.empty()) {
            const Piece piece = next(chunk);
            if (piece.kind == Piece::Kind::too_large) return Verdict::too_large;
            if (piece.kind == Piece::Kind::broken) return Verdict::broken;
            if (piece.kind == Piece::Kind::incomplete) return Verdict::ok;
            const bool go_on = on_frame(piece.frame);
            forget();
            if (!go_on) return Verdict::stopped;
        }
        return Verdict::ok;
    }

    // True when a frame has begun (one byte of its length is enough) and is not complete.
    [[nodiscard]] bool mid_frame() const noexcept { return !m_kept.empty(); }

  private:
    struct Piece {
        enum class Kind : std::uint8_t { frame, incomplete, too_large, broken };
        Kind kind;
        Bytes frame;
    };
    // Takes one frame off the front of `chunk`, or all of it into m_kept.
    [[nodiscard]] Piece next(Bytes& chunk);
    // The frame at the front of `bytes`, which begin with its length and may go on behind it.
    [[nodiscard]] Piece cut(Bytes bytes, std::size_t& total) const;
    void keep(Bytes& chunk, std::size_t wanted);
    void forget() noexcept;  // m_kept, overwritten

    std::size_t m_bytes_max;
    Framing m_framing;
    std::size_t m_length_bytes;
    Buffer m_kept;  // a frame's beginning with its length; at most that and m_bytes_max and a trailer
};

}  // namespace giro::net
