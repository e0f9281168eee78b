#include "appliance/snapshot_file.hpp"

#include <fmt/format.h>

#include <fstream>

#include "util/file.hpp"
#include "util/hash.hpp"
#include "vault/digests.hpp"

namespace giro::appliance {

namespace {
constexpr std::string_view kMagic = "GIROSNAP";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kSnapshotBytesMax = std::size_t{16} << 30;
constexpr std::size_t kHeaderBytes = 8 + 4 + 8 + 32 + 32 + 64;  // up to the state's size

// Nothing when these are not a snapshot's first kHeaderBytes.
std::optional<vault::SignedCheckpoint> parse_header(Reader& in) {
    vault::SignedCheckpoint out;
    const bool head = as_text(in.take(kMagic.size())) == kMagic && in.u32() == kVersion;
    out.checkpoint.seq = in.u64();
    out.checkpoint.chain_hash = in.array<32>();
    out.checkpoint.state_digest = in.array<32>();
    out.signature = in.array<64>();
    return head && in.ok() ? std::optional(out) : std::nullopt;
}

tl::unexpected<Failure> damaged(const std::filesystem::path& file) {
    return fail(Failure::Kind::integrity, fmt::format("{} is damaged", file.string()));
}
tl::unexpected<Failure> not_signed(const std::filesystem::path& file) {
    return fail(Failure::Kind::integrity,
                fmt::format("{} is not what the vault signed", file.string()));
}
}  // namespace

std::filesystem::path snapshot_file(const std::filesystem::path& folder) { return folder / "snapshot"; }

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
    return write_file_atomic(snapshot_file(folder), out);
}

Result<std::optional<Snapshot>> read_snapshot(const std::filesystem::path& folder, Bytes checkpoint_key) {
    const auto file = snapshot_file(folder);
    if (!std::filesystem::exists(file)) return std::nullopt;
    auto bytes = read_file(file, kSnapshotBytesMax);
    if (!bytes) return tl::unexpected(bytes.error());
    Reader in(*bytes);
    const auto header = parse_header(in);
    const std::uint64_t size = in.u64();
    if (!header || !in.ok() || size != in.left()) return damaged(file);
    const Bytes state = in.take(size);
    if (sha256(state) != header->checkpoint.state_digest || !vault::verify_checkpoint(checkpoint_key, *header)) return not_signed(file);
    return Snapshot{*header, Buffer(state.begin(), state.end())};
}

Result<std::optional<vault::SignedCheckpoint>> read_snapshot_checkpoint(const std::filesystem::path& folder, Bytes checkpoint_key) {
    const auto file = snapshot_file(folder);
    if (!std::filesystem::exists(file)) return std::nullopt;
    ByteArray<kHeaderBytes> bytes{};
    std::ifstream stream(file, std::ios::binary);
    if (!stream.read(reinterpret_cast<char*>(bytes.data()), kHeaderBytes)) return damaged(file);
    Reader in(bytes);
    const auto header = parse_header(in);
    if (!header) return damaged(file);
    if (!vault::verify_checkpoint(checkpoint_key, *header)) return not_signed(file);
    return header;
}

}  // namespace giro::appliance
