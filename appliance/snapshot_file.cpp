#include "appliance/snapshot_file.hpp"

#include <fmt/format.h>

#include "util/file.hpp"
#include "util/hash.hpp"
#include "vault/digests.hpp"

namespace giro::appliance {

namespace {
constexpr std::string_view kMagic = "GIROSNAP";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kSnapshotBytesMax = std::size_t{16} << 30;
}  // namespace

Result<void> write_snapshot(const std::filesystem::path& folder, const Snapshot& snapshot) {
    Buffer out;
    out.reserve(snapshot.state.size() + 256);
    Writer w(out);
    w.bytes(as_bytes(kMagic));
    w.u32(kVersion);
    w.u64(snapshot.checkpoint.checkpoint.seq);
    w.bytes(snapshot.checkpoint.checkpoint.chain_hash);
    w.bytes(snapshot.checkpoint.checkpoint.state_digest);
    w.bytes(snapshot.checkpoint.signature);
    w.u64(snapshot.state.size());
    w.bytes(snapshot.state);
    return write_file_atomic(folder / "snapshot", out);
}

Result<std::optional<Snapshot>> read_snapshot(const std::filesystem::path& folder, Bytes checkpoint_key) {
    const auto file = folder / "snapshot";
    if (!std::filesystem::exists(file)) return std::nullopt;
    auto bytes = read_file(file, kSnapshotBytesMax);
    if (!bytes) return tl::unexpected(bytes.error());
    Reader in(*bytes);
    Snapshot snapshot;
    auto& checkpoint = snapshot.checkpoint.checkpoint;
    const bool head = as_text(in.take(kMagic.size())) == kMagic && in.u32() == kVersion;
    checkpoint.seq = in.u64();
    checkpoint.chain_hash = in.array<32>();
    checkpoint.state_digest = in.array<32>();
    snapshot.checkpoint.signature = in.array<64>();
    const std::uint64_t size = in.u64();
    if (!head || !in.ok() || size != in.left())
        return fail(Failure::Kind::integrity, fmt::format("{} is damaged; remove it to replay the whole journal", file.string()));
    const Bytes state = in.take(size);
    if (sha256(state) != checkpoint.state_digest || !vault::verify_checkpoint(checkpoint_key, snapshot.checkpoint))
        return fail(Failure::Kind::integrity,
                    fmt::format("{} is not what the vault signed; remove it to replay the whole journal", file.string()));
    snapshot.state.assign(state.begin(), state.end());
    return snapshot;
}

}  // namespace giro::appliance
