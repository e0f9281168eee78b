// The last checkpoint the vault signed, in vault/checkpoint: what makes signing monotonic across restarts.
//
//   body = SignedCheckpoint (vault/wire.cpp: seq:u64 chain_hash:32 state_digest:32 signature:64), in a hashed_file.hpp
//
// Without it an older journal could be signed again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "giro/result.hpp"
#include "vault/wire.hpp"

namespace giro::hsm {

// No honest box writes more between two checkpoints: 2^32 entries are five days at 10,000 a second, and a checkpoint is
// due every second. Without a bound one false seq near 2^64 would leave no room for any that follows.
inline constexpr std::uint64_t kCheckpointStepMax = std::uint64_t{1} << 32;

// How a checkpoint stands to the last one that was signed.
enum class Standing {
    next,         // further on, by at most kCheckpointStepMax
    same,         // the same seq and chain hash: the state digest may be another, or none
    contradicts,  // the same seq, but another chain hash
    behind,
    too_far
};

class CheckpointFile {
  public:
    [[nodiscard]] static Result<CheckpointFile> open(std::filesystem::path file);
    [[nodiscard]] const std::optional<vault::SignedCheckpoint>& last() const noexcept { return m_last; }
    // Only what is next or same may be signed.
    [[nodiscard]] Standing standing(const vault::Checkpoint& checkpoint) const noexcept;
    // Durable when it returns ok. ASSERTs that it is next.
    [[nodiscard]] Result<void> store(const vault::SignedCheckpoint& signed_checkpoint);

  private:
    explicit CheckpointFile(std::filesystem::path file) : m_file(std::move(file)) {}
    std::filesystem::path m_file;
    std::optional<vault::SignedCheckpoint> m_last;
};

}  // namespace giro::hsm
