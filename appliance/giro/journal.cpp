// giro journal verify | list | summary. Offline or beside the running switch; reads only.
// Hostile: the journal file. verify ends with 4 and names the sequence number: of a changed entry, a broken chain, a
// journal shorter than the last signed checkpoint, or an entry that the state it leads to does not allow.
#include "appliance/giro/journal.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "appliance/giro/command.hpp"
#include "appliance/giro/journal_summary.hpp"
#include "entry/entry.hpp"
#include "switching/state.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"
#include "util/hash.hpp"
#include "vault/bundle.hpp"
#include "vault/digests.hpp"

namespace giro::cli {

namespace {
using nlohmann::json;
using Kind = Failure::Kind;
constexpr std::size_t kReadAtOnce = 4096;
constexpr std::size_t kCheckpointFileBytesMax = std::size_t{1} << 30;  // some ten days of one a second

std::optional<vault::SignedCheckpoint> parse_checkpoint(std::string_view line) {
    const json j = json::parse(line, nullptr, false);
    if (!j.is_object() || !j.contains("seq") || !j["seq"].is_number_unsigned()) return std::nullopt;
    const auto chain_hash = array_from_hex<32>(j.value("chain_hash", ""));
    const auto state_digest = array_from_hex<32>(j.value("state_digest", ""));
    const auto signature = array_from_hex<64>(j.value("signature", ""));
    if (!chain_hash || !state_digest || !signature) return std::nullopt;
    return vault::SignedCheckpoint{{j["seq"].get<std::uint64_t>(), *chain_hash, *state_digest}, *signature};
}

// What the auditor had signed last, and the last of those that also speak of the state. Nothing where there is none yet.
struct Signed {
    std::optional<vault::SignedCheckpoint> last;
    std::optional<vault::SignedCheckpoint> last_of_state;
};

// Reads auditor/checkpoints.jsonl from its end. A line that is not a checkpoint with a good signature is an integrity
// failure, except a last one that a crash cut off (no line end).
Result<Signed> read_checkpoints(const config::Paths& paths) {
    Signed found;
    const auto file = paths.snapshots() / "checkpoints.jsonl";
    if (!std::filesystem::exists(file)) return found;
    const auto bytes = read_file(file, kCheckpointFileBytesMax);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto bundle = vault::load_bundle(paths.pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    std::string_view text = as_text(*bytes);
    text = text.substr(0, text.rfind('\n') + 1);
    while (!text.empty() && !found.last_of_state) {
        text.remove_suffix(1);
        const auto start = text.rfind('\n') + 1;
        const auto checkpoint = parse_checkpoint(text.substr(start));
        if (!checkpoint) return fail(Kind::integrity, fmt::format("{}: a line is not a checkpoint", file.string()));
        if (!vault::verify_checkpoint(bundle->checkpoint_key, *checkpoint))
            return fail(Kind::integrity, fmt::format("{}: the signature of checkpoint {} is not this box's", file.string(), checkpoint->checkpoint.seq));
        if (!found.last) found.last = checkpoint;
        if (checkpoint->checkpoint.state_digest != Hash256{}) found.last_of_state = checkpoint;
        text = text.substr(0, start);
    }
    return found;
}

// Applies every entry to a fresh state and compares it with the one that was signed. Most checkpoints are of the journal's
// hash alone (state_digest zero); those made with a snapshot hold the digest of its bytes.
Result<void> replay(const config::Paths& paths, const std::optional<vault::SignedCheckpoint>& checkpoint) {
    switching::State state;
    const auto apply = [&](const journal::Entry& e) -> Result<void> {
        if (auto applied = state.apply(e.kind, e.body); !applied || !checkpoint || e.seq != checkpoint->checkpoint.seq) return applied;
        Buffer bytes;
        state.save(bytes);
        if (sha256(bytes) == checkpoint->checkpoint.state_digest) return {};
        return fail(Kind::integrity, fmt::format("the state after journal entry {} is not the one in the signed checkpoint", e.seq));
    };
    if (auto read = for_each_entry(paths, 1, apply); !read) return read;
    if (!state.balanced()) return fail(Kind::integrity, fmt::format("debits and credits differ after journal entry {}", state.last_seq()));
    return {};
}

Result<void> verify_journal(const Args& args) {
    const auto checkpoints = read_checkpoints(args.paths());
    if (!checkpoints) return tl::unexpected(checkpoints.error());
    std::optional<journal::Head> expected;
    if (checkpoints->last) expected = journal::Head{checkpoints->last->checkpoint.seq, checkpoints->last->checkpoint.chain_hash};
    const auto report = journal::verify(args.paths().journal(), 1, expected);
    if (!report) return tl::unexpected(report.error());
    if (auto replayed = replay(args.paths(), checkpoints->last_of_state); !replayed) return replayed;
    const std::uint64_t at = expected ? expected->seq : 0;
    if (args.json())
        fmt::print("{}\n", json{{"ok", true}, {"entries", report->entries}, {"batches", report->batches}, {"last_seq", report->last_seq},
                                {"hash", to_hex(report->head.hash)}, {"checkpoint", at}}.dump());
    else
        fmt::print("the journal is whole: {} entries in {} batches, last {}, signed checkpoint at {}; debits equal credits\n",
                   report->entries, report->batches, report->last_seq, at);
    return {};
}

std::string line_of(json fields) {
    std::string line = fmt::format("{:>8} {} {:<22}", fields["seq"].get<std::uint64_t>(), fields["time"].get<std::string>(), fields["kind"].get<std::string>());
    for (const char* shown : {"seq", "time", "kind"}) fields.erase(shown);
    for (const auto& [key, value] : fields.items()) line += fmt::format(" {}={}", key, value.is_string() ? value.get<std::string>() : value.dump());
    return line;
}

Result<void> list_journal(const Args& args) {
    const auto limit = static_cast<std::size_t>(args.number("--limit"));
    const std::string kind = args.text("--kind");
    std::size_t shown = 0;
    const auto show = [&](const journal::Entry& e) -> Result<void> {
        if (shown >= limit || (!kind.empty() && entry::name(static_cast<entry::Kind>(e.kind)) != kind)) return {};
        auto fields = describe(e);
        if (!fields) return tl::unexpected(fields.error());
        ++shown;
        fmt::print("{}\n", args.json() ? fields->dump() : line_of(std::move(*fields)));
        return {};
    };
    return for_each_entry(args.paths(), static_cast<std::uint64_t>(std::max<std::int64_t>(1, args.number("--from"))), show);
}

Result<void> summarise_journal(const Args& args) {
    auto summary = summarise(args.paths(), static_cast<std::uint64_t>(args.number("--window")), args.text("--receipts"));
    if (!summary) return tl::unexpected(summary.error());
    if (args.json()) {
        fmt::print("{}\n", summary->dump());
        return {};
    }
    for (const auto& [key, value] : summary->items()) fmt::print("{:<20} {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
    return {};
}
}  // namespace

Result<void> for_each_entry(const config::Paths& paths, std::uint64_t from_seq, const journal::EntryCallback& callback) {
    if (!std::filesystem::exists(paths.journal())) return {};
    auto reader = journal::JournalReader::open(paths.journal());
    if (!reader) return tl::unexpected(reader.error());
    for (std::uint64_t next = from_seq;;) {
        const auto read = reader->read_from(next, kReadAtOnce, callback);
        if (!read) return tl::unexpected(read.error());
        next += *read;
        if (*read < kReadAtOnce) return {};
    }
}

std::vector<Command> journal_commands() {
    using OptionKind = Option::Kind;
    return {
        {"journal verify", "check every entry, the hash chain, the last signed checkpoint and the ledger; ends with 4 when something was changed", {}, verify_journal},
        {"journal list", "entries one by one, cards masked",
         {{"--from", "first sequence number", OptionKind::number, "1"},
          {"--limit", "how many", OptionKind::number, "50"},
          {"--kind", "only this kind, e.g. payment"}},
         list_journal},
        {"journal summary", "what was decided and settled, counted from the journal and the chain",
         {{"--window", "only this settlement window (0: everything)", OptionKind::number, "0"},
          {"--receipts", "folder of receipts to verify and count"}},
         summarise_journal},
    };
}

}  // namespace giro::cli
