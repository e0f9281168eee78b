// Faults of the bus between the programs.
#pragma once

#include <set>
#include <string>

#include "tests/sim/os/descriptors.hpp"

namespace giro::sim {

struct BusFaults {
    std::uint64_t slow_one_in = 0;  // of so many deliveries one is late; 0: none
    std::uint64_t slow_max_ns = 0;
    std::uint64_t slowed = 0;
    std::set<std::string> partitioned;  // names of endpoints that nothing gets through to or from
};
[[nodiscard]] BusFaults& bus_faults();
void reset_bus();

}  // namespace giro::sim
