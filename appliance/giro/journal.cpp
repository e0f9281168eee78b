// giro journal verify | list | summary. Offline or beside the running switch; reads only.
// Hostile: the journal file. verify ends with 4 and names the sequence number: of a changed entry, a broken chain, a
// journal shorter than the last signed checkpoint, or an entry that the state it leads to does not allow.
#include "appliance/giro/journal.hpp"

#include <fmt/format.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "appliance/giro/command.hpp"
#include "appliance/giro/journal_check.hpp"
#include "appliance/giro/journal_summary.hpp"
#include "entry/entry.hpp"
#include "switching/state.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::cli {

namespace {
using nlohmann::json;
using Kind = Failure::Kind;

// Applies every entry to a fresh state and compares it with the switch's snapshot, whose digest was signed. The auditor's
// checkpoints are of the journal's hash alone.
Result<void> replay(const config::Paths& paths, const std::optional<vault::SignedCheckpoint>& checkpoint) {
    switching::State state;
    const auto apply = [&](const journal::Entry& e) -> Result<void> {
        if (auto applied = state.apply(e.kind, e.body); !applied || !checkpoint || e.seq != checkpoint->checkpoint.seq) return applied;
        Buffer bytes;
        state.save(bytes);
        if (sha256(bytes) == checkpoint->checkpoint.state_digest) return {};
        return fail(Kind::integrity, fmt::format("the state after journal entry {} is not the one in the signed snapshot", e.seq));
    };
    if (auto read = scan_journal(paths, apply); !read) return read;
    if (!state.balanced()) return fail(Kind::integrity, fmt::format("debits and credits differ after journal entry {}", state.last_seq()));
    return {};
}

Result<void> verify_journal(const Args& args) {
    const auto checked = check_journal(args.paths());
    if (!checked) return tl::unexpected(checked.error());
    const auto& [report, checkpoints] = *checked;
    if (auto replayed = replay(args.paths(), checkpoints.of_state); !replayed) return replayed;
    if (args.json())
        fmt::print("{}\n", json{{"ok", true}, {"entries", report.entries}, {"batches", report.batches}, {"last_seq", report.last_seq},
                                {"hash", to_hex(report.head.hash)},
                                {"checkpoint", checkpoints.last ? checkpoints.last->checkpoint.seq : 0}}.dump());
    else
        fmt::print("the journal is whole: {} entries in {} batches, last {}, {}; debits equal credits\n", report.entries,
                   report.batches, report.last_seq, checkpoint_words(checkpoints));
    return {};
}

std::string line_of(json fields) {
    std::string line = fmt::format("{:>8} {} {:<22}", fields["seq"].get<std::uint64_t>(), fields["time"].get<std::string>(), fields["kind"].get<std::string>());
    for (const char* shown : {"seq", "time", "kind"}) fields.erase(shown);
    for (const auto& [key, value] : fields.items()) line += fmt::format(" {}={}", key, value.is_string() ? value.get<std::string>() : value.dump());
    return line;
}

constexpr std::uint16_t kKindNumberMax = 63;  // all kinds are below

std::string all_kinds() {
    std::string names;
    for (std::uint16_t kind = 1; kind <= kKindNumberMax; ++kind)
        if (const auto name = entry::name(static_cast<entry::Kind>(kind)); name != "unknown") names += (names.empty() ? "" : ", ") + std::string(name);
    return names;
}

bool is_kind(const std::string& wanted) {
    for (std::uint16_t kind = 1; kind <= kKindNumberMax; ++kind)
        if (entry::name(static_cast<entry::Kind>(kind)) == wanted) return wanted != "unknown";
    return false;
}

// Where to start so that the last `limit` entries are read; of one kind they may be anywhere.
Result<std::uint64_t> first_to_read(const Args& args, std::size_t limit) {
    if (args.given("--from")) return static_cast<std::uint64_t>(std::max<std::int64_t>(1, args.number("--from")));
    if (args.given("--kind")) return 1;
    auto reader = open_journal(args.paths());
    if (!reader) return tl::unexpected(reader.error());
    return reader->head().map([&](const journal::Head& head) { return head.seq < limit ? 1 : head.seq - limit + 1; });
}

Result<void> list_journal(const Args& args) {
    if (args.number("--limit") < 0) return fail(Kind::config, "--limit must not be negative");
    const auto limit = static_cast<std::size_t>(args.number("--limit"));
    const std::string kind = args.text("--kind");
    if (!kind.empty() && !is_kind(kind)) return fail(Kind::config, fmt::format("--kind '{}' is none of: {}", kind, all_kinds()));
    const auto from = first_to_read(args, limit);
    if (!from) return tl::unexpected(from.error());
    const bool from_the_end = !args.given("--from");
    std::deque<std::string> lines;
    const auto gather = [&](const journal::Entry& e) -> Result<void> {
        if ((!from_the_end && lines.size() >= limit) || (!kind.empty() && entry::name(static_cast<entry::Kind>(e.kind)) != kind)) return {};
        auto fields = describe(e);
        if (!fields) return tl::unexpected(fields.error());
        lines.push_back(args.json() ? fields->dump() : line_of(std::move(*fields)));
        if (lines.size() > limit) lines.pop_front();
        return {};
    };
    const auto read = scan_journal(args.paths(), gather, *from);
    for (const std::string& line : lines) fmt::print("{}\n", line);  // what is whole is shown before the damage is told
    return read;
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

std::vector<Command> journal_commands() {
    using OptionKind = Option::Kind;
    return {
        {"journal verify", "check every entry, the hash chain, the last signed checkpoint and the ledger; ends with 4 when something was changed", {}, verify_journal},
        {"journal list", "entries one by one, cards masked",
         {{"--from", "first sequence number; default: so that the last ones are shown", OptionKind::number},
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
