// Character classes and EBCDIC: what the fields of a message may hold. Used by the codec alone.
#pragma once

#include "giro/types.hpp"

namespace giro::iso8583 {

// Index of the first byte outside the classes `allowed` (content:: bits of dialect.hpp), or value.size() when all are in.
[[nodiscard]] std::size_t first_outside(std::uint8_t allowed, Bytes value) noexcept;

// EBCDIC code page 037, the printable part. Zero: no such character.
[[nodiscard]] std::uint8_t ebcdic_to_ascii(std::uint8_t c) noexcept;
[[nodiscard]] std::uint8_t ascii_to_ebcdic(std::uint8_t c) noexcept;

}  // namespace giro::iso8583
