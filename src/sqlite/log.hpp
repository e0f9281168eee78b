// What SQLite leaves to its user when a program starts after a crash: the write-ahead log it finds may never have
// reached the disk, and yet the start reads it as committed. Whoever answers from such entries, or adds others behind
// them, loses both at the next power cut. So a writer calls make_log_durable() before it opens its database.
//
// There are two ways to such a log. A program was killed between a commit's write and its fsync: then an fsync is all
// that is missing. Or an fsync failed: then Linux counts the pages as written and no later fsync writes them again;
// only writing the bytes anew does. That is done for a log whose fsync is known to have failed and for no other,
// because a power cut may damage what is being overwritten.
#pragma once

#include <filesystem>

#include "giro/result.hpp"

namespace giro::sqlite {

// The program's last word about a database whose write failed with SQLite's extended `code`: after a failed fsync it
// puts the file <database>.unsynced, which tells the next start to write the log again. It needs no fsync itself, and
// is of no use after a reboot: it matters as long as the kernel's memory does. Does nothing for other codes.
void note_write_failure(const std::filesystem::path& database, int code) noexcept;

// Syncs the write-ahead log of `database`, after writing it again when note_write_failure() asked for it. Nothing to do
// when there is none. The caller is the only writer; readers may read meanwhile. Failure::refused when the disk fails.
[[nodiscard]] Result<void> make_log_durable(const std::filesystem::path& database);

}  // namespace giro::sqlite
