// Paths against patterns: "/api/block/*/txs/*" takes any one segment where the star is. Hostile: every path. Pure.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "giro/types.hpp"

namespace giro::explorer {

inline constexpr std::size_t kStarsMax = 2;
using Stars = std::array<std::string_view, kStarsMax>;  // what stands where the stars are

// Nothing when the path does not fit; an empty segment fits no star.
[[nodiscard]] std::optional<Stars> match(std::string_view pattern, std::string_view path);

// A whole number of at most `max`, digits alone, no sign, no leading zero but "0" itself.
[[nodiscard]] std::optional<std::uint64_t> number_in(std::string_view text, std::uint64_t max);

}  // namespace giro::explorer
