// Reading a journal with every check on the way: used by the writer at start, the readers, and verify(). Internal.
#pragma once

#include "journal/journal.hpp"
#include "journal/sqlite.hpp"

namespace giro::journal {

// What every failure of the file's content ends with: one line that names the entries and what to do.
[[nodiscard]] tl::unexpected<Failure> damaged(const std::string& path, std::string_view what);

// Application id, format version and tables are those of format.hpp. `empty` tells a file with nothing in it.
struct FormatCheck {
    bool empty = false;
};
[[nodiscard]] Result<FormatCheck> check_format(Database& db);

// The last batch, from the batches table alone.
[[nodiscard]] Result<Head> stored_head(Database& db);
[[nodiscard]] Result<std::optional<Hash256>> stored_hash_at(Database& db, std::uint64_t seq);
// The journal still holds `expected`: Failure::integrity when it is shorter (cut) or another hash is there (rewritten).
[[nodiscard]] Result<void> check_holds(Database& db, const Head& expected);

struct ScanReport {
    std::uint64_t first_seq = 0;  // the first entry handed out, 0 when none was
    std::uint64_t last_seq = 0;   // the last
    std::uint64_t entries = 0;
    std::uint64_t batches = 0;
    Head checked;  // the last batch that was checked whole; seq 0 and no hash when none was
};

// Hands out up to `limit` entries from `from_seq`, each batch checked whole first: first_seq follows the batch before,
// every entry is there with its CRC, and the hash is that of its bytes and the hash before. Reading in the middle
// trusts the stored hash of the batch before.
[[nodiscard]] Result<ScanReport> scan(Database& db, std::uint64_t from_seq, std::uint64_t limit,
                                      const EntryCallback& callback);

}  // namespace giro::journal
