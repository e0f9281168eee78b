// Character classes and EBCDIC: what the fields of a message may hold. Used by the codec alone.
#pragma once

#include "iso8583/dialect.hpp"

namespace giro::iso8583 {

namespace detail {
[[nodiscard]] constexpr std::uint64_t repeated(std::uint8_t byte) noexcept { return 0x0101010101010101U * byte; }

// Eight characters at once; each is false when any of them is outside.
inline bool eight_digits(std::uint64_t v) noexcept {
    return ((v & repeated(0xf0)) | (((v + repeated(0x06)) & repeated(0xf0)) >> 4)) == repeated(0x33);
}
inline bool eight_printable(std::uint64_t v) noexcept {
    return (v & repeated(0x80)) == 0 && ((v + repeated(0x60)) & repeated(0x80)) == repeated(0x80) &&
           ((v + repeated(0x01)) & repeated(0x80)) == 0;
}

inline std::uint64_t load_eight(const std::byte* at) noexcept {
    std::uint64_t v;
    std::memcpy(&v, at, sizeof v);
    return v;
}

// Up to eight characters, filled up with '0', which is both a digit and printable.
inline std::uint64_t load_few(const std::byte* at, std::size_t size) noexcept {
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
}  // namespace detail

// One character at a time: any class, and where the first bad one is.
[[nodiscard]] std::size_t first_outside_slow(std::uint8_t allowed, Bytes value) noexcept;

// Index of the first byte outside the classes `allowed` (content:: bits of dialect.hpp), or value.size() when all are in.
// Inline, and eight at a time for the two classes most fields have: it runs twice over every byte of every message.
[[nodiscard]] inline std::size_t first_outside(std::uint8_t allowed, Bytes value) noexcept {
    constexpr std::uint8_t kPrintable = content::kDigit | content::kLetter | content::kSpecial;
    if (allowed == content::kDigit && detail::all_eights(value, detail::eight_digits)) return value.size();
    if (allowed == kPrintable && detail::all_eights(value, detail::eight_printable)) return value.size();
    if (allowed == content::kBinary) return value.size();
    return first_outside_slow(allowed, value);
}

// EBCDIC code page 037, the printable part. Zero: no such character.
[[nodiscard]] std::uint8_t ebcdic_to_ascii(std::uint8_t c) noexcept;
[[nodiscard]] std::uint8_t ascii_to_ebcdic(std::uint8_t c) noexcept;

}  // namespace giro::iso8583
