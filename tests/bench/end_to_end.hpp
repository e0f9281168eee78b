// Sockets to sockets: MAC in the token both ways, durable before the answer, the terminals on the same cores. Latencies
// of an open loop are counted from the moment a payment was meant to be sent, so that a stall counts for every payment
// it delays (no coordinated omission). Every figure is a median.
#pragma once

#include <nlohmann/json.hpp>

#include "tests/bench/load_box.hpp"

namespace bench {

// The box has just come up and done nothing else: memory; 10, 50 and 200 payments a second from 64 terminals, 200 from
// 1 and from 1,000.
[[nodiscard]] nlohmann::json measure_rest(LoadBox& box);
// 1, 64 and 1,000 terminals, each as fast as it is answered; where the time goes, and the CPU time of each program.
[[nodiscard]] nlohmann::json measure_closed(LoadBox& box);
// 200 payments a second, each run right behind some seconds of all that 64 terminals can do.
[[nodiscard]] nlohmann::json measure_after_load(LoadBox& box);
// The highest rate at which the 99th percentile stays under 50 ms, from 64 and from 1,000 terminals, and half of it.
[[nodiscard]] nlohmann::json measure_limit(LoadBox& box);

}  // namespace bench
