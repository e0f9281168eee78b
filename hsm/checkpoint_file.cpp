#include "hsm/checkpoint_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "util/file.hpp"
#include "util/hash.hpp"

namespace giro::hsm {

namespace {
constexpr std::size_t kCheckpointBytes = 8 + 32 + 32 + 64;
constexpr std::size_t kFileBytes = kCheckpointBytes + 32;
}  // namespace

Result<CheckpointFile> CheckpointFile::open(std::filesystem::path file) {
    CheckpointFile out(std::move(file));
    if (!std::filesystem::exists(out.m_file)) return out;
    const auto bytes = read_file(out.m_file, kFileBytes);
    const auto damaged = [&] {
        return fail(Failure::Kind::integrity,
                    fmt::format("{} is damaged; restore it from the backup, never an older one", out.m_file.string()));
    };
    if (!bytes || bytes->size() != kFileBytes) return damaged();
    const Bytes body = Bytes(*bytes).first(kCheckpointBytes);
    if (!std::ranges::equal(sha256(body), Bytes(*bytes).subspan(kCheckpointBytes))) return damaged();
    out.m_last = vault::decode<vault::SignedCheckpoint>(body);
    if (!out.m_last) return damaged();
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
    const Hash256 hash = sha256(bytes);
    bytes.insert(bytes.end(), hash.begin(), hash.end());
    if (auto done = write_file_atomic(m_file, bytes, 0600); !done) return done;
    m_last = signed_checkpoint;
    return {};
}

}  // namespace giro::hsm
