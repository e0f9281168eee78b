// The journal's file format: a SQLite 3 database in WAL mode.
//
//   PRAGMA application_id = 0x4749524a ("GIRJ"), PRAGMA user_version = kFormatVersion, and exactly the two tables of kSchema.
//
//   entries: one row per entry, seq = 1, 2, 3, ... without a gap
//       seq      INTEGER PRIMARY KEY
//       kind     INTEGER  0 to 65535, the caller's
//       crc      INTEGER  CRC-32C of the entry's record (below): names the entry when a byte is damaged by accident
//       body     BLOB     0 to 1 MiB, the caller's
//   batches: one row per append(), and one for the empty journal
//       last_seq  INTEGER PRIMARY KEY
//       first_seq INTEGER
//       time_ns   INTEGER  wall clock of the append, nanoseconds since 1970
//       hash      BLOB     32 bytes, the chain: whoever edits an entry must rewrite every later hash, and then no
//                          signed checkpoint matches any more
//   The row with last_seq = 0 has first_seq = 0, time_ns = 0 and hash = SHA-256("giro journal 1" | 16 bytes journal id).
//
//   Record of an entry (never stored, only hashed; integers little-endian):
//       0  8  seq u64
//       8  2  kind u16
//      10  4  size of the body u32
//      14  .  body
//   Chain of a batch: hash = SHA-256(
//       0  32  hash of the batch before
//      32   8  first_seq u64
//      40   8  last_seq u64
//      48   8  time_ns u64
//      56   .  the records of its entries, in order)
#pragma once

#include <string_view>

#include "giro/types.hpp"
#include "journal/journal.hpp"

namespace giro::journal {

inline constexpr std::int64_t kApplicationId = 0x4749524a;
inline constexpr std::int64_t kFormatVersion = 9;

// The tables, in the words in which SQLite keeps them.
struct Table {
    std::string_view name;
    std::string_view sql;
};
inline constexpr Table kSchema[] = {
    {"batches",
     "CREATE TABLE batches(last_seq INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, time_ns INTEGER NOT NULL, "
     "hash BLOB NOT NULL) STRICT"},
    {"entries",
     "CREATE TABLE entries(seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, crc INTEGER NOT NULL, "
     "body BLOB NOT NULL) STRICT"},
};

inline constexpr std::size_t kRecordHeaderBytes = 14;
inline constexpr std::size_t kChainHeaderBytes = 56;

[[nodiscard]] Hash256 genesis_hash(const ByteArray<16>& journal_id);

// Lays out what a batch's hash covers in one buffer, which is kept from batch to batch: begin, add each entry, hash.
class BatchHasher {
  public:
    struct Added {
        std::uint32_t crc;
        std::size_t body_at;  // offset of the body in bytes(); good until the next begin()
        std::size_t body_size;
    };
    void begin();
    Added add(std::uint64_t seq, std::uint16_t kind, Bytes body);
    [[nodiscard]] Hash256 finish(const Hash256& before, std::uint64_t first_seq, std::uint64_t last_seq,
                                 std::uint64_t time_ns);
    [[nodiscard]] Bytes bytes() const noexcept { return Bytes(m_bytes).first(m_size); }

  private:
    Buffer m_bytes;  // grows only: clearing it would write zeros for each batch
    std::size_t m_size = 0;
};

}  // namespace giro::journal
