// PostgreSQL as a yardstick: what a general database makes of small durable transactions on the same machine.
#pragma once

#include <nlohmann/json.hpp>

namespace bench {

// pgbench -N (update an account, insert into a history; no hot rows) with as many clients as the box has terminals, on
// a private cluster in a temporary folder, reached over a Unix socket alone and ended by pid. Null where Debian's
// postgresql is not installed: ./dev does not install it.
[[nodiscard]] nlohmann::json measure_postgres();

}  // namespace bench
