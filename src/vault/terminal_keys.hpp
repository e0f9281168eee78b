// A terminal's side of key agreement, in software, given its clear master key (TMK): what a POS does in its secure
// element, and what the terminal simulators do. The vault derives the same keys inside the token
// (hsm/terminal_keys.hpp).
//
//   session key = AES-256-ECB under the TMK of  nonce || (nonce xor ff…ff)        32 bytes, an AES-256 key
//                 of the other MAC kinds: hsm/terminal_keys.hpp
//   MAC         = the leftmost 8 bytes of AES-CMAC (NIST SP 800-38B, RFC 4493)
//   KCV         = the leftmost 3 bytes of the AES-CMAC of 16 zero bytes
//   PIN keys    = made of the same nonce below another key than the MAC keys, so that none is ever the other:
//                 hsm/terminal_keys.hpp
#pragma once

#include "util/secret.hpp"
#include "vault/wire.hpp"

namespace giro::vault {

// The 32 bytes that the TMK encrypts to give the session key of `nonce`.
[[nodiscard]] ByteArray<32> session_key_data(const Nonce& nonce) noexcept;

// The same for an HMAC key: 32 bytes.
[[nodiscard]] ByteArray<32> hmac_key_data(const Nonce& nonce) noexcept;
// For X9.19: the TMK enciphers 16 bytes to the TDES key that enciphers kTdesHalves to the MAC key.
[[nodiscard]] ByteArray<16> tdes_key_data(const Nonce& nonce) noexcept;
inline constexpr ByteArray<16> kTdesHalves = [] {
    ByteArray<16> out{};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::byte{i < 8 ? std::uint8_t{1} : std::uint8_t{2}};
    return out;
}();
inline constexpr ByteArray<16> kTdesLeftTwice = [] {
    ByteArray<16> out{};
    for (std::byte& b : out) b = std::byte{1};
    return out;
}();

// A session key of another kind: 32 bytes for HMAC, 16 for X9.19. `tmk`: 32 bytes (ASSERTed).
[[nodiscard]] Secret derive_session_key(const Secret& tmk, const Nonce& nonce, MacKind kind);
// MAC and check value under a key of that kind.
[[nodiscard]] Mac8 mac8(const Secret& key, Bytes data, MacKind kind);
[[nodiscard]] Kcv kcv(const Secret& key, MacKind kind);

// PIN session keys. AES: 32 bytes, for blocks of ISO format 4; TDES: 16 bytes, for formats 0, 1 and 3.
enum class PinKeyKind : std::uint8_t { aes = 1, tdes = 2 };
// What the TMK enciphers to the key (AES-256) below which they are: 32 bytes, text that no nonce of a MAC key gives.
[[nodiscard]] ByteArray<32> pin_master_data() noexcept;
// `tmk`: 32 bytes (ASSERTed).
[[nodiscard]] Secret derive_pin_key(const Secret& tmk, const Nonce& nonce, PinKeyKind kind);
// AES: of the CMAC of zeros; TDES: of zeros enciphered.
[[nodiscard]] Kcv pin_kcv(const Secret& key, PinKeyKind kind);

// `tmk`: 32 bytes (ASSERTed). The all-zero nonce gives the terminal's base key.
[[nodiscard]] Secret derive_session_key(const Secret& tmk, const Nonce& nonce);
// `key`: 16 or 32 bytes (ASSERTed).
[[nodiscard]] Mac8 mac8(const Secret& key, Bytes data);
[[nodiscard]] Kcv kcv(const Secret& key);

}  // namespace giro::vault
