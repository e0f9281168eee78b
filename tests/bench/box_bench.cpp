#include "tests/bench/box_bench.hpp"

#include <algorithm>
#include <chrono>

#include "tests/story/box.hpp"

namespace bench {

namespace {
using nlohmann::json;
using story::Box;
constexpr int kRuns = 5;
constexpr int kRunSeconds = 10;
constexpr std::uint64_t kBigJournalEntries = 1'000'000;

void need(bool condition, const std::string& what) {
    if (condition) return;
    std::fprintf(stderr, "bench: %s\n", what.c_str());
    std::exit(1);
}

json load(Box& box, std::vector<std::string> options) {
    options.insert(options.begin(), {"--json", "pos", "load", "--terminals", "64"});
    const auto said = box.giro(options);
    need(said.status == 0, "giro pos: " + said.text);
    return said.object();
}

double resident_mb(Box& box) {
    double kb = 0;
    const json status = box.status();  // the temporary must outlive the loop
    for (const auto& program : status["programs"]) kb += program.value("resident_kb", 0.0);
    return kb / 1024;
}

void wait_for_premine(Box& box) {
    story::tell("pre-mining, so that it does not share the cores with what is measured");
    need(story::eventually(900, [&] {
        const json status = box.status();
        return status.contains("chain") && status["chain"]["height"].get<int>() >= 101;
    }), "the chain did not reach block 101");
}

// Nanoseconds of each stage for one request, between two looks at the switch's own clock.
json stage_costs(const json& before, const json& after) {
    json out;
    const auto since = [&](const char* key) { return after[key].get<double>() - before[key].get<double>(); };
    const double requests = since("requests");
    if (requests <= 0) return out;
    for (const char* stage : {"vault_verify_ns", "decide_ns", "journal_ns", "vault_mac_ns"}) out[std::string(stage) + "_per_request"] = since(stage) / requests;
    out["requests_per_batch"] = requests / std::max(1.0, since("batches"));
    return out;
}

json closed_loop(Box& box) {
    std::vector<double> rate, p50, p99;
    const json before = box.status()["switch"]["stages"];
    for (int run = 0; run < kRuns; ++run) {
        const json report = load(box, {"--seconds", std::to_string(kRunSeconds)});
        story::tell("64 terminals: " + report["per_second"].dump() + " purchases/s, p99 " + report["p99_ms"].dump() + " ms");
        rate.push_back(report["per_second"].get<double>());
        p50.push_back(report["p50_ms"].get<double>());
        p99.push_back(report["p99_ms"].get<double>());
    }
    json out{{"purchases_per_s", median(rate)}, {"p50_ms", median(p50)}, {"p99_ms", median(p99)}};
    out["stages"] = stage_costs(before, box.status()["switch"]["stages"]);
    return out;
}

json unloaded(Box& box) {
    std::vector<double> p50, p99;
    for (int run = 0; run < kRuns; ++run) {
        const json report = load(box, {"--rate", "200", "--seconds", std::to_string(kRunSeconds)});
        story::tell("200/s: p99 " + report["p99_ms"].dump() + " ms");
        p50.push_back(report["p50_ms"].get<double>());
        p99.push_back(report["p99_ms"].get<double>());
    }
    return {{"p50_ms", median(p50)}, {"p99_ms", median(p99)}};
}

double start_seconds(Box& box) {
    const auto start = std::chrono::steady_clock::now();
    box.up();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

json starts(Box& box) {
    std::uint64_t entries = box.status()["switch"]["entries"].get<std::uint64_t>();
    while (entries < kBigJournalEntries) {
        load(box, {"--count", std::to_string(std::min<std::uint64_t>(100'000, kBigJournalEntries - entries))});
        entries = box.status()["switch"]["entries"].get<std::uint64_t>();
        story::tell("journal: " + std::to_string(entries) + " entries");
    }
    std::vector<double> with_snapshot;
    box.down();
    for (int run = 0; run < kRuns; ++run) {
        with_snapshot.push_back(start_seconds(box));
        box.down();
    }
    std::filesystem::remove(box.file("auditor/snapshot"));
    const double whole = start_seconds(box);
    json out{{"entries", entries}, {"from_snapshot_s", median(with_snapshot)}, {"whole_replay_s", whole}};
    out["memory_then_mb"] = resident_mb(box);
    box.down();
    return out;
}
}  // namespace

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values.empty() ? 0 : values[values.size() / 2];
}

json measure_box() {
    Box box("bench");
    box.init();
    box.up();
    need(box.giro({"demo", "provision"}).status == 0, "giro demo provision failed");
    wait_for_premine(box);
    json out;
    out["memory_at_rest_mb"] = resident_mb(box);
    out["closed_loop_64"] = closed_loop(box);
    out["at_200_per_s"] = unloaded(box);
    out["start"] = starts(box);
    return out;
}

}  // namespace bench
