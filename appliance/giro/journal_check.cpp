#include "appliance/giro/journal_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "appliance/giro/journal.hpp"
#include "appliance/snapshot_file.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"
#include "vault/bundle.hpp"
#include "vault/digests.hpp"

namespace giro::cli {

namespace {
using nlohmann::json;
using Kind = Failure::Kind;
constexpr std::uintmax_t kTailBytes = 4096;  // a checkpoint's line has some 340
constexpr std::size_t kVaultFileBytesMax = 4096;
constexpr std::string_view kWhatToDo = "stop, keep the folder as evidence, and restore the journal from the cluster or a backup";

template <std::size_t N>
std::optional<ByteArray<N>> hex_member(const json& object, const char* name) {
    const auto member = object.find(name);
    if (member == object.end() || !member->is_string()) return std::nullopt;
    return array_from_hex<N>(member->get_ref<const std::string&>());
}

std::optional<vault::SignedCheckpoint> parse_checkpoint(std::string_view line) {
    const json j = json::parse(line, nullptr, false);
    if (!j.is_object() || !j.contains("seq") || !j["seq"].is_number_unsigned()) return std::nullopt;
    const auto chain_hash = hex_member<32>(j, "chain_hash");
    const auto state_digest = hex_member<32>(j, "state_digest");
    const auto signature = hex_member<64>(j, "signature");
    if (!chain_hash || !state_digest || !signature) return std::nullopt;
    return vault::SignedCheckpoint{{j["seq"].get<std::uint64_t>(), *chain_hash, *state_digest}, *signature};
}

// The end of a file that only grows, however large it is by now.
Result<std::string> read_tail(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary | std::ios::ate);
    const std::streamoff size = in.tellg();
    std::string tail(std::min<std::uintmax_t>(size < 0 ? 0 : static_cast<std::uintmax_t>(size), kTailBytes), '\0');
    in.seekg(size - static_cast<std::streamoff>(tail.size()));
    if (in.read(tail.data(), static_cast<std::streamsize>(tail.size()))) return tail;
    return fail(Kind::refused, fmt::format("cannot read {}", file.string()));
}

// The auditor's file; the one it has set aside when it has begun no new one yet; nothing when there is neither.
std::optional<std::filesystem::path> checkpoints_file(const config::Paths& paths) {
    for (const char* name : {"checkpoints.jsonl", "checkpoints.jsonl.1"})
        if (auto file = paths.snapshots() / name; std::filesystem::exists(file)) return file;
    return std::nullopt;
}

// The last whole line of it; what a crash cut off behind it does not count.
Result<std::optional<vault::SignedCheckpoint>> read_last_checkpoint(const config::Paths& paths, Bytes checkpoint_key) {
    const auto found = checkpoints_file(paths);
    if (!found) return std::nullopt;
    const auto& file = *found;
    const auto tail = read_tail(file);
    if (!tail) return tl::unexpected(tail.error());
    std::string_view text = *tail;
    text = text.substr(0, text.rfind('\n') + 1);
    if (text.empty()) {
        if (tail->size() < kTailBytes) return std::nullopt;
        return fail(Kind::integrity, fmt::format("{}: its end is no line", file.string()));
    }
    text.remove_suffix(1);
    const auto checkpoint = parse_checkpoint(text.substr(text.rfind('\n') + 1));
    if (!checkpoint) return fail(Kind::integrity, fmt::format("{}: a line is not a checkpoint", file.string()));
    if (!vault::verify_checkpoint(checkpoint_key, *checkpoint))
        return fail(Kind::integrity, fmt::format("{}: the signature of checkpoint {} is not this box's", file.string(), checkpoint->checkpoint.seq));
    return checkpoint;
}

// vault/checkpoint (hsm/checkpoint_file.hpp): the last one signed, then the SHA-256 of it.
Result<std::optional<vault::SignedCheckpoint>> read_vaults(const config::Paths& paths, Bytes key) {
    const auto file = paths.vault() / "checkpoint";
    if (!std::filesystem::exists(file)) return std::nullopt;
    const auto bytes = read_file(file, kVaultFileBytesMax);
    if (!bytes) return tl::unexpected(bytes.error());
    constexpr std::size_t kHashBytes = sizeof(Hash256);
    const Bytes body = Bytes(*bytes).first(bytes->size() - std::min(bytes->size(), kHashBytes));
    const auto checkpoint = vault::decode<vault::SignedCheckpoint>(body);
    if (!checkpoint || !std::ranges::equal(sha256(body), Bytes(*bytes).subspan(body.size())) || !vault::verify_checkpoint(key, *checkpoint))
        return fail(Kind::integrity, fmt::format("{} is not a checkpoint that this box signed", file.string()));
    return checkpoint;
}

Result<Signed> read_signed(const config::Paths& paths) {
    Signed found;
    const auto files = {paths.vault() / "checkpoint", appliance::snapshot_file(paths.journal().parent_path())};
    if (!checkpoints_file(paths) && std::ranges::none_of(files, [](const auto& file) { return std::filesystem::exists(file); })) return found;
    const auto bundle = vault::load_bundle(paths.pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    const auto auditors = read_last_checkpoint(paths, bundle->checkpoint_key);
    if (!auditors) return tl::unexpected(auditors.error());
    const auto vaults = read_vaults(paths, bundle->checkpoint_key);
    if (!vaults) return tl::unexpected(vaults.error());
    const auto of_state = appliance::read_snapshot_checkpoint(paths.journal().parent_path(), bundle->checkpoint_key);
    if (!of_state) return tl::unexpected(of_state.error());
    for (const auto& one : {*auditors, *vaults, *of_state})
        if (one && (!found.last || one->checkpoint.seq > found.last->checkpoint.seq)) found.last = one;
    found.of_state = *of_state;
    return found;
}

// Why the journal cannot even be opened. SQLite opens no file that was cut off and knows no entries; what was signed does.
tl::unexpected<Failure> unreadable(const config::Paths& paths, const Failure& failure, const Signed& checkpoints) {
    const bool missing = failure.kind == Kind::not_provisioned;
    if (failure.kind != Kind::integrity && !(missing && checkpoints.last)) return tl::unexpected(failure);
    const std::string last = checkpoints.last ? fmt::format("entries 1 to {}, which the box has signed, are lost", checkpoints.last->checkpoint.seq)
                                              : "no entry from 1 on can be read";
    return fail(Kind::integrity, fmt::format("journal {} is {}: {}; {}", paths.journal().string(),
                                             missing ? "missing or empty" : "cut off, overwritten or no journal", last, kWhatToDo));
}
}  // namespace

Result<JournalCheck> check_journal(const config::Paths& paths) {
    auto checkpoints = read_signed(paths);
    if (!checkpoints) return tl::unexpected(checkpoints.error());
    std::optional<journal::Head> expected;
    if (checkpoints->last) expected = journal::Head{checkpoints->last->checkpoint.seq, checkpoints->last->checkpoint.chain_hash};
    if (const auto there = open_journal(paths); !there) return unreadable(paths, there.error(), *checkpoints);
    const auto report = journal::verify(paths.journal(), 1, expected);
    if (!report) return tl::unexpected(report.error());
    return JournalCheck{*report, std::move(*checkpoints)};
}

std::string checkpoint_words(const Signed& checkpoints) {
    return checkpoints.last ? fmt::format("signed checkpoint at {}", checkpoints.last->checkpoint.seq)
                            : "no signed checkpoint found: a cut end cannot be seen";
}

}  // namespace giro::cli
