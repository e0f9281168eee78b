// The bench as a table: every number of the JSON by its path, and what was asked of it, where something was.
#pragma once

#include <nlohmann/json.hpp>

namespace bench {

void print_table(const nlohmann::json& results);

}  // namespace bench
