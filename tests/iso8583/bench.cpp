// bench_iso8583: nanoseconds to unpack and to pack a 17-field 0200, median of five runs, as one JSON line.
#include <fmt/format.h>

#include "sample.hpp"
#include "tests/bench/measure.hpp"

namespace {
using namespace giro;
using namespace giro::iso8583;
constexpr int kRounds = 200'000;

// Keeps the compiler from leaving out work whose result nobody reads.
template <typename T>
void keep(T& value) { asm volatile("" : : "g"(&value) : "memory"); }

template <typename Work>
double nanoseconds(Work work) {
    return bench::median_of_runs([&] {
        const auto start = bench::Steady::now();
        for (int i = 0; i < kRounds; ++i) work();
        return bench::seconds_since(start) * 1e9 / kRounds;
    });
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
