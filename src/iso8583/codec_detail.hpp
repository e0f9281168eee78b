// What reading (codec.cpp) and writing (codec_pack.cpp) a frame have in common. For those two files alone.
#pragma once

#include <bit>
#include <cstdint>

namespace giro::iso8583 {

inline constexpr std::uint64_t kSecondaryBit = std::uint64_t{1} << 63;
inline constexpr char kHexDigits[] = "0123456789ABCDEF";
inline constexpr unsigned kEbcdicZero = 0xf0;

inline std::uint8_t u8(std::byte b) noexcept { return std::to_integer<std::uint8_t>(b); }

// Value of an upper-case hexadecimal digit; 16 or more for anything else.
inline unsigned hex_value(std::uint8_t c) noexcept {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return 16;
}

inline unsigned first_field(std::uint64_t half_bits, unsigned half) noexcept {
    return half * 64 + static_cast<unsigned>(std::countl_zero(half_bits)) + 1;
}

}  // namespace giro::iso8583
