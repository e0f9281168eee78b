#include "hsm/checkpoint_file.hpp"

#include "hsm/hashed_file.hpp"

namespace giro::hsm {

namespace {
constexpr std::size_t kCheckpointBytes = 8 + 32 + 32 + 64;
}  // namespace

Result<CheckpointFile> CheckpointFile::open(std::filesystem::path file) {
    CheckpointFile out(std::move(file));
    const auto body = read_hashed(out.m_file, kCheckpointBytes);
    if (!body) return tl::unexpected(body.error());
    if (!*body) return out;
    out.m_last = vault::decode<vault::SignedCheckpoint>(**body);
    if (!out.m_last) return damaged(out.m_file);
    return out;
}

Standing CheckpointFile::standing(const vault::Checkpoint& checkpoint) const noexcept {
    const std::uint64_t last = m_last ? m_last->checkpoint.seq : 0;
    if (checkpoint.seq < last) return Standing::behind;
    if (m_last && checkpoint.seq == last)
        return checkpoint.chain_hash == m_last->checkpoint.chain_hash ? Standing::same : Standing::contradicts;
    return checkpoint.seq - last > kCheckpointStepMax ? Standing::too_far : Standing::next;
}

Result<void> CheckpointFile::store(const vault::SignedCheckpoint& signed_checkpoint) {
    ASSERT(standing(signed_checkpoint.checkpoint) == Standing::next);
    Buffer bytes;
    vault::encode(bytes, signed_checkpoint);
    if (auto done = write_hashed(m_file, std::move(bytes)); !done) return done;
    m_last = signed_checkpoint;
    return {};
}

}  // namespace giro::hsm
