// A whole box under load: sockets to sockets, MAC in the token both ways, durable before the answer, the load generator on
// the same cores. Every figure is the median of five runs.
#pragma once

#include <nlohmann/json.hpp>

namespace bench {

[[nodiscard]] double median(std::vector<double> values);
[[nodiscard]] nlohmann::json measure_box();

}  // namespace bench
