// A bank's host that is away for ten minutes: what the box then delivers, and what that costs the others.
#pragma once

#include <nlohmann/json.hpp>

namespace bench {

// A box of its own sells for ten minutes (with --quick one) at 200 payments a second while the host is away and the switch is
// killed in between; then the host is back, and is told of everything while other terminals pay ten times as much
// (tests/story/outage.hpp). Ends the benchmark where an advice was lost, doubled or out of order.
[[nodiscard]] nlohmann::json measure_saf();

}  // namespace bench
