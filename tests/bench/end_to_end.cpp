#include "tests/bench/end_to_end.hpp"

#include "tests/bench/medians.hpp"
#include "tests/bench/say.hpp"

namespace bench {

namespace {
using nlohmann::json;

constexpr double kP99MaxMs = 50;   // what counts as keeping up
constexpr int kHalvings = 5;       // of the interval in which the limit is looked for: 3 % of the closed loop's rate
constexpr double kBackOff = 0.94;  // of a limit that did not hold for all runs
constexpr int kBackOffsMax = 8;

int run_seconds() {
    return quick() ? 2 : 6;
}
int probe_seconds() {
    return quick() ? 2 : 3;
}

std::string from(int terminals) {
    return fmt::format("{} terminal{}", terminals, terminals == 1 ? "" : "s");
}

std::vector<std::string> at_rate(int terminals, double rate, int seconds) {
    std::vector<std::string> out{"--terminals", std::to_string(terminals), "--seconds", std::to_string(seconds)};
    if (rate > 0) out.insert(out.end(), {"--rate", fmt::format("{:.0f}", rate)});
    return out;
}

// runs() runs; what each came to is said, and the p99 of each stays beside the median.
json repeat(
    LoadBox& box, const std::string& what, const std::vector<std::string>& options,
    const std::function<void()>& before = [] {}) {
    std::vector<json> all;
    std::vector<double> p99;
    for (int run = 1; run <= runs(); ++run) {
        before();
        all.push_back(box.run(options));
        const json& r = all.back();
        p99.push_back(r["p99_ms"].get<double>());
        say(fmt::format("{}, run {}: {:.0f}/s, p50 {:.2f} p99 {:.2f} p99.9 {:.2f} max {:.2f} ms", what, run,
                        r["per_second"].get<double>(), r["p50_ms"].get<double>(), p99.back(),
                        r["p999_ms"].get<double>(), r["max_ms"].get<double>()));
    }
    json out = medians(all);
    out["p99_ms_of_runs"] = p99;
    return out;
}

bool keeps_up(const json& run) {
    return run["p99_ms"].get<double>() < kP99MaxMs && run["not_sent"].get<double>() == 0;
}

// By halving, from single short runs; then all runs must hold, or it is a little less. Null when none holds: the
// machine is too busy to say.
json find_limit(LoadBox& box, int terminals) {
    double holds = 0, fails = 1.2 * box.run(at_rate(terminals, 0, probe_seconds()))["per_second"].get<double>();
    for (int i = 0; i < kHalvings; ++i) {
        const double rate = (holds + fails) / 2;
        const json run = box.run(at_rate(terminals, rate, probe_seconds()));
        say(fmt::format("{} terminals at {:.0f}/s: p99 {:.1f} ms{}", terminals, rate, run["p99_ms"].get<double>(),
                        keeps_up(run) ? "" : ": too fast"));
        (keeps_up(run) ? holds : fails) = rate;
    }
    for (int i = 0; i < kBackOffsMax && holds > 0; ++i, holds *= kBackOff) {
        json out = repeat(box, from(terminals) + " at the limit", at_rate(terminals, holds, run_seconds()));
        if (!keeps_up(out)) continue;
        out["rate"] = holds;
        return out;
    }
    say("no rate keeps p99 under 50 ms in every run: left out");
    return nullptr;
}
}  // namespace

json measure_rest(LoadBox& box) {
    box.rest();
    json out{{"memory_mb", box.memory_mb()}};
    struct Point {
        int terminals, rate;
    };
    constexpr Point kPoints[] = {{64, 200}, {64, 10}, {64, 50}, {1, 200}, {1'000, 200}};
    for (const auto& [terminals, rate] : kPoints)
        out[std::to_string(terminals)][std::to_string(rate)] = repeat(
            box, fmt::format("{} a second from {}", rate, from(terminals)), at_rate(terminals, rate, run_seconds()));
    return out;
}

json measure_closed(LoadBox& box) {
    json out;
    for (const int terminals : {1, 64, 1'000}) {
        box.rest();
        (void)box.stages();
        json& figures = out[std::to_string(terminals)] =
            repeat(box, from(terminals) + ", closed loop", at_rate(terminals, 0, run_seconds()));
        figures["stages"] = box.stages();
        json& cpu = figures["cpu_us"];
        cpu["gate_and_switch"] = cpu["gate"].get<double>() + cpu["switch"].get<double>();
        double box_us = 0;
        for (const auto& name : kPrograms) box_us += cpu[name].get<double>();
        cpu["box"] = box_us;
    }
    box.rest();
    auto dukpt = at_rate(64, 0, run_seconds());
    dukpt.emplace_back("--dukpt");
    out["dukpt"] = repeat(box, "64 terminals with DUKPT, closed loop", dukpt);
    return out;
}

json measure_after_load(LoadBox& box) {
    const auto heavy = at_rate(64, 0, probe_seconds());
    return repeat(box, "200 a second, right after heavy load", at_rate(64, 200, run_seconds()),
                  [&] { (void)box.run(heavy); });
}

json measure_limit(LoadBox& box) {
    json out;
    for (const int terminals : {64, 1'000}) {
        if (quick() && terminals != 64) continue;
        json figures = find_limit(box, terminals);
        if (figures.is_null()) continue;
        const double half = figures["rate"].get<double>() / 2;
        figures["half"] = repeat(box, from(terminals) + " at half of it", at_rate(terminals, half, run_seconds()));
        figures["half"]["rate"] = half;
        out[std::to_string(terminals)] = std::move(figures);
    }
    return out;
}

}  // namespace bench
