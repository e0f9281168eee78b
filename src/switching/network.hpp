// Network management information codes (ISO 8583:1987 DE70) that a terminal's 0800 may carry.
#pragma once

#include <cstdint>

namespace giro::switching {

inline constexpr std::uint16_t kSignOn = 1;
inline constexpr std::uint16_t kSignOff = 2;
inline constexpr std::uint16_t kKeyExchange = 161;
inline constexpr std::uint16_t kCutOver = 201;
inline constexpr std::uint16_t kEcho = 301;

}  // namespace giro::switching
