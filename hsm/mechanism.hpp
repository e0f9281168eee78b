// The cryptographic operations Giro asks of a token, one function each, on handles of a logged-in Session.
#pragma once

#include "hsm/object.hpp"

namespace giro::hsm {

using Signature64 = ByteArray<64>;  // r || s, big-endian
using Cmac = ByteArray<16>;

enum class Curve { p256, secp256k1 };

// CKM_ECDSA over a digest. s is made low (half of a token's signatures come out high, and Bitcoin nodes relay low
// only).
[[nodiscard]] Ck<Signature64> sign_ecdsa(const Session& session, CK_OBJECT_HANDLE key, Curve curve,
                                         const Hash256& digest);
// s := order - s when s is over half the order.
void make_low_s(Curve curve, Signature64& signature) noexcept;
// SEQUENCE { r, s } (RFC 3279 2.2.3): the form TLS and X.509 take.
[[nodiscard]] Buffer ecdsa_der(const Signature64& signature);

// CKM_SHA256_RSA_PKCS (RFC 8017 8.2) and CKM_SHA256_RSA_PKCS_PSS with MGF1 SHA-256 and 32 bytes of salt (8.1), over
// `data`.
[[nodiscard]] Ck<Buffer> sign_rsa_pkcs1(const Session& session, CK_OBJECT_HANDLE key, Bytes data);
[[nodiscard]] Ck<Buffer> sign_rsa_pss(const Session& session, CK_OBJECT_HANDLE key, Bytes data);

// CKM_AES_CMAC (RFC 4493). Verifying is computing again and comparing in constant time: our MACs are truncated.
[[nodiscard]] Ck<Cmac> cmac(const Session& session, CK_OBJECT_HANDLE key, Bytes data);

inline constexpr std::size_t kGcmTagBytes = 16;
// CKM_AES_GCM (NIST SP 800-38D), 96-bit nonce: ciphertext and tag.
[[nodiscard]] Ck<Buffer> gcm_encrypt(const Session& session, CK_OBJECT_HANDLE key, const ByteArray<12>& nonce,
                                     Bytes aad, Bytes plain);
// CKR_ENCRYPTED_DATA_INVALID when the tag is wrong, whatever the module itself calls that.
[[nodiscard]] Ck<Secret> gcm_decrypt(const Session& session, CK_OBJECT_HANDLE key, const ByteArray<12>& nonce,
                                     Bytes aad, Bytes cipher_and_tag);

// CKM_AES_ECB_ENCRYPT_DATA: the AES-256 key that is `data` encrypted under `base`, as a non-extractable session object.
[[nodiscard]] Ck<Object> derive_key(const Session& session, CK_OBJECT_HANDLE base, const ByteArray<32>& data,
                                    KeyUse use);
// The same key in the clear. The only function here that takes a key out of the token; its one caller is the verb
// inject_terminal_key.
[[nodiscard]] Ck<Secret> derive_key_in_clear(const Session& session, CK_OBJECT_HANDLE base, const ByteArray<32>& data);

}  // namespace giro::hsm
