// Faults of the bus between the programs, and its bounds.
#pragma once

#include <set>
#include <string>

#include "tests/sim/os/descriptors.hpp"

namespace giro::sim {

inline constexpr std::size_t kBusQueueMax = 4096;  // messages of one connection and direction, as the product asks for

struct BusFaults {
    std::uint64_t slow_one_in = 0;  // of so many deliveries one is late; 0: none
    std::uint64_t slow_max_ns = 0;
    std::uint64_t slowed = 0;
    std::set<std::string> partitioned;  // names of endpoints that nothing gets through to or from
};
[[nodiscard]] BusFaults& bus_faults();
void reset_bus();

}  // namespace giro::sim
