#include "net/deframer.hpp"

#include "util/bytes.hpp"

namespace giro::net {

// Moves bytes from the chunk until m_kept holds `wanted` or the chunk is empty.
void Deframer::keep(Bytes& chunk, std::size_t wanted) {
    const std::size_t n = std::min(chunk.size(), wanted - m_kept.size());
    m_kept.insert(m_kept.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(n));
    chunk = chunk.subspan(n);
}

Deframer::Piece Deframer::next(Bytes& chunk) {
    if (m_kept.empty() && chunk.size() >= kLengthBytes) {
        const std::size_t length = load_be<std::uint16_t>(chunk.data());
        if (length > m_bytes_max) return {Piece::Kind::too_large, {}};
        if (chunk.size() - kLengthBytes >= length) {
            const Bytes frame = chunk.subspan(kLengthBytes, length);
            chunk = chunk.subspan(kLengthBytes + length);
            return {Piece::Kind::frame, frame};
        }
    }
    if (m_kept.size() < kLengthBytes) keep(chunk, kLengthBytes);
    if (m_kept.size() < kLengthBytes) return {Piece::Kind::incomplete, {}};
    const std::size_t length = load_be<std::uint16_t>(m_kept.data());
    if (length > m_bytes_max) return {Piece::Kind::too_large, {}};
    keep(chunk, kLengthBytes + length);
    if (m_kept.size() < kLengthBytes + length) return {Piece::Kind::incomplete, {}};
    return {Piece::Kind::frame, Bytes(m_kept).subspan(kLengthBytes)};
}

}  // namespace giro::net
