// What lets the switch forget: a request that is older than all it remembers can be no repeat that it would take for new.
#pragma once

#include <cstdint>
#include <optional>

#include "giro/types.hpp"

namespace giro::switching {

// The day, counted from 1970-01-01, that a local date (DE13, MMDD) names: of the year that brings it nearest to `now_ns`
// (UTC). Nothing for what is no date.
[[nodiscard]] std::optional<std::int64_t> local_day(const FixedText<4>& local_date, std::uint64_t now_ns) noexcept;

// The latest local day that a request may say at `now_ns`: tomorrow, for time zones and clocks that run fast.
[[nodiscard]] std::int64_t latest_day(std::uint64_t now_ns) noexcept;

// Whether a request of that local day may be decided at `now_ns` by a switch that remembers for `remember_s` seconds, at
// least three days: not more than a day ahead, and two days short of what is remembered behind, whatever the terminal's
// time zone.
[[nodiscard]] bool is_fresh(std::int64_t day, std::uint64_t now_ns, std::uint32_t remember_s) noexcept;

// What DE7 (MMDDhhmmss, UTC) says, in seconds since 1970-01-01: its latest occurrence that is not after `limit_s`. Nothing
// for what is no moment.
[[nodiscard]] std::optional<std::int64_t> latest_moment(const FixedText<10>& transmission_time, std::int64_t limit_s) noexcept;

// The UTC day of a moment, counted from 1970-01-01.
[[nodiscard]] std::int64_t day_of(std::uint64_t time_ns) noexcept;

// A wallet's order is paid within so long of its expiry or not at all, whatever the setting; so its expiry says the first
// day on which it can have been decided.
inline constexpr std::uint64_t kOrderLifeMax_s = 86'400;
[[nodiscard]] std::int64_t first_day_of_order(std::uint64_t expiry_unix_s) noexcept;

}  // namespace giro::switching
