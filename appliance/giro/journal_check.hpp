// The journal held against what the box has signed: the check of `giro journal verify` and of `giro doctor`.
// Hostile: the journal's file, and the files of checkpoints beside it (each is believed by its signature alone).
#pragma once

#include <optional>

#include "config/config.hpp"
#include "journal/journal.hpp"
#include "vault/wire.hpp"

namespace giro::cli {

// The last checkpoint that was signed, and what was signed over the switch's snapshot. Nothing where there is none yet.
struct Signed {
    std::optional<vault::SignedCheckpoint> last;
    std::optional<vault::SignedCheckpoint> of_state;
};

struct JournalCheck {
    journal::VerifyReport report;
    Signed checkpoints;
};

// Every entry, the hash chain, and that the journal still reaches the last checkpoint of auditor/checkpoints.jsonl,
// vault/checkpoint and switch/snapshot. Failure::integrity names the entries that are changed or missing, a missing file's too;
// not_provisioned where there is neither a journal nor a checkpoint.
[[nodiscard]] Result<JournalCheck> check_journal(const config::Paths& paths);
// The words on the checkpoint for the operator: "signed checkpoint at 17".
[[nodiscard]] std::string checkpoint_words(const Signed& checkpoints);

}  // namespace giro::cli
