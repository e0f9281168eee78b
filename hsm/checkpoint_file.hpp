// The last checkpoint the vault signed, in vault/checkpoint: what makes signing monotonic across restarts.
//
//   file = SignedCheckpoint (vault/wire.cpp: seq:u64 chain_hash:32 state_digest:32 signature:64) || SHA-256 of it
//
// Replaced atomically. Fails: Failure::integrity when the file is there and is not that; the vault then does not start,
// because without it an older journal could be signed again.
#pragma once

#include <filesystem>
#include <optional>

#include "giro/result.hpp"
#include "vault/wire.hpp"

namespace giro::hsm {

class CheckpointFile {
  public:
    [[nodiscard]] static Result<CheckpointFile> open(std::filesystem::path file);
    [[nodiscard]] const std::optional<vault::SignedCheckpoint>& last() const noexcept { return m_last; }
    // May this one be signed after last()? Only a higher seq, or the very same again.
    [[nodiscard]] bool may_follow(const vault::Checkpoint& next) const noexcept;
    // Durable when it returns ok. ASSERTs may_follow().
    [[nodiscard]] Result<void> store(const vault::SignedCheckpoint& signed_checkpoint);

  private:
    explicit CheckpointFile(std::filesystem::path file) : m_file(std::move(file)) {}
    std::filesystem::path m_file;
    std::optional<vault::SignedCheckpoint> m_last;
};

}  // namespace giro::hsm
