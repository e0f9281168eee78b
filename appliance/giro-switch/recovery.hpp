// Starting the switch: the last snapshot that can be trusted, then the journal after it, checked against the last
// checkpoint that the vault signed. Run once, before anything is served; then, and at a clean end, the next snapshot.
// Hostile input: the files.
#pragma once

#include "config/config.hpp"
#include "journal/journal.hpp"
#include "switching/state.hpp"
#include "vault/wire.hpp"

namespace giro::appliance {

struct Recovered {
    journal::Journal journal;
    switching::State state;
    std::uint64_t snapshot_seq = 0;  // of the last snapshot that is on the disk; 0: none
};

// Reads what lies after the snapshot alone; the whole journal when there is no snapshot that can be used. One that is
// damaged, unsigned or of another version is moved to snapshot.refused, with a warning that names it. Failure::integrity,
// naming the sequence number, when the journal was changed or has a gap there, when its hash at the snapshot or at
// `checkpoint` is not the signed one, or when it ends before that.
[[nodiscard]] Result<Recovered> recover(const config::Paths& paths, const std::optional<vault::SignedCheckpoint>& checkpoint,
                                        std::uint64_t hash_seed);

// Writes switch/snapshot, signed by the vault through the switch's own endpoint, when more than `every_entries` entries
// came since the last one. A failure is logged and harms nothing: the next start replays more.
void save_snapshot_if_due(const config::Paths& paths, Recovered& recovered, std::uint64_t every_entries);

}  // namespace giro::appliance
