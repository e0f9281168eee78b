#include "tests/bench/table_rows.hpp"

namespace bench {

// clang-format off
std::span<const Section> sections() {
    static const std::vector<Section> all = {
        {"Yardsticks: what the same machine does without Giro", {
            {.name = "token: AES-CMAC over 200 bytes", .measured = "{/hsm/bare_cmac_per_s}/s", .parts = "hsm"},
            {.name = "SQLite: durable 200-byte rows/s at batch 1 / 10 / 100 / 1,000",
             .measured = "{/journal/bare_sqlite_rows_per_s/[1,10,100,1000]}", .parts = "journal"},
            {.name = "echo over 64 loopback connections", .measured = "{/bare/echo_per_s}/s, {/bare/echo_cpu_us} CPU-µs on both sides", .parts = "bare"},
            {.name = "Unix-socket round trip, alone; 256 under way", .measured = "{/bare/unix_round_trip_us} µs; {/bare/unix_windowed_us} µs", .parts = "bare"},
            {.name = "PostgreSQL: pgbench -N, 64 clients", .measured = "{/postgres/per_second}/s; {~/postgres}", .parts = "postgres"},
        }},
        {"Modules", {
            {.name = "ISO 8583 unpack and pack, 17-field 0200", .measured = "{/iso8583/together_ns} ns ({/iso8583/unpack_ns} + {/iso8583/pack_ns})", .parts = "iso8583",
             .ratio = "{/iso8583/together_ns|/bare/echo_cpu_ns} × an echo", .asked = "< 600 ns", .wanted = {{"/iso8583/together_ns", false, 600}}},
            {.name = "ISO 8583, each dialect, with chip data", .measured = "at most {/iso8583/slowest_ns} ns", .parts = "iso8583",
             .ratio = "{/iso8583/slowest_ns|/bare/echo_cpu_ns} × an echo", .asked = "< 1,500 ns", .wanted = {{"/iso8583/slowest_ns", false, 1'500}}},
            {.name = "ledger, one core", .measured = "{/ledger/transfers_per_s} transfers/s; two-phase {/ledger/two_phase_transfers_per_s}/s", .parts = "ledger journal",
             .ratio = "{/ledger/transfers_per_s|/journal/bare_sqlite_rows_per_s/1000} × SQLite at 1,000", .asked = "> 2 M/s",
             .wanted = {{"/ledger/transfers_per_s", true, 2e6}}},
            {.name = "journal: durable entries/s at batch 1 / 10 / 100 / 1,000", .measured = "{/journal/entries_per_s/[1,10,100,1000]}", .parts = "journal",
             .ratio = "{/journal/ratio/[1,10,100,1000]} × SQLite", .asked = "> 300,000 at 1,000", .wanted = {{"/journal/entries_per_s/1000", true, 300'000}}},
            {.name = "ledger and journal together, batches of 1,000", .measured = "{/journal/ledger_and_journal_per_s} durable transfers/s", .parts = "journal postgres",
             .ratio = "{/journal/ledger_and_journal_per_s|/journal/bare_sqlite_rows_per_s/1000} × SQLite", .asked = "> 300,000/s",
             .wanted = {{"/journal/ledger_and_journal_per_s", true, 300'000}}},
            {.name = ".. time of such a batch", .measured = "p50 {/journal/batch_p50_ms}, p99 {/journal/batch_p99_ms} ms", .parts = "journal", .asked = "p99 < 60 ms",
             .wanted = {{"/journal/batch_p99_ms", false, 60}}},
            {.name = "routing table of 100,000 ranges: a look-up; reading and checking it", .measured = "{/routing/find_ns} ns; {/routing/load_ms} ms", .parts = "routing bare",
             .ratio = "{/routing/find_ns|/bare/echo_cpu_ns} × an echo", .asked = "< 200 ns; < 1 s", .wanted = {{"/routing/find_ns", false, 200}, {"/routing/load_ms", false, 1'000}}},
            {.name = "vault: MACs verified through its verb", .measured = "{/hsm/vault_mac_verify_per_s}/s", .parts = "hsm",
             .ratio = "{/hsm/vault_mac_verify_per_s|/hsm/bare_cmac_per_s} × the bare token"},
            {.name = "vault: both MACs of a purchase, through its verbs", .measured = "{/hsm/vault_purchase_macs_per_s}/s", .parts = "hsm",
             .ratio = "{2*/hsm/vault_purchase_macs_per_s|/hsm/bare_cmac_per_s} × bare CMAC / 2", .asked = "≥ 0.8", .wanted = {{"/hsm/macs_of_token", true, 0.8}}},
            {.name = "vault: AES DUKPT purchases (derive, verify, MAC)", .measured = "{/hsm/vault_dukpt_purchases_per_s}/s, {/hsm/dukpt_derivations} derivations each", .parts = "hsm",
             .ratio = "{/hsm/dukpt_of_derivations} × its bare derivations", .asked = "≥ 0.6", .wanted = {{"/hsm/dukpt_of_derivations", true, 0.6}}},
            {.name = "vault: PINs translated", .measured = "{/hsm/vault_pin_translate_per_s}/s", .parts = "hsm",
             .ratio = "{/hsm/vault_pin_translate_per_s|/hsm/bare_pin_ciphers_per_s} × its two bare ciphers", .asked = "≥ 0.6", .wanted = {{"/hsm/pin_of_ciphers", true, 0.6}}},
            {.name = "vault: chips: ARQC verified and ARPC made (CVN 18)", .measured = "{/hsm/vault_arqc_verify_per_s}/s", .parts = "hsm",
             .ratio = "{/hsm/arqc_of_token} × the token's own calls", .asked = "≥ 0.6", .wanted = {{"/hsm/arqc_of_token", true, 0.6}}},
            {.name = "gate: CPU time of a request, 64 busy terminals", .measured = "{/gate/gate_cpu_us} µs", .parts = "gate bare",
             .ratio = "{/gate/gate_cpu_us|/bare/echo_cpu_us} × an echo"},
            {.name = ".. CPU time of 64 peers that send every keep-alive back", .measured = "{100*/gate/keep_alive_share} % of a core", .parts = "gate",
             .asked = "< 1 %", .wanted = {{"/gate/keep_alive_share", false, 0.01}}},
            {.name = "a window of 1,000,000 postings: net; root", .measured = "{/settlement/feed_s} s; {/settlement/close_s} s", .parts = "settlement"},
            {.name = "grinding with SHA-NI; without", .measured = "{/chain/grind_hashes_per_s}; {/chain/grind_portable_hashes_per_s} hashes/s", .parts = "chain"},
        }},
        {"The stages of a purchase, each by itself: CPU-µs, in batches of 1 / 8 / 64 / 400", {
            {.name = "unpack", .measured = "{0.001*/stages/[1,8,64,400]/unpack_ns}", .parts = "stages"},
            {.name = "MAC in", .measured = "{0.001*/stages/[1,8,64,400]/mac_in_ns}", .parts = "stages hsm", .ratio = "at 64: {/stages/64/mac_in_ns|/hsm/bare_cmac_ns} × a bare CMAC"},
            {.name = "decide, ledger included", .measured = "{0.001*/stages/[1,8,64,400]/decide_ns}", .parts = "stages"},
            {.name = "journal", .measured = "{0.001*/stages/[1,8,64,400]/journal_ns}", .parts = "stages"},
            {.name = ".. time until it is on the disk", .measured = "{0.001*/stages/[1,8,64,400]/journal_durable_ns}", .parts = "stages"},
            {.name = "pack the answer", .measured = "{0.001*/stages/[1,8,64,400]/pack_ns}", .parts = "stages"},
            {.name = "MAC out", .measured = "{0.001*/stages/[1,8,64,400]/mac_out_ns}", .parts = "stages hsm", .ratio = "at 64: {/stages/64/mac_out_ns|/hsm/bare_cmac_ns} × a bare CMAC"},
            {.name = "all of them", .measured = "{0.001*/stages/[1,8,64,400]/total_ns}", .parts = "stages bare", .ratio = "at 64: {/stages/64/total_ns|/bare/echo_cpu_ns} × an echo"},
        }},
        {"End to end: sockets to sockets, MACs in the token, durable before the answer, the terminals on the same cores", {
            {.name = "1 terminal, closed loop", .measured = "{/box/closed/1/per_second}/s; {~/box/closed/1}", .parts = "closed bare",
             .ratio = "p50 {/box/closed/1/p50_us|/bare/unix_round_trip_us} × a Unix-socket round trip"},
            {.name = "64 terminals, closed loop", .measured = "{/box/closed/64/per_second}/s; {~/box/closed/64}", .parts = "closed postgres",
             .ratio = "{/box/closed/64/per_second|/postgres/per_second} × pgbench", .asked = "> 8,000/s, p99 < 50 ms",
             .wanted = {{"/box/closed/64/per_second", true, 8'000}, {"/box/closed/64/p99_ms", false, 50}}},
            {.name = ".. its two MACs as a share of the token's bare rate", .measured = "{2*/box/closed/64/per_second|/hsm/bare_cmac_per_s}", .parts = "closed hsm", .asked = "≥ 0.45",
             .wanted = {{"/box/closed/64/of_token", true, 0.45}}},
            {.name = "64 terminals with AES DUKPT, closed loop", .measured = "{/box/closed/dukpt/per_second}/s; {~/box/closed/dukpt}", .parts = "closed hsm",
             .ratio = "{/box/closed/dukpt/per_second|/hsm/vault_dukpt_purchases_per_s} × the vault's verbs alone"},
            {.name = "1,000 terminals, closed loop", .measured = "{/box/closed/1000/per_second}/s; {~/box/closed/1000}", .parts = "closed postgres",
             .ratio = "{/box/closed/1000/per_second|/postgres/per_second} × pgbench"},
            {.name = ".. its two MACs as a share of the token's bare rate", .measured = "{2*/box/closed/1000/per_second|/hsm/bare_cmac_per_s}", .parts = "closed hsm", .asked = "≥ 0.45",
             .wanted = {{"/box/closed/1000/of_token", true, 0.45}}},
            {.name = ".. CPU-µs of gate and switch together", .measured = "{/box/closed/1000/cpu_us/gate_and_switch} µs; all programs of the box {/box/closed/1000/cpu_us/box}, terminals {/box/closed/1000/cpu_us/terminals}",
             .parts = "closed bare", .ratio = "{/box/closed/1000/cpu_us/gate_and_switch|/bare/echo_cpu_us} × an echo", .asked = "< 20 µs",
             .wanted = {{"/box/closed/1000/cpu_us/gate_and_switch", false, 20}}},
            {.name = "CPU-µs of a payment, 64 terminals",
             .measured = "gate {/box/closed/64/cpu_us/gate}, switch {/box/closed/64/cpu_us/switch}, vault {/box/closed/64/cpu_us/vault}, auditor {/box/closed/64/cpu_us/auditor}, "
                         "settle {/box/closed/64/cpu_us/settle}, chain {/box/closed/64/cpu_us/chain}; terminals {/box/closed/64/cpu_us/terminals}",
             .parts = "closed bare", .ratio = "box {/box/closed/64/cpu_us/box|/bare/echo_cpu_us} × an echo"},
            {.name = ".. gate and switch together", .measured = "{/box/closed/64/cpu_us/gate_and_switch} µs", .parts = "closed bare",
             .ratio = "{/box/closed/64/cpu_us/gate_and_switch|/bare/echo_cpu_us} × an echo", .asked = "< 20 µs", .wanted = {{"/box/closed/64/cpu_us/gate_and_switch", false, 20}}},
            {.name = ".. waiting and working, µs a payment, batches of {/box/closed/64/stages/requests_per_batch}",
             .measured = "MAC in {/box/closed/64/stages/vault_verify_us}, decide {/box/closed/64/stages/decide_us}, journal {/box/closed/64/stages/journal_us}, "
                         "MAC out {/box/closed/64/stages/vault_mac_us}",
             .parts = "closed"},
            {.name = "10 a second, 64 terminals, at rest", .measured = "{~/box/rest/64/10}", .parts = "rest bare",
             .ratio = "p50 {/box/rest/64/10/p50_us|/bare/unix_round_trip_us} × a Unix-socket round trip"},
            {.name = "50 a second, 64 terminals, at rest", .measured = "{~/box/rest/64/50}", .parts = "rest bare",
             .ratio = "p50 {/box/rest/64/50/p50_us|/bare/unix_round_trip_us} × a Unix-socket round trip"},
            {.name = "200 a second, 64 terminals, at rest", .measured = "{~/box/rest/64/200}", .parts = "rest bare",
             .ratio = "p50 {/box/rest/64/200/p50_us|/bare/unix_round_trip_us} × a Unix-socket round trip", .asked = "p99 < 10 ms", .wanted = {{"/box/rest/64/200/p99_ms", false, 10}}},
            {.name = "200 a second, 1 terminal, at rest", .measured = "{~/box/rest/1/200}", .parts = "rest"},
            {.name = "200 a second, 1,000 terminals, at rest", .measured = "{~/box/rest/1000/200}", .parts = "rest"},
            {.name = "200 a second, 64 terminals, right after heavy load", .measured = "{~/box/after_load}", .parts = "after_load bare",
             .ratio = "p50 {/box/after_load/p50_us|/bare/unix_round_trip_us} × a Unix-socket round trip", .asked = "p99 < 10 ms", .wanted = {{"/box/after_load/p99_ms", false, 10}}},
            {.name = "the highest rate with p99 < 50 ms, 64 terminals, open loop", .measured = "{/box/limit/64/rate}/s; {~/box/limit/64}", .parts = "limit postgres",
             .ratio = "{/box/limit/64/rate|/postgres/per_second} × pgbench"},
            {.name = ".. at half of it", .measured = "{/box/limit/64/half/rate}/s; {~/box/limit/64/half}", .parts = "limit", .asked = "p99 < 20 ms",
             .wanted = {{"/box/limit/64/half/p99_ms", false, 20}}},
            {.name = "the highest rate with p99 < 50 ms, 1,000 terminals, open loop", .measured = "{/box/limit/1000/rate}/s; {~/box/limit/1000}", .parts = "limit postgres",
             .ratio = "{/box/limit/1000/rate|/postgres/per_second} × pgbench"},
            {.name = ".. at half of it", .measured = "{/box/limit/1000/half/rate}/s; {~/box/limit/1000/half}", .parts = "limit", .asked = "p99 < 20 ms",
             .wanted = {{"/box/limit/1000/half/p99_ms", false, 20}}},
            {.name = "memory of all programs at rest",
             .measured = "{/box/rest/memory_mb/total} MB: gate {/box/rest/memory_mb/gate}, switch {/box/rest/memory_mb/switch}, vault {/box/rest/memory_mb/vault}, "
                         "auditor {/box/rest/memory_mb/auditor}, settle {/box/rest/memory_mb/settle}, chain {/box/rest/memory_mb/chain}",
             .parts = "rest", .asked = "< 250 MB", .wanted = {{"/box/rest/memory_mb/total", false, 250}}},
        }},
        {"Growth: a box with ever more entries in its journal; the ratio is to 10,000", {
            {.name = "start with 1,000,000 entries", .measured = "{/growth/sizes/1000000/start_s} s", .parts = "growth", .asked = "< 10 s",
             .wanted = {{"/growth/sizes/1000000/start_s", false, 10}}},
            {.name = "linear: start", .measured = "{/growth/per_entry/start_us} µs an entry", .parts = "growth"},
            {.name = "linear, in the background: until the auditor has replayed all", .measured = "{/growth/per_entry/audit_us} µs an entry", .parts = "growth"},
            {.name = "linear: memory of all programs", .measured = "{/growth/per_entry/memory_bytes} bytes an entry", .parts = "growth"},
        }},
    };
    return all;
}

std::span<const Row> growth_rows() {
    static const std::vector<Row> all = {
        {.name = "{@/entries} entries: start from the snapshot; by whole replay, one run", .measured = "{@/start_s} s; {@/whole_replay_s} s", .parts = "growth",
         .ratio = "{@/start_s|%/start_s}"},
        {.name = ".. memory", .measured = "{@/memory_mb/total} MB: switch {@/memory_mb/switch}, auditor {@/memory_mb/auditor}, settle {@/memory_mb/settle}", .parts = "growth",
         .ratio = "{@/memory_mb/total|%/memory_mb/total}"},
        {.name = ".. flat: 200 a second; closed loop, 64 terminals",
             .measured = "p50 {@/at_200/p50_ms}, p99 {@/at_200/p99_ms} ms; {@/closed/per_second}/s, p99 {@/closed/p99_ms} ms",
             .parts = "growth",
         .ratio = "p50 {@/at_200/p50_ms|%/at_200/p50_ms}, p99 {@/at_200/p99_ms|%/at_200/p99_ms}; {@/closed/per_second|%/closed/per_second}"},
    };
    return all;
}
// clang-format on

}  // namespace bench
