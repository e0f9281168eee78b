// The bench as one table, in the Markdown that the README holds: each figure with what was asked of it, as a ratio to a
// yardstick of the same run, and with the command that measures it again. A row whose figures were not measured is left
// out.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace bench {

[[nodiscard]] std::string markdown(const nlohmann::json& results);

// Between braces, with as few digits as say enough; empty when one of the numbers is not in `results`:
//   {/a/b}          the number at that JSON pointer        {/a/b|/c}      its ratio to another
//   {0.001*/a/b}    times a factor                         {/a/[1,8]/b}   several, with " / " between
//   {~/a}           p50, p99, p99.9 and max of the run there
[[nodiscard]] std::string fill_in(std::string_view text, const nlohmann::json& results);

}  // namespace bench
