// SHA-256 and what Bitcoin makes of it.
#pragma once

#include <initializer_list>

#include "giro/types.hpp"

namespace giro {

[[nodiscard]] Hash256 sha256(Bytes data);
[[nodiscard]] Hash256 sha256(std::initializer_list<Bytes> parts);  // of their concatenation
[[nodiscard]] Hash256 sha256d(Bytes data);                         // SHA-256 of SHA-256
[[nodiscard]] Hash160 hash160(Bytes data);                         // RIPEMD-160 of SHA-256
// SipHash-2-4 with a 128-bit key: a hash table keyed by hostile input takes a random key.
[[nodiscard]] std::uint64_t siphash(const ByteArray<16>& key, Bytes data) noexcept;
// CRC-32C (RFC 3720 B.4): catches accidents, not attackers.
[[nodiscard]] std::uint32_t crc32c(Bytes data) noexcept;

}  // namespace giro
