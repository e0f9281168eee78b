// bench_iso8583: nanoseconds to unpack and to pack a card purchase in every shipped dialect, median of five runs, as one
// JSON line: {"unpack_ns":..,"pack_ns":..,"together_ns":..,"dialects":{"iso1987-bcd":..,...},"slowest_ns":..}; the first
// three are the 17-field 0200 of iso1987-ascii, the others unpack and pack together, with the chip data of a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "sample.hpp"
#include "tests/bench/measure.hpp"

namespace {
using namespace giro;
using namespace giro::iso8583;
constexpr int kRounds = 200'000;
constexpr const char* kFolder = GIRO_SOURCE_DIR "/firmware-config/dialects";

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

struct Figures {
    double unpack_ns, pack_ns, together_ns;
};

Figures measure(const Dialect& dialect, Message& message) {
    const Buffer frame = packed(dialect, message);
    Buffer out(kFrameBytesMax);
    const auto unpack_once = [&] {
        auto result = unpack(dialect, frame, message);
        keep(result);
    };
    const auto pack_once = [&] {
        auto result = pack(dialect, message, out);
        keep(result);
    };
    const double unpack_ns = nanoseconds(unpack_once);
    const double pack_ns = nanoseconds(pack_once);
    return {unpack_ns, pack_ns, nanoseconds([&] { unpack_once(); pack_once(); })};
}
}  // namespace

int main() {
    Message message;
    const Dialect ascii = shipped_dialect(kFolder, "iso1987-ascii");
    fill_purchase(message);
    const Figures first = measure(ascii, message);
    std::string dialects;
    double slowest_ns = 0;
    for (const char* name : kShippedDialects) {
        const Dialect dialect = shipped_dialect(kFolder, name);
        fill_purchase(dialect, message);
        message.set(55, chip_data());
        const double together_ns = measure(dialect, message).together_ns;
        slowest_ns = std::max(slowest_ns, together_ns);
        dialects += fmt::format("{}\"{}\":{:.1f}", dialects.empty() ? "" : ",", name, together_ns);
    }
    fmt::print("{{\"unpack_ns\":{:.1f},\"pack_ns\":{:.1f},\"together_ns\":{:.1f},\"dialects\":{{{}}},\"slowest_ns\":{:.1f}}}\n",
               first.unpack_ns, first.pack_ns, first.together_ns, dialects, slowest_ns);
    return 0;
}
