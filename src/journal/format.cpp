// The encoder of journal/format.hpp: the bytes that are hashed.
#include "journal/format.hpp"

#include "giro/result.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::journal {

Hash256 genesis_hash(const ByteArray<16>& journal_id) { return sha256({as_bytes("giro journal 1"), journal_id}); }

void BatchHasher::begin() {
    if (m_bytes.size() < kChainHeaderBytes) m_bytes.resize(kChainHeaderBytes);
    m_size = kChainHeaderBytes;
}

BatchHasher::Added BatchHasher::add(std::uint64_t seq, std::uint16_t kind, Bytes body) {
    ASSERT(m_size >= kChainHeaderBytes && body.size() <= kBodyBytesMax);
    const std::size_t at = m_size;
    m_size += kRecordHeaderBytes + body.size();
    if (m_bytes.size() < m_size) m_bytes.resize(m_size * 2);
    std::byte* record = m_bytes.data() + at;
    store_le(record, seq);
    store_le(record + 8, kind);
    store_le(record + 10, static_cast<std::uint32_t>(body.size()));
    if (!body.empty()) std::memcpy(record + kRecordHeaderBytes, body.data(), body.size());
    return {crc32c({record, m_size - at}), at + kRecordHeaderBytes, body.size()};
}

Hash256 BatchHasher::finish(const Hash256& before, std::uint64_t first_seq, std::uint64_t last_seq,
                            std::uint64_t time_ns) {
    ASSERT(m_size >= kChainHeaderBytes);
    std::memcpy(m_bytes.data(), before.data(), before.size());
    store_le(m_bytes.data() + 32, first_seq);
    store_le(m_bytes.data() + 40, last_seq);
    store_le(m_bytes.data() + 48, time_ns);
    return sha256(bytes());
}

}  // namespace giro::journal
