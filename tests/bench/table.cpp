#include "tests/bench/table.hpp"

#include <fmt/format.h>

#include <optional>
#include <vector>

namespace bench {

namespace {
using nlohmann::json;

struct Wanted {
    const char* pointer;
    bool at_least;  // otherwise at most
    double value;
};

// A figure and a ratio are texts for fill_in(); so are the names, for what depends on the run.
struct Row {
    const char* name;
    const char* measured;
    const char* asked;
    std::vector<Wanted> wanted;
    const char* ratio;
    const char* parts;  // ./dev bench …
};
struct Section {
    const char* title;
    std::vector<Row> rows;
};

const std::vector<Section>& sections() {
    static const std::vector<Section> all = {
        {"Yardsticks: what the same machine does without Giro",
         {
             {"token: AES-CMAC over 200 bytes", "{/hsm/bare_cmac_per_s}/s", "", {}, "", "hsm"},
             {"SQLite: durable 200-byte rows/s at batch 1 / 10 / 100 / 1,000",
              "{/journal/bare_sqlite_rows_per_s/1} / {/journal/bare_sqlite_rows_per_s/10} / "
              "{/journal/bare_sqlite_rows_per_s/100} / "
              "{/journal/bare_sqlite_rows_per_s/1000}",
              "",
              {},
              "",
              "journal"},
             {"echo over 64 loopback connections",
              "{/bare/echo_per_s}/s, {/bare/echo_cpu_us} CPU-µs on both sides",
              "",
              {},
              "",
              "bare"},
             {"ZeroMQ round trip over ipc, alone; 256 under way",
              "{/bare/zmq_round_trip_us} µs; {/bare/zmq_windowed_us} µs",
              "",
              {},
              "",
              "bare"},
             {"PostgreSQL: pgbench -N, 64 clients",
              "{/postgres/per_second}/s; p50 {/postgres/p50_ms}, p99 {/postgres/p99_ms}, p99.9 {/postgres/p999_ms}, "
              "max {/postgres/max_ms} ms",
              "",
              {},
              "",
              "postgres"},
         }},
        {"Modules",
         {
             {"ISO 8583 unpack and pack, 17-field 0200",
              "{/iso8583/together_ns} ns ({/iso8583/unpack_ns} + {/iso8583/pack_ns})",
              "< 600 ns",
              {{"/iso8583/together_ns", false, 600}},
              "",
              "iso8583"},
             {"ledger, one core",
              "{/ledger/transfers_per_s} transfers/s; two-phase {/ledger/two_phase_transfers_per_s}/s",
              "> 2 M/s",
              {{"/ledger/transfers_per_s", true, 2e6}},
              "{/ledger/transfers_per_s|/journal/bare_sqlite_rows_per_s/1000} × SQLite at 1,000",
              "ledger journal"},
             {"journal: durable entries/s at batch 1 / 10 / 100 / 1,000",
              "{/journal/entries_per_s/1} / {/journal/entries_per_s/10} / {/journal/entries_per_s/100} / "
              "{/journal/entries_per_s/1000}",
              "> 300,000 at 1,000",
              {{"/journal/entries_per_s/1000", true, 300'000}},
              "{/journal/ratio/1} / {/journal/ratio/10} / {/journal/ratio/100} / {/journal/ratio/1000} × SQLite",
              "journal"},
             {"ledger and journal together, batches of 1,000",
              "{/journal/ledger_and_journal_per_s} durable transfers/s",
              "> 300,000/s",
              {{"/journal/ledger_and_journal_per_s", true, 300'000}},
              "{/journal/ledger_and_journal_per_s|/journal/bare_sqlite_rows_per_s/1000} × SQLite",
              "journal"},
             {".. time of such a batch",
              "p50 {/journal/batch_p50_ms}, p99 {/journal/batch_p99_ms} ms",
              "p99 < 60 ms",
              {{"/journal/batch_p99_ms", false, 60}},
              "",
              "journal"},
             {"vault: MACs verified through its verb",
              "{/hsm/vault_mac_verify_per_s}/s",
              "",
              {},
              "{/hsm/vault_mac_verify_per_s|/hsm/bare_cmac_per_s} × the bare token",
              "hsm"},
             {"gate: CPU time of a request, 64 busy terminals",
              "{/gate/gate_cpu_us} µs",
              "",
              {},
              "{/gate/gate_cpu_us|/bare/echo_cpu_us} × an echo",
              "gate bare"},
             {"a window of 1,000,000 postings: net; root",
              "{/settlement/feed_s} s; {/settlement/close_s} s",
              "",
              {},
              "",
              "settlement"},
             {"grinding with SHA-NI; without",
              "{/chain/grind_hashes_per_s}; {/chain/grind_portable_hashes_per_s} hashes/s",
              "",
              {},
              "",
              "chain"},
         }},
        {"The stages of a purchase, each by itself: CPU-µs, by batch size",
         {
             {"unpack: 1 / 8 / 64 / 400",
              "{0.001*/stages/1/unpack_ns} / {0.001*/stages/8/unpack_ns} / {0.001*/stages/64/unpack_ns} / "
              "{0.001*/stages/400/unpack_ns}",
              "",
              {},
              "",
              "stages"},
             {"MAC in",
              "{0.001*/stages/1/mac_in_ns} / {0.001*/stages/8/mac_in_ns} / {0.001*/stages/64/mac_in_ns} / "
              "{0.001*/stages/400/mac_in_ns}",
              "",
              {},
              "at 64: {/stages/64/mac_in_ns|/hsm/bare_cmac_ns} × a bare CMAC",
              "stages hsm"},
             {"decide, ledger included",
              "{0.001*/stages/1/decide_ns} / {0.001*/stages/8/decide_ns} / {0.001*/stages/64/decide_ns} / "
              "{0.001*/stages/400/decide_ns}",
              "",
              {},
              "",
              "stages"},
             {"journal",
              "{0.001*/stages/1/journal_ns} / {0.001*/stages/8/journal_ns} / {0.001*/stages/64/journal_ns} / "
              "{0.001*/stages/400/journal_ns}",
              "",
              {},
              "",
              "stages"},
             {".. until it is on the disk",
              "{0.001*/stages/1/journal_durable_ns} / {0.001*/stages/8/journal_durable_ns} / "
              "{0.001*/stages/64/journal_durable_ns} / {0.001*/stages/400/journal_durable_ns}",
              "",
              {},
              "",
              "stages"},
             {"pack the answer",
              "{0.001*/stages/1/pack_ns} / {0.001*/stages/8/pack_ns} / {0.001*/stages/64/pack_ns} / "
              "{0.001*/stages/400/pack_ns}",
              "",
              {},
              "",
              "stages"},
             {"MAC out",
              "{0.001*/stages/1/mac_out_ns} / {0.001*/stages/8/mac_out_ns} / {0.001*/stages/64/mac_out_ns} / "
              "{0.001*/stages/400/mac_out_ns}",
              "",
              {},
              "at 64: {/stages/64/mac_out_ns|/hsm/bare_cmac_ns} × a bare CMAC",
              "stages hsm"},
             {"all of them",
              "{0.001*/stages/1/total_ns} / {0.001*/stages/8/total_ns} / {0.001*/stages/64/total_ns} / "
              "{0.001*/stages/400/total_ns}",
              "",
              {},
              "at 64: {/stages/64/total_ns|/bare/echo_cpu_ns} × an echo",
              "stages bare"},
         }},
        {"End to end: sockets to sockets, MACs in the token, durable before the answer, the terminals on the same "
         "cores",
         {
             {"1 terminal, closed loop",
              "{/box/closed/1/per_second}/s; p50 {/box/closed/1/p50_ms}, p99 {/box/closed/1/p99_ms}, p99.9 "
              "{/box/closed/1/p999_ms}, max "
              "{/box/closed/1/max_ms} ms",
              "",
              {},
              "p50 {/box/closed/1/p50_us|/bare/zmq_round_trip_us} × a ZeroMQ round trip",
              "closed bare"},
             {"64 terminals, closed loop",
              "{/box/closed/64/per_second}/s; p50 {/box/closed/64/p50_ms}, p99 {/box/closed/64/p99_ms}, p99.9 "
              "{/box/closed/64/p999_ms}, max "
              "{/box/closed/64/max_ms} ms",
              "> 8,000/s, p99 < 50 ms",
              {{"/box/closed/64/per_second", true, 8'000}, {"/box/closed/64/p99_ms", false, 50}},
              "{/box/closed/64/per_second|/postgres/per_second} × pgbench",
              "closed postgres"},
             {".. its two MACs as a share of the token's bare rate",
              "{2*/box/closed/64/per_second|/hsm/bare_cmac_per_s}",
              "≥ 0.45",
              {{"/box/closed/64/of_token", true, 0.45}},
              "",
              "closed hsm"},
             {"1,000 terminals, closed loop",
              "{/box/closed/1000/per_second}/s; p50 {/box/closed/1000/p50_ms}, p99 {/box/closed/1000/p99_ms}, p99.9 "
              "{/box/closed/1000/p999_ms}, max "
              "{/box/closed/1000/max_ms} ms",
              "",
              {},
              "{/box/closed/1000/per_second|/postgres/per_second} × pgbench",
              "closed postgres"},
             {"CPU-µs of a payment, 64 terminals",
              "gate {/box/closed/64/cpu_us/gate}, switch {/box/closed/64/cpu_us/switch}, vault "
              "{/box/closed/64/cpu_us/vault}, auditor "
              "{/box/closed/64/cpu_us/auditor}, settle {/box/closed/64/cpu_us/settle}, chain "
              "{/box/closed/64/cpu_us/chain}; terminals "
              "{/box/closed/64/cpu_us/terminals}",
              "",
              {},
              "box {/box/closed/64/cpu_us/box|/bare/echo_cpu_us} × an echo",
              "closed bare"},
             {".. gate and switch together",
              "{/box/closed/64/cpu_us/gate_and_switch} µs",
              "< 20 µs",
              {{"/box/closed/64/cpu_us/gate_and_switch", false, 20}},
              "{/box/closed/64/cpu_us/gate_and_switch|/bare/echo_cpu_us} × an echo",
              "closed bare"},
             {".. waiting and working, µs a payment, batches of {/box/closed/64/stages/requests_per_batch}",
              "MAC in {/box/closed/64/stages/vault_verify_us}, decide {/box/closed/64/stages/decide_us}, journal "
              "{/box/closed/64/stages/journal_us}, MAC out "
              "{/box/closed/64/stages/vault_mac_us}",
              "",
              {},
              "",
              "closed"},
             {"10 a second, 64 terminals, at rest",
              "p50 {/box/rest/64/10/p50_ms}, p99 {/box/rest/64/10/p99_ms}, p99.9 {/box/rest/64/10/p999_ms}, max "
              "{/box/rest/64/10/max_ms} ms",
              "",
              {},
              "p50 {/box/rest/64/10/p50_us|/bare/zmq_round_trip_us} × a ZeroMQ round trip",
              "rest bare"},
             {"50 a second, 64 terminals, at rest",
              "p50 {/box/rest/64/50/p50_ms}, p99 {/box/rest/64/50/p99_ms}, p99.9 {/box/rest/64/50/p999_ms}, max "
              "{/box/rest/64/50/max_ms} ms",
              "",
              {},
              "p50 {/box/rest/64/50/p50_us|/bare/zmq_round_trip_us} × a ZeroMQ round trip",
              "rest bare"},
             {"200 a second, 64 terminals, at rest",
              "p50 {/box/rest/64/200/p50_ms}, p99 {/box/rest/64/200/p99_ms}, p99.9 {/box/rest/64/200/p999_ms}, max "
              "{/box/rest/64/200/max_ms} ms",
              "p99 < 10 ms",
              {{"/box/rest/64/200/p99_ms", false, 10}},
              "p50 {/box/rest/64/200/p50_us|/bare/zmq_round_trip_us} × a ZeroMQ round trip",
              "rest bare"},
             {"200 a second, 1 terminal, at rest",
              "p50 {/box/rest/1/200/p50_ms}, p99 {/box/rest/1/200/p99_ms}, p99.9 {/box/rest/1/200/p999_ms}, max "
              "{/box/rest/1/200/max_ms} ms",
              "",
              {},
              "",
              "rest"},
             {"200 a second, 1,000 terminals, at rest",
              "p50 {/box/rest/1000/200/p50_ms}, p99 {/box/rest/1000/200/p99_ms}, p99.9 {/box/rest/1000/200/p999_ms}, "
              "max {/box/rest/1000/200/max_ms} ms",
              "",
              {},
              "",
              "rest"},
             {"200 a second, 64 terminals, right after heavy load",
              "p50 {/box/after_load/p50_ms}, p99 {/box/after_load/p99_ms}, p99.9 {/box/after_load/p999_ms}, max "
              "{/box/after_load/max_ms} ms",
              "p99 < 10 ms",
              {{"/box/after_load/p99_ms", false, 10}},
              "p50 {/box/after_load/p50_us|/bare/zmq_round_trip_us} × a ZeroMQ round trip",
              "after_load bare"},
             {"the highest rate with p99 under 50 ms, 64 terminals",
              "{/box/limit/64/rate}/s; p50 {/box/limit/64/p50_ms}, p99 {/box/limit/64/p99_ms}, p99.9 "
              "{/box/limit/64/p999_ms}, max {/box/limit/64/max_ms} ms",
              "",
              {},
              "{/box/limit/64/rate|/postgres/per_second} × pgbench",
              "limit postgres"},
             {".. at half of it",
              "{/box/limit/64/half/rate}/s; p50 {/box/limit/64/half/p50_ms}, p99 {/box/limit/64/half/p99_ms}, p99.9 "
              "{/box/limit/64/half/p999_ms}, max "
              "{/box/limit/64/half/max_ms} ms",
              "p99 < 20 ms",
              {{"/box/limit/64/half/p99_ms", false, 20}},
              "",
              "limit"},
             {"the highest rate with p99 under 50 ms, 1,000 terminals",
              "{/box/limit/1000/rate}/s; p50 {/box/limit/1000/p50_ms}, p99 {/box/limit/1000/p99_ms}, p99.9 "
              "{/box/limit/1000/p999_ms}, max "
              "{/box/limit/1000/max_ms} ms",
              "",
              {},
              "{/box/limit/1000/rate|/postgres/per_second} × pgbench",
              "limit postgres"},
             {".. at half of it",
              "{/box/limit/1000/half/rate}/s; p50 {/box/limit/1000/half/p50_ms}, p99 {/box/limit/1000/half/p99_ms}, "
              "p99.9 {/box/limit/1000/half/p999_ms}, max "
              "{/box/limit/1000/half/max_ms} ms",
              "p99 < 20 ms",
              {{"/box/limit/1000/half/p99_ms", false, 20}},
              "",
              "limit"},
             {"memory of all programs at rest",
              "{/box/rest/memory_mb/total} MB: gate {/box/rest/memory_mb/gate}, switch {/box/rest/memory_mb/switch}, "
              "vault {/box/rest/memory_mb/vault}, "
              "auditor {/box/rest/memory_mb/auditor}, settle {/box/rest/memory_mb/settle}, chain "
              "{/box/rest/memory_mb/chain}",
              "< 250 MB",
              {{"/box/rest/memory_mb/total", false, 250}},
              "",
              "rest"},
         }},
        {"Growth: the same box with ever more entries in its journal",
         {
             {"linear: start", "{/growth/per_entry/start_us} µs an entry", "", {}, "", "growth"},
             {"linear, in the background: until the auditor has replayed all",
              "{/growth/per_entry/audit_us} µs an entry",
              "",
              {},
              "",
              "growth"},
             {"linear: memory of all programs",
              "{/growth/per_entry/memory_bytes} bytes an entry",
              "",
              {},
              "",
              "growth"},
         }},
    };
    return all;
}

// Rows of the same shape for each size of journal that was measured.
std::vector<std::array<std::string, 4>> growth_rows(const json& results) {
    std::vector<std::array<std::string, 4>> out;
    const auto sizes = results.value("/growth/sizes"_json_pointer, json::object());
    for (std::uint64_t n = 10'000; sizes.contains(std::to_string(n)); n *= 10) {
        const std::string at = fmt::format("/growth/sizes/{}", n), small = "/growth/sizes/10000";
        const auto text = [&](std::string form) {
            for (std::size_t i; (i = form.find('@')) != std::string::npos;) form.replace(i, 1, at);
            for (std::size_t i; (i = form.find('%')) != std::string::npos;) form.replace(i, 1, small);
            return fill_in(form, results);
        };
        out.push_back(
            {text("{@/entries} entries: start, from the snapshot; by replay"),
             text("{@/start_s} s; {@/whole_replay_s} s"),
             n == 1'000'000
                 ? fmt::format("< 10 s: {}",
                               results[json::json_pointer(at + "/start_s")].get<double>() < 10 ? "met" : "MISSED")
                 : "",
             ""});
        out.push_back({".. memory",
                       text("{@/memory_mb/total} MB: switch {@/memory_mb/switch}, auditor {@/memory_mb/auditor}, "
                            "settle {@/memory_mb/settle}"),
                       "", text("{@/memory_mb/total|%/memory_mb/total} × that of 10,000")});
        out.push_back(
            {".. flat: 200 a second; closed loop, 64 terminals",
             text("p50 {@/at_200/p50_ms}, p99 {@/at_200/p99_ms} ms; {@/closed/per_second}/s, p99 {@/closed/p99_ms} ms"),
             "",
             text("{@/at_200/p50_ms|%/at_200/p50_ms}, {@/at_200/p99_ms|%/at_200/p99_ms}; "
                  "{@/closed/per_second|%/closed/per_second}")});
    }
    return out;
}

std::optional<double> number_at(std::string_view pointer, const json& results) {
    const json::json_pointer at{std::string(pointer)};
    if (!results.contains(at) || !results.at(at).is_number()) return std::nullopt;
    return results.at(at).get<double>();
}

std::string with_commas(double value) {
    std::string digits = fmt::format("{:.0f}", value);
    for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
    return digits;
}

std::string show(double value) {
    if (value >= 999'950) return fmt::format("{:.1f} M", value / 1e6);
    if (value >= 100) return with_commas(value);
    if (value >= 1) return fmt::format("{:.1f}", value);
    return fmt::format("{:.2f}", value);
}

// "2*/a|/b"
std::optional<double> value_of(std::string_view expression, const json& results) {
    double factor = 1;
    if (const std::size_t star = expression.find('*'); star != std::string_view::npos) {
        factor = std::stod(std::string(expression.substr(0, star)));
        expression.remove_prefix(star + 1);
    }
    const std::size_t bar = expression.find('|');
    const auto value = number_at(expression.substr(0, bar), results);
    if (!value || bar == std::string_view::npos) return value ? std::optional(factor * *value) : std::nullopt;
    const auto yardstick = number_at(expression.substr(bar + 1), results);
    return yardstick && *yardstick > 0 ? std::optional(factor * *value / *yardstick) : std::nullopt;
}

std::string verdict(const Row& row, const json& results) {
    if (row.wanted.empty()) return row.asked;
    for (const Wanted& w : row.wanted) {
        const auto value = number_at(w.pointer, results);
        if (!value) return row.asked;
        if (w.at_least ? *value < w.value : *value > w.value) return fmt::format("{}: MISSED", row.asked);
    }
    return fmt::format("{}: met", row.asked);
}

std::string line(const std::string& name, const std::string& measured, const std::string& asked,
                 const std::string& ratio, const std::string& parts) {
    return fmt::format("| {} | {} | {} | {} | {} |\n", name, measured, asked, ratio,
                       parts.empty() ? "" : fmt::format("`./dev bench {}`", parts));
}

std::string heading(const json& results) {
    const json& m = results["machine"];
    const json& v = results["versions"];
    std::string out = fmt::format(
        "{}, {} cores, {} GB, {}, {}. SoftHSM {}, SQLite {}, OpenSSL {}, ZeroMQ {}, Botan {}{}; {}; commit {}.",
        m["cpu"].get<std::string>(), m["cores"].get<int>(), m["memory_gb"].get<int>(), m["kernel"].get<std::string>(),
        m["disk"].get<std::string>(), v["softhsm"].get<std::string>(), v["sqlite"].get<std::string>(),
        v["openssl"].get<std::string>(), v["zeromq"].get<std::string>(), v["botan"].get<std::string>(),
        results.contains("/postgres/version"_json_pointer) ? ", " + results["postgres"]["version"].get<std::string>()
                                                           : "",
        v["compiler"].get<std::string>(), v["commit"].get<std::string>());
    return out + (results["quick"].get<bool>()
                      ? "\nQUICK: one short run of each, on a machine that may be busy; not for comparison.\n"
                      : "\nMedians of five runs.\n");
}
}  // namespace

std::string fill_in(std::string_view text, const json& results) {
    std::string out;
    while (!text.empty()) {
        const std::size_t open = text.find('{'), close = text.find('}', open);
        out += text.substr(0, open);
        if (open == std::string_view::npos) break;
        const auto value = value_of(text.substr(open + 1, close - open - 1), results);
        if (!value) return {};
        out += show(*value);
        text.remove_prefix(close + 1);
    }
    return out;
}

std::string markdown(const json& results) {
    std::string out =
        heading(results) + "\n| figure | measured | asked for | ratio | again with |\n|---|---|---|---|---|\n";
    for (const Section& section : sections()) {
        std::string rows;
        if (section.title == sections().back().title)
            for (const auto& [name, measured, asked, ratio] : growth_rows(results))
                rows += line(name, measured, asked, ratio, "growth");
        for (const Row& row : section.rows)
            if (const std::string measured = fill_in(row.measured, results); !measured.empty())
                rows += line(fill_in(row.name, results), measured, verdict(row, results), fill_in(row.ratio, results),
                             row.parts);
        if (!rows.empty()) out += fmt::format("| **{}** | | | | |\n", section.title) + rows;
    }
    return out;
}

}  // namespace bench
