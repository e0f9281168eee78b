// Reading the journal from the command line, beside the running switch or without it. Never writes.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/config.hpp"
#include "journal/journal.hpp"

namespace giro::cli {

// Every entry from `from_seq` to the present end, checked as it is read. An absent journal has none.
[[nodiscard]] Result<void> for_each_entry(const config::Paths& paths, std::uint64_t from_seq, const journal::EntryCallback& callback);

// One entry for people and programs: its kind, its fields by name; cards masked, no ciphertext. Failure::integrity when
// it does not decode. (journal_describe.cpp)
[[nodiscard]] Result<nlohmann::json> describe(const journal::Entry& entry);

}  // namespace giro::cli
