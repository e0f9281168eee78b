// Secret keys of the payment algorithms as objects of the token, and the block ciphers on them.
//
// Debian's SoftHSM 2.6.1 sits on OpenSSL 3, whose single DES is in a provider that is not loaded: CKM_DES_* answers
// CKR_MECHANISM_INVALID although the token lists it. It takes no HMAC key shorter than 32 bytes: shorter ones are
// filled up with zeros, which changes no HMAC (FIPS 198-1, 4). Where a standard wants single DES under K we use two-key
// triple DES under K || K, which is the same function.
//
// PKCS #11 2.40: CKM_AES_ECB, CKM_AES_CBC, CKM_DES3_ECB, CKM_DES3_CBC, CKM_*_ECB_ENCRYPT_DATA (2.15).
#pragma once

#include "hsm/object.hpp"

namespace giro::hsm {

enum class Cipher : std::uint8_t {
    tdes = 1,  // two keys, 16 bytes (CKK_DES2): NIST SP 800-67 keying option 2
    aes = 2,   // 16 or 32 bytes (CKK_AES)
    hmac = 3,  // 16 to 64 bytes (CKK_GENERIC_SECRET): HMAC-SHA-256 alone
};
[[nodiscard]] constexpr std::size_t block_bytes(Cipher cipher) noexcept {
    return cipher == Cipher::aes ? 16 : 8;
}
// Whether a key of this cipher may have this many bytes.
[[nodiscard]] bool key_size_fits(Cipher cipher, std::size_t bytes) noexcept;

// What a key may do: a key gets as few as its job needs.
struct Uses {
    bool sign = false;
    bool encrypt = false;
    bool decrypt = false;
    bool derive = false;
};

// A key of the token with what it is. Does not own it.
struct KeyRef {
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    Cipher cipher = Cipher::aes;
};

// A session object of this value: sensitive, not extractable. The value came from outside (a key block, a ceremony), so
// it is not "never extractable" as PKCS#11 counts it. CKR_KEY_SIZE_RANGE when the size does not fit the cipher.
[[nodiscard]] Ck<Object> import_session_key(const Session& session, Cipher cipher, Bytes value, Uses uses);

// CKM_AES_ECB_ENCRYPT_DATA or CKM_DES3_ECB_ENCRYPT_DATA, by the base's cipher: the key that is `data` (whole blocks of
// the base) encrypted under `base`, as a session object that cannot leave. All of it happens in the token.
// The token sets odd parity on a TDES key; DES does not look at it.
[[nodiscard]] Ck<Object> derive_secret(const Session& session, KeyRef base, Bytes data, Cipher cipher, Uses uses);

// ECB over whole blocks; `in` and `out` have the same size and may be the same memory.
[[nodiscard]] Ck<void> encrypt_ecb(const Session& session, KeyRef key, Bytes in, MutableBytes out);
[[nodiscard]] Ck<void> decrypt_ecb(const Session& session, KeyRef key, Bytes in, MutableBytes out);
// CBC from `iv` (one block) over whole blocks: all of the ciphertext.
[[nodiscard]] Ck<void> encrypt_cbc(const Session& session, KeyRef key, Bytes iv, Bytes in, MutableBytes out);

using Kcv3 = ByteArray<3>;
// The key check value (ANSI X9.24-1:2017 A.2). AES: leftmost 3 bytes of the CMAC of 16 zero bytes, for which the key
// needs `sign`. TDES: of the encryption of 8 zero bytes; needs `encrypt` (or `decrypt`, and then it cannot be told).
// HMAC: of the HMAC of no bytes; needs `sign`.
[[nodiscard]] Ck<Kcv3> check_value(const Session& session, KeyRef key);
// The same of a clear value, in this process's memory.
[[nodiscard]] Kcv3 check_value_of_clear(Cipher cipher, Bytes value);

}  // namespace giro::hsm
