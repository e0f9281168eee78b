// How many wrong verification values (CVV, CVV2) of a card count at a moment: each for kForgetAfter_s, one after the other.
// At kWrongValuesMax none is compared any more, so that nobody tries all thousand. One counter of vault/counters holds it:
//
//   units of 16 s since 1970, from which the oldest one's time runs: 28 bits | how many: 4 bits
#pragma once

#include <cstdint>

namespace giro::hsm {

inline constexpr unsigned kWrongValuesMax = 5;
inline constexpr std::uint64_t kForgetAfter_s = 3'600;

// Those that still count.
[[nodiscard]] unsigned wrong_values(std::uint32_t counter, std::uint64_t now_s) noexcept;
// The counter with one more; as it was when there are kWrongValuesMax.
[[nodiscard]] std::uint32_t add_wrong_value(std::uint32_t counter, std::uint64_t now_s) noexcept;
// The counter as it is to be kept: a time to come, of a clock that has been set back since, is now.
[[nodiscard]] std::uint32_t no_later_than(std::uint32_t counter, std::uint64_t now_s) noexcept;

}  // namespace giro::hsm
