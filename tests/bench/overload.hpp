// A box that is offered more than it can take, and payments that go on to an issuer's host.
#pragma once

#include <nlohmann/json.hpp>

#include "tests/bench/load_box.hpp"

namespace bench {

// Open loop, by giro-bench-blast: what the box decides a second at its peak, and at three times the peak offered in the same run;
// how soon what it refuses is refused; reversals among it.
// `hasty`: the same three times by tills that take back at once what is refused.
[[nodiscard]] nlohmann::json measure_overload(LoadBox& box);
// 64 and 1,000 terminals, closed loop: cards of a bank behind a link, whose host runs on the same cores, and cards of the box,
// in turns.
[[nodiscard]] nlohmann::json measure_forwarded(LoadBox& box);

}  // namespace bench
