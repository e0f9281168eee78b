#include "iso8583/charset.hpp"

#include "iso8583/dialect.hpp"

namespace giro::iso8583 {

namespace {
// Code page 037 to ASCII; 0 where the code page has no printable ASCII character.
constexpr std::uint8_t kEbcdic[256] = {
    // clang-format off
      0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
    ' ',   0,   0,   0,   0,   0,   0,   0,   0,   0,   0, '.', '<', '(', '+', '|',
    '&',   0,   0,   0,   0,   0,   0,   0,   0,   0, '!', '$', '*', ')', ';',   0,
    '-', '/',   0,   0,   0,   0,   0,   0,   0,   0,   0, ',', '%', '_', '>', '?',
      0,   0,   0,   0,   0,   0,   0,   0,   0, '`', ':', '#', '@','\'', '=', '"',
      0, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i',   0,   0,   0,   0,   0,   0,
      0, 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r',   0,   0,   0,   0,   0,   0,
      0, '~', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',   0,   0,   0,   0,   0,   0,
    '^',   0,   0,   0,   0,   0,   0,   0,   0,   0, '[', ']',   0,   0,   0,   0,
    '{', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I',   0,   0,   0,   0,   0,   0,
    '}', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R',   0,   0,   0,   0,   0,   0,
   '\\',   0, 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',   0,   0,   0,   0,   0,   0,
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',   0,   0,   0,   0,   0,   0,
    // clang-format on
};

constexpr auto kAsciiToEbcdic = [] {
    std::array<std::uint8_t, 256> table{};
    for (unsigned i = 0; i < 256; ++i)
        if (kEbcdic[i] != 0) table[kEbcdic[i]] = static_cast<std::uint8_t>(i);
    return table;
}();

// The content:: bits each character belongs to. Space pads alphabetic and special fields alike.
constexpr auto kClasses = [] {
    std::array<std::uint8_t, 256> table{};
    for (unsigned c = 0x20; c < 0x7f; ++c) {
        const bool digit = c >= '0' && c <= '9';
        const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        unsigned bits = digit ? content::kDigit : letter ? content::kLetter : content::kSpecial;
        if (c == ' ') bits |= content::kLetter;
        if ((c >= '0' && c <= '?') || c == 'D') bits |= content::kTrack;
        table[c] = static_cast<std::uint8_t>(bits);
    }
    return table;
}();
}  // namespace

std::uint8_t ebcdic_to_ascii(std::uint8_t c) noexcept { return kEbcdic[c]; }
std::uint8_t ascii_to_ebcdic(std::uint8_t c) noexcept { return kAsciiToEbcdic[c]; }

std::size_t first_outside_slow(std::uint8_t allowed, Bytes value) noexcept {
    std::size_t i = 0;
    if ((allowed & content::kSigned) && !value.empty()) {
        const auto sign = std::to_integer<char>(value[0]);
        if (sign != 'C' && sign != 'D') return 0;
        i = 1;
    }
    for (; i < value.size(); ++i)
        if ((kClasses[std::to_integer<std::size_t>(value[i])] & allowed) == 0) return i;
    return value.size();
}

}  // namespace giro::iso8583
