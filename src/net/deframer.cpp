#include "net/deframer.hpp"

#include "util/secret.hpp"

namespace giro::net {

// Moves bytes from the chunk until m_kept holds `wanted` or the chunk is empty.
void Deframer::keep(Bytes& chunk, std::size_t wanted) {
    const std::size_t n = std::min(chunk.size(), wanted - m_kept.size());
    m_kept.insert(m_kept.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(n));
    chunk = chunk.subspan(n);
}

void Deframer::forget() noexcept {
    wipe(m_kept);
    m_kept.clear();
}

// `total`: the bytes that the whole frame takes, once its length is there and good.
Deframer::Piece Deframer::cut(Bytes bytes, std::size_t& total) const {
    total = m_length_bytes;
    if (bytes.size() < m_length_bytes) return {Piece::Kind::incomplete, {}};
    const auto size = message_size(m_framing, bytes.first(m_length_bytes));
    if (!size) return {Piece::Kind::broken, {}};
    if (*size > m_bytes_max) return {Piece::Kind::too_large, {}};
    const std::size_t trailer = *size == 0 ? 0 : m_framing.trailer_bytes();
    total = m_length_bytes + *size + trailer;
    if (bytes.size() < total) return {Piece::Kind::incomplete, {}};
    const Bytes frame = bytes.subspan(m_length_bytes, *size);
    if (trailer != 0 && !trailer_good(m_framing, frame, bytes.subspan(m_length_bytes + *size, trailer)))
        return {Piece::Kind::broken, {}};
    return {Piece::Kind::frame, frame};
}

Deframer::Piece Deframer::next(Bytes& chunk) {
    std::size_t total = 0;
    if (m_kept.empty()) {
        const Piece piece = cut(chunk, total);
        if (piece.kind == Piece::Kind::frame) chunk = chunk.subspan(total);
        if (piece.kind != Piece::Kind::incomplete) return piece;
    }
    if (m_kept.size() < m_length_bytes) keep(chunk, m_length_bytes);
    Piece piece = cut(m_kept, total);
    if (piece.kind != Piece::Kind::incomplete || m_kept.size() < m_length_bytes) return piece;
    keep(chunk, total);
    return cut(m_kept, total);
}

}  // namespace giro::net
