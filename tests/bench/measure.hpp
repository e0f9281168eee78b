// What every benchmark shares: how often it repeats itself, and which of the results counts.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

namespace bench {

// ./dev bench --quick: one run of everything, for a look while working; not for comparison.
[[nodiscard]] inline bool quick() {
    return std::getenv("GIRO_BENCH_QUICK") != nullptr;
}
[[nodiscard]] inline int runs() {
    return quick() ? 1 : 5;
}

// The middle one; 0 of none.
[[nodiscard]] inline double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values.empty() ? 0 : values[values.size() / 2];
}

// The median of what runs() calls of `work` return.
template <typename Work>
[[nodiscard]] double median_of_runs(Work work) {
    std::vector<double> values;
    for (int i = 0; i < runs(); ++i) values.push_back(work());
    return median(std::move(values));
}

using Steady = std::chrono::steady_clock;
[[nodiscard]] inline double seconds_since(Steady::time_point start) {
    return std::chrono::duration<double>(Steady::now() - start).count();
}

}  // namespace bench
