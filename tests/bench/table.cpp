#include "tests/bench/table.hpp"

#include <fmt/format.h>

#include <map>

namespace bench {

namespace {
struct Target {
    bool at_least;
    double value;
};
const std::map<std::string, Target> kTargets = {
    {"iso8583.together_ns", {false, 600}},
    {"ledger.transfers_per_s", {true, 2'000'000}},
    {"journal.entries_per_s.1000", {true, 300'000}},
    {"journal.ledger_and_journal_per_s", {true, 200'000}},
    {"box.closed_loop_64.purchases_per_s", {true, 8'000}},
    {"box.closed_loop_64.p99_ms", {false, 50}},
    {"box.at_200_per_s.p99_ms", {false, 10}},
    {"box.start.from_snapshot_s", {false, 10}},
    {"box.start.whole_replay_s", {false, 10}},
    {"box.memory_at_rest_mb", {false, 250}},
};

void row(const std::string& path, double value) {
    const auto target = kTargets.find(path);
    const std::string shown = value >= 1000 ? fmt::format("{:.0f}", value) : fmt::format("{:.4g}", value);
    if (target == kTargets.end()) {
        fmt::print("{:<48} {:>14}\n", path, shown);
        return;
    }
    const auto [at_least, promised] = target->second;
    fmt::print("{:<48} {:>14}   {} {:<10.0f} {}\n", path, shown, at_least ? ">" : "<", promised, (at_least ? value > promised : value < promised) ? "met" : "MISSED");
}

void walk(const std::string& path, const nlohmann::json& node) {
    if (node.is_number()) row(path, node.get<double>());
    if (node.is_object())
        for (const auto& [key, value] : node.items()) walk(path.empty() ? key : path + "." + key, value);
}
}  // namespace

void print_table(const nlohmann::json& results) {
    fmt::print("{:<48} {:>14}   {}\n", "figure", "median of 5", "asked for");
    walk("", results);
}

}  // namespace bench
