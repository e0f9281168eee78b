// What lets the switch forget: a request that is older than all it remembers can be no repeat that it would take for new.
#pragma once

#include <cstdint>

#include "giro/types.hpp"

namespace giro::switching {

// Whether a request of that local date (DE13, MMDD) may be decided at `now_ns` (UTC) by a switch that remembers for
// `remember_s` seconds, at least three days: not more than a day ahead, and two days short of what is remembered behind,
// so that what is forgotten never comes back as new, whatever the terminal's time zone. The year is the one that brings
// it nearest to now. False for what is no date.
[[nodiscard]] bool is_fresh(const FixedText<4>& local_date, std::uint64_t now_ns, std::uint32_t remember_s) noexcept;

}  // namespace giro::switching
