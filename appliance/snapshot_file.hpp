// The snapshot that giro-auditor writes and giro-switch starts from: <dir>/auditor/snapshot.
//
//   "GIROSNAP" version:u32 seq:u64 chain_hash:32 state_digest:32 signature:64 size:u64 state[size]
//
// The signature is the vault's over checkpoint_digest{seq, chain_hash, state_digest} (vault/digests.hpp), where
// state_digest is the SHA-256 of the state's bytes. So a snapshot is trusted as much as a signed checkpoint, and
// only where the journal has that chain hash at that sequence number.
#pragma once

#include <filesystem>

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

}  // namespace giro::appliance
