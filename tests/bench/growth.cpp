#include "tests/bench/growth.hpp"

#include "tests/bench/load_box.hpp"
#include "tests/bench/medians.hpp"
#include "tests/bench/say.hpp"

namespace bench {

namespace {
namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kSmallest = 10'000;
std::uint64_t largest() {
    return quick() ? 100'000 : 10'000'000;
}

void fill(const LoadBox& box, std::uint64_t entries) {
    say(fmt::format("writing a journal of {} entries", entries));
    const fs::path log = fs::temp_directory_path() / "giro-bench-fill.out";
    story::Running filler({GIRO_BIN_DIR "/giro-bench-fill", box.folder().string(), std::to_string(entries)}, log);
    need(filler.wait() == 0, "giro-bench-fill: " + filler.output());
    fs::remove(log);
}

json runs_of(LoadBox& box, std::vector<std::string> options) {
    options.insert(options.end(), {"--terminals", "64", "--seconds", "2"});
    std::vector<json> all;
    for (int run = 0; run < runs(); ++run) all.push_back(box.run(options));
    return medians(all);
}

// In a box of its own, for what is measured makes the journal longer.
json measure_at(std::uint64_t entries) {
    LoadBox box("grow");
    fill(box, entries);
    fs::remove(box.folder() / "switch" / "snapshot");
    json out{{"whole_replay_s", box.up()}};
    const auto began = Steady::now();
    box.rest();
    out["audited_s"] = out["whole_replay_s"].get<double>() + seconds_since(began);
    box.down();
    std::vector<double> starts;
    for (int run = 0; run < runs(); ++run) {
        if (run > 0) box.down();
        starts.push_back(box.up());
    }
    out["start_s"] = median(starts);
    box.rest();
    out["entries"] = box.entries();
    out["memory_mb"] = box.memory_mb();
    out["at_200"] = runs_of(box, {"--rate", "200"});
    out["closed"] = runs_of(box, {});
    say(fmt::format("{} entries: start {:.1f} s, {:.0f} MB, 200/s p50 {:.2f} p99 {:.2f} ms, {:.0f}/s", entries,
                    out["start_s"].get<double>(), out["memory_mb"]["total"].get<double>(),
                    out["at_200"]["p50_ms"].get<double>(), out["at_200"]["p99_ms"].get<double>(),
                    out["closed"]["per_second"].get<double>()));
    box.down();
    return out;
}
}  // namespace

json measure_growth() {
    json sizes = json::object();
    json first, last;
    for (std::uint64_t entries = kSmallest; entries <= largest(); entries *= 10) {
        last = sizes[std::to_string(entries)] = measure_at(entries);
        if (first.is_null()) first = last;
    }
    const double more = last["entries"].get<double>() - first["entries"].get<double>();
    const auto slope = [&](const char* pointer) {
        const json::json_pointer at(pointer);
        return (last.at(at).get<double>() - first.at(at).get<double>()) / more;
    };
    return {{"sizes", sizes},
            {"per_entry",
             {{"start_us", slope("/start_s") * 1e6},
              {"audit_us", slope("/audited_s") * 1e6},
              {"memory_bytes", slope("/memory_mb/total") * 1'048'576}}}};
}

}  // namespace bench
