// The bench as one table, in the Markdown that the README holds: each figure with what was asked of it, as a ratio to a
// yardstick of the same run, and with the command that measures it again. A row whose figures were not measured is left
// out.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace bench {

[[nodiscard]] std::string markdown(const nlohmann::json& results);

// "{POINTER}" becomes the number there, "{POINTER|POINTER}" the ratio of two, "{2*POINTER|…}" twice that, as few digits
// as say enough. Empty when one of them is not in `results`.
[[nodiscard]] std::string fill_in(std::string_view text, const nlohmann::json& results);

}  // namespace bench
