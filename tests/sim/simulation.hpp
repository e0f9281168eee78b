// One seed, from an empty box to a verdict: provision; the safety phase, in which the seed's faults rage and the
// invariants must hold at every recovery; the liveness phase, in which everything is mended and whatever was begun must
// come to its end; the checks on what is left.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/invariants.hpp"
#include "tests/sim/sabotage.hpp"

namespace giro::sim {

struct Order {
    std::uint64_t seed = 1;
    std::uint64_t steps = 25'000;  // events of the safety phase
    Sabotage sabotage = Sabotage::none;
    std::filesystem::path scratch;  // a folder of this process
    std::function<void(std::string_view)> trace;
};

struct Faults {
    std::uint64_t kills = 0, power_cuts = 0, stops = 0, lost = 0, duplicated = 0, delayed = 0, streams_cut = 0,
                  partitions = 0, disk = 0, token = 0, clock_steps = 0;
    [[nodiscard]] std::uint64_t all() const noexcept {
        return kills + power_cuts + stops + lost + duplicated + delayed + streams_cut + partitions + disk + token +
               clock_steps;
    }
};

struct Verdict {
    std::vector<Violation> violations;  // empty: the seed passed
    std::uint64_t digest = 0;
    std::uint64_t events = 0;
    std::uint64_t virtual_ms = 0;
    std::uint64_t entries = 0, answers = 0, windows_settled = 0;
    Faults faults;
};

[[nodiscard]] Verdict simulate(const Order& order);

}  // namespace giro::sim
