// The MACs of terminals and links, computed inside the token.
//
//   aes_cmac     AES-CMAC (NIST SP 800-38B; ISO 9797-1 algorithm 5), leftmost 8 of 16 bytes
//   x9_19        ANSI X9.19 retail MAC (ISO 9797-1 algorithm 3 with DES), all 8 bytes
//   hmac_sha256  HMAC-SHA-256 (FIPS 198-1), leftmost 8 of 32 bytes
//
// PKCS#11 has no mechanism for the retail MAC. With K = K1 || K2 it is E_K1(D_K2(E_K1(X))) of the last block of a
// DES-CBC under K1: a CBC under K1 || K1 over all blocks but the last, then one block of triple DES under K.
#pragma once

#include "hsm/payment/secret_key.hpp"
#include "vault/wire.hpp"

namespace giro::hsm {

using vault::MacKind;
[[nodiscard]] std::string_view name(MacKind kind) noexcept;  // "aes-cmac", "x9.19", "hmac-sha-256"

[[nodiscard]] Cipher cipher_of(MacKind kind) noexcept;

// ISO 9797-1 6.3: method 1 fills the last block with zeros (none when it is full), method 2 appends 80 and then fills.
enum class MacPadding { zeros, bit };

// A MAC key ready for use. X9.19: `whole` is K1 || K2, `left` is K1 || K1; else `whole` alone.
struct MacKey {
    MacKind kind = MacKind::aes_cmac;
    CK_OBJECT_HANDLE whole = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE left = CK_INVALID_HANDLE;
};

// As much of the MAC as the kind has: 16, 8 or 32 bytes in front of `out`; how many.
[[nodiscard]] Ck<std::size_t> full_mac(const Session& session, const MacKey& key, Bytes data, ByteArray<32>& out);

// X9.19 with the padding of choice (EMV's cryptograms take method 2). No data counts as one block of zeros.
[[nodiscard]] Ck<ByteArray<8>> retail_mac(const Session& session, CK_OBJECT_HANDLE whole, CK_OBJECT_HANDLE left,
                                          Bytes data, MacPadding padding = MacPadding::zeros);

// The leftmost 8 bytes: what goes into DE64 or DE128.
[[nodiscard]] Ck<ByteArray<8>> mac8(const Session& session, const MacKey& key, Bytes data);

}  // namespace giro::hsm
