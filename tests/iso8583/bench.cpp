// bench_iso8583: nanoseconds to unpack and to pack a 17-field 0200, median of five runs, as one JSON line.
#include <algorithm>
#include <chrono>
#include <vector>

#include <fmt/format.h>

#include "sample.hpp"

namespace {
using namespace giro;
using namespace giro::iso8583;
constexpr int kRuns = 5;
constexpr int kRounds = 200'000;

// Keeps the compiler from leaving out work whose result nobody reads.
template <typename T>
void keep(T& value) { asm volatile("" : : "g"(&value) : "memory"); }

template <typename Work>
double nanoseconds(Work work) {
    std::vector<double> runs;
    for (int run = 0; run < kRuns; ++run) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < kRounds; ++i) work();
        const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
        runs.push_back(taken.count() / kRounds);
    }
    std::sort(runs.begin(), runs.end());
    return runs[kRuns / 2];
}
}  // namespace

int main() {
    const auto dialect = load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml");
    if (!dialect) {
        fmt::print(stderr, "{}\n", dialect.error().what);
        return dialect.error().exit_code();
    }
    Message message;
    fill_purchase(message);
    const Buffer frame = packed(*dialect, message);
    Buffer out(kFrameBytesMax);
    const auto unpack_once = [&] {
        auto result = unpack(*dialect, frame, message);
        keep(result);
    };
    const auto pack_once = [&] {
        auto result = pack(*dialect, message, out);
        keep(result);
    };
    const double unpack_ns = nanoseconds(unpack_once);
    const double pack_ns = nanoseconds(pack_once);
    const double together_ns = nanoseconds([&] { unpack_once(); pack_once(); });
    fmt::print("{{\"unpack_ns\":{:.1f},\"pack_ns\":{:.1f},\"together_ns\":{:.1f}}}\n", unpack_ns, pack_ns, together_ns);
    return 0;
}
