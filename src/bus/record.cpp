#include "bus/record.hpp"

#include "giro/result.hpp"
#include "util/bytes.hpp"

namespace giro::bus {

void append_record(Buffer& batch, const Record& record) {
    ASSERT(record.body.size() <= kRecordBodyBytesMax);
    const std::size_t at = batch.size();
    batch.resize(at + kRecordHeaderBytes + record.body.size());
    std::byte* out = batch.data() + at;
    store_le(out, static_cast<std::uint32_t>(record.body.size()));
    store_le(out + 4, record.type);
    store_le(out + 6, static_cast<std::uint16_t>(record.status));
    store_le(out + 8, record.correlation);
    if (!record.body.empty()) std::memcpy(out + kRecordHeaderBytes, record.body.data(), record.body.size());
}

RecordReader::RecordReader(Bytes batch) noexcept : m_left(batch), m_ok(batch.size() <= kBatchBytesMax) {}

std::optional<Record> RecordReader::next() noexcept {
    if (!m_ok || m_left.empty()) return std::nullopt;
    Reader in(m_left);
    const std::uint32_t size = in.u32();
    Record record;
    record.type = in.u16();
    record.status = static_cast<Status>(in.u16());
    record.correlation = in.u64();
    if (size > kRecordBodyBytesMax) in.fail();
    record.body = in.take(size);
    if (!in.ok()) {
        m_ok = false;
        return std::nullopt;
    }
    m_left = m_left.subspan(kRecordHeaderBytes + size);
    return record;
}

}  // namespace giro::bus
