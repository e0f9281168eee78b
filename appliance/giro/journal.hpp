// Reading the journal from the command line, beside the running switch or without it. Never writes.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/config.hpp"
#include "journal/journal.hpp"

namespace giro::cli {

// Failure::not_provisioned where the box has no journal yet.
[[nodiscard]] Result<journal::JournalReader> open_journal(const config::Paths& paths);
// Every entry from `from_seq` to the present end, in order, checked as it is read. (journal_read.cpp)
[[nodiscard]] Result<void> scan_journal(const config::Paths& paths, const journal::EntryCallback& callback, std::uint64_t from_seq = 1);

// One entry for people and programs: its kind, its fields by name; cards masked, no ciphertext. Failure::integrity when
// it does not decode. (journal_describe.cpp)
[[nodiscard]] Result<nlohmann::json> describe(const journal::Entry& entry);

}  // namespace giro::cli
