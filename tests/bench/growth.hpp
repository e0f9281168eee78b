// What a box's age costs: the same box with ever more entries in its journal. They are written offline by
// giro-bench-fill.
#pragma once

#include <nlohmann/json.hpp>

namespace bench {

// For 10^4 entries and each power of ten up to 10^7 (--quick: 10^5): seconds to start with and without the snapshot,
// until the auditor has replayed everything, megabytes, rate and latencies. And "per_entry": the slope between the
// ends.
[[nodiscard]] nlohmann::json measure_growth();

}  // namespace bench
