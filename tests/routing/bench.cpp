// bench_routing: a routing table of 100,000 ranges of card numbers, read from its files and asked about card numbers drawn
// at random; medians of five, as one JSON line: {"ranges":..,"load_ms":..,"find_ns":..,"found_percent":..}. The ranges are
// drawn as issuers' tables are: 6 to 11 digits, a tenth of them inside another; every tenth has a rule with conditions.
#include <fmt/format.h>

#include <filesystem>
#include <random>
#include <set>

#include "routing/file.hpp"
#include "tests/bench/measure.hpp"
#include "util/file.hpp"

namespace {
using namespace giro;
constexpr std::size_t kRanges = 100'000, kQueries = 1'000'000;

std::string digits(std::mt19937_64& random, std::size_t count) {
    std::string out;
    while (out.size() < count) out += static_cast<char>('0' + random() % 10);
    return out;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& line : lines) out += line + "\n";
    return out;
}

bool write(const std::filesystem::path& file, std::string_view text) { return write_file_atomic(file, as_bytes(text)).has_value(); }

constexpr std::string_view kRoutes = R"([[route]]
name = "small"
bins_file = "conditional.txt"
amount = { to = 5_000 }
to = ["gamma-host"]
[[route]]
name = "all"
bins_file = "all.txt"
to = ["gamma-host"]
)";
}  // namespace

int main() {
    const auto folder = std::filesystem::temp_directory_path() / fmt::format("giro-bench-routing.{}", ::getpid());
    std::filesystem::create_directories(folder);
    std::mt19937_64 random(100'000);
    std::set<std::string> drawn;
    std::vector<std::string> all, conditional;
    while (drawn.size() < kRanges) {
        std::string prefix = !all.empty() && random() % 10 == 0 ? all[random() % all.size()] : std::string();
        prefix += digits(random, prefix.empty() ? 6 + random() % 3 : 1 + random() % 3);
        // One that begins like another is wider than it: with the narrower ones it may be taken whole, with digits left not.
        if (prefix.size() > routing::kRangeDigits || prefix.starts_with("97000") || !drawn.insert(prefix).second) continue;
        all.push_back(prefix);
        if (random() % 10 == 0) conditional.push_back(prefix);
    }
    const auto config = config::load(GIRO_SOURCE_DIR "/firmware-config/giro.toml");
    if (!config || !write(folder / "routes.toml", kRoutes) || !write(folder / "all.txt", joined(all)) || !write(folder / "conditional.txt", joined(conditional))) return 75;

    const double load_ms = bench::median_of_runs([&] {
        const auto start = bench::Steady::now();
        const auto made = routing::load(*config, folder / "routes.toml");
        ASSERT(made.has_value());
        return bench::seconds_since(start) * 1e3;
    });
    const auto routing = routing::load(*config, folder / "routes.toml");
    std::vector<std::string> pans;  // half of them of a range of the table
    while (pans.size() < kQueries) {
        std::string pan = random() % 2 == 0 ? all[random() % all.size()] : std::string();
        pans.push_back(pan + digits(random, 16 - pan.size()));
    }
    std::size_t found = 0;
    const double find_ns = bench::median_of_runs([&] {
        found = 0;
        const auto start = bench::Steady::now();
        for (const auto& pan : pans) found += routing->table.find({pan, {4'000, 963}, "M1", 720}) != nullptr;
        return bench::seconds_since(start) * 1e9 / kQueries;
    });
    fmt::print("{{\"ranges\":{},\"load_ms\":{:.1f},\"find_ns\":{:.1f},\"found_percent\":{}}}\n", routing->table.ranges(), load_ms, find_ns,
               100 * found / kQueries);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return 0;
}
