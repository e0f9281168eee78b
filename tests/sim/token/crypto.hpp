// The mechanisms of the simulated token, on keys given as objects. Those of hsm/mechanism.hpp, hsm/object.hpp and
// hsm/payment/secret_key.hpp, no more. Answers are CK_RV; every random number comes from the token's seed.
#pragma once

#include "tests/disk/random.hpp"
#include "tests/sim/token/object.hpp"

namespace giro::test {

// C_GenerateKey: CKM_AES_KEY_GEN, CKA_VALUE_LEN bytes. Sets the value of `key`.
[[nodiscard]] CK_RV generate_secret(const CK_MECHANISM& mechanism, TokenObject& key, Random& random);
// C_GenerateKeyPair: CKM_EC_KEY_PAIR_GEN on P-256 and secp256k1, CKM_RSA_PKCS_KEY_PAIR_GEN with 4096 bits. Every RSA
// pair is the same one, made beforehand: making one takes seconds.
[[nodiscard]] CK_RV generate_pair(const CK_MECHANISM& mechanism, TokenObject& public_key, TokenObject& private_key,
                                  Random& random);
// C_Sign: CKM_AES_CMAC, CKM_ECDSA (half of them with a high s, as tokens give), CKM_SHA256_RSA_PKCS, .._PSS,
// CKM_DES3_CMAC, CKM_SHA256_HMAC.
[[nodiscard]] CK_RV sign(const CK_MECHANISM& mechanism, TokenObject& key, Bytes data, Buffer& out, Random& random);
// C_Encrypt, C_Decrypt: CKM_AES_GCM with a 96-bit nonce and a 128-bit tag. `params` as given to C_EncryptInit, copied.
struct GcmParams {
    Buffer nonce;
    Buffer aad;
};
[[nodiscard]] std::optional<GcmParams> gcm_params(const CK_MECHANISM& mechanism);
[[nodiscard]] CK_RV encrypt(const GcmParams& params, const TokenObject& key, Bytes plain, Buffer& out);
[[nodiscard]] CK_RV decrypt(const GcmParams& params, const TokenObject& key, Bytes cipher, Buffer& out);
// C_Encrypt, C_Decrypt: AES and DES3 in ECB and CBC, whole blocks. `iv`: of CBC, one block.
[[nodiscard]] bool is_block_mechanism(CK_MECHANISM_TYPE mechanism) noexcept;
[[nodiscard]] bool is_cbc(CK_MECHANISM_TYPE mechanism) noexcept;
[[nodiscard]] CK_RV crypt_blocks(CK_MECHANISM_TYPE mechanism, Bytes iv, bool encrypts, const TokenObject& key, Bytes in,
                                 Buffer& out);
// C_DeriveKey: CKM_AES_ECB_ENCRYPT_DATA, CKM_DES3_ECB_ENCRYPT_DATA. Sets the value of `derived`.
[[nodiscard]] CK_RV derive(const CK_MECHANISM& mechanism, TokenObject& base, TokenObject& derived);

}  // namespace giro::test
