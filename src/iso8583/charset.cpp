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

constexpr std::uint64_t repeated(std::uint8_t byte) noexcept { return 0x0101010101010101U * byte; }

// Eight characters at once; each is false when any of them is outside.
bool eight_digits(std::uint64_t v) noexcept {
    return ((v & repeated(0xf0)) | (((v + repeated(0x06)) & repeated(0xf0)) >> 4)) == repeated(0x33);
}
bool eight_printable(std::uint64_t v) noexcept {
    return (v & repeated(0x80)) == 0 && ((v + repeated(0x60)) & repeated(0x80)) == repeated(0x80) &&
           ((v + repeated(0x01)) & repeated(0x80)) == 0;
}

std::uint64_t load_eight(const std::byte* at) noexcept {
    std::uint64_t v;
    std::memcpy(&v, at, sizeof v);
    return v;
}

// Up to eight characters, filled up with '0', which is both a digit and printable.
std::uint64_t load_few(const std::byte* at, std::size_t size) noexcept {
    std::uint64_t v = repeated('0');
    if (size >= 4) {
        std::uint32_t first, last;
        std::memcpy(&first, at, 4);
        std::memcpy(&last, at + size - 4, 4);
        return first | static_cast<std::uint64_t>(last) << 32;
    }
    auto* out = reinterpret_cast<std::byte*>(&v);
    for (std::size_t i = 0; i < size; ++i) out[i] = at[i];
    return v;
}

template <typename Predicate>
bool all_eights(Bytes value, Predicate inside) noexcept {
    if (value.size() < 8) return inside(load_few(value.data(), value.size()));
    const std::byte* last = value.data() + value.size() - 8;  // overlaps the one before it
    for (const std::byte* at = value.data(); at < last; at += 8)
        if (!inside(load_eight(at))) return false;
    return inside(load_eight(last));
}
}  // namespace

std::uint8_t ebcdic_to_ascii(std::uint8_t c) noexcept { return kEbcdic[c]; }
std::uint8_t ascii_to_ebcdic(std::uint8_t c) noexcept { return kAsciiToEbcdic[c]; }

std::size_t first_outside(std::uint8_t allowed, Bytes value) noexcept {
    if (allowed & content::kBinary) return value.size();
    if (allowed == content::kDigit && all_eights(value, eight_digits)) return value.size();
    if (allowed == (content::kDigit | content::kLetter | content::kSpecial) && all_eights(value, eight_printable))
        return value.size();

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
