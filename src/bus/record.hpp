// The one frame between Giro's programs: a batch of records in one message (stream.hpp). Little-endian.
//
//   batch  = record*                                        at most kBatchBytesMax bytes in all
//   record = size:u32 type:u16 status:u16 correlation:u64 body[size]   header of 16 bytes; size counts the body alone
//
// `type` is a MessageType (messages.hpp); a reply carries the type and correlation of its request; `status` is 0 in a
// request and a Status in a reply. Every other process counts as hostile: a batch that does not parse is dropped whole.
#pragma once

#include <optional>

#include "giro/types.hpp"

namespace giro::bus {

inline constexpr std::size_t kRecordHeaderBytes = 16;
inline constexpr std::size_t kRecordBodyBytesMax = 4U << 20;
inline constexpr std::size_t kBatchBytesMax = 16U << 20;
static_assert(kRecordHeaderBytes + kRecordBodyBytesMax <= kBatchBytesMax);

enum class Status : std::uint16_t {
    ok = 0,
    refused = 1,          // understood, and no; the body may say why (text)
    bad_request = 2,      // did not parse, or is not for this caller; the peer is closed after it
    token_absent = 3,     // vault: the token cannot be reached now
    try_again = 4,        // busy, full, or not yet
    not_found = 5,
};

struct Record {
    std::uint16_t type = 0;
    Status status = Status::ok;
    std::uint64_t correlation = 0;
    Bytes body;
};

// Appends `record` to `batch`. ASSERTs the bounds: what we send is ours.
void append_record(Buffer& batch, const Record& record);

// Walks a received batch.
class RecordReader {
  public:
    explicit RecordReader(Bytes batch) noexcept;
    // The next record, or nothing at the end or where the batch is malformed (then ok() is false).
    [[nodiscard]] std::optional<Record> next() noexcept;
    [[nodiscard]] bool ok() const noexcept { return m_ok; }

  private:
    Bytes m_left;
    bool m_ok = true;
};

}  // namespace giro::bus
