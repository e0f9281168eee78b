// The snapshot that giro-switch writes and starts from: <dir>/switch/snapshot.
//
//   "GIROSNAP" version:u32 seq:u64 chain_hash:32 state_digest:32 signature:64 size:u64 state[size]
//
// The signature is the vault's over checkpoint_digest{seq, chain_hash, state_digest} (vault/digests.hpp), where
// state_digest is the SHA-256 of the state's bytes. So a snapshot is trusted as much as a signed checkpoint, and
// only where the journal has that chain hash at that sequence number. The vault signs a state for the switch alone.
//
// It is written after a start's replay, before anything is served, and at a clean end. giro-auditor replays the journal
// from its first entry and compares its own state's digest with the file's when it comes to that sequence number; it sees
// a new file before any entry behind it. Should it ever be past that entry already, it compares at its next start.
#pragma once

#include <filesystem>
#include <optional>

#include "giro/result.hpp"
#include "giro/types.hpp"
#include "util/bytes.hpp"
#include "vault/wire.hpp"

namespace giro::appliance {

struct Snapshot {
    vault::SignedCheckpoint checkpoint;
    Buffer state;
};

[[nodiscard]] Result<void> write_snapshot(const std::filesystem::path& folder, const Snapshot& snapshot);
// Nothing when there is none. Failure::integrity when it is damaged or its signature is not by `checkpoint_key`.
[[nodiscard]] Result<std::optional<Snapshot>> read_snapshot(const std::filesystem::path& folder, Bytes checkpoint_key);
// What was signed over it alone, without reading the state: what the auditor and `giro journal verify` compare with.
[[nodiscard]] Result<std::optional<vault::SignedCheckpoint>> read_snapshot_checkpoint(const std::filesystem::path& folder,
                                                                                      Bytes checkpoint_key);
[[nodiscard]] std::filesystem::path snapshot_file(const std::filesystem::path& folder);

}  // namespace giro::appliance
