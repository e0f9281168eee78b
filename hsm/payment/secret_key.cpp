#include "hsm/payment/secret_key.hpp"

#include <botan/block_cipher.h>
#include <botan/mac.h>

#include <algorithm>

#include "hsm/payment/wiped.hpp"

namespace giro::hsm {

namespace {
CK_BYTE* raw(Bytes b) noexcept {
    return const_cast<CK_BYTE*>(reinterpret_cast<const CK_BYTE*>(b.data()));
}

constexpr std::size_t kHmacKeyBytesMin = 32;  // SoftHSM's, for CKM_SHA256_HMAC

CK_KEY_TYPE type_of(Cipher cipher) noexcept {
    switch (cipher) {
        case Cipher::tdes:
            return CKK_DES2;
        case Cipher::aes:
            return CKK_AES;
        case Cipher::hmac:
            return CKK_GENERIC_SECRET;
    }
    ASSERT(false);
}

Template session_key(Cipher cipher, Uses uses) {
    Template t;
    t.number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, type_of(cipher))
        .flag(CKA_TOKEN, false)
        .flag(CKA_PRIVATE, true)
        .flag(CKA_SENSITIVE, true)
        .flag(CKA_EXTRACTABLE, false)
        .flag(CKA_SIGN, uses.sign)
        .flag(CKA_ENCRYPT, uses.encrypt)
        .flag(CKA_DECRYPT, uses.decrypt)
        .flag(CKA_DERIVE, uses.derive);
    return t;
}

CK_MECHANISM_TYPE ecb(Cipher cipher) noexcept {
    return cipher == Cipher::aes ? CKM_AES_ECB : CKM_DES3_ECB;
}
CK_MECHANISM_TYPE cbc(Cipher cipher) noexcept {
    return cipher == Cipher::aes ? CKM_AES_CBC : CKM_DES3_CBC;
}

Ck<void> encrypt(const Session& session, CK_MECHANISM mechanism, KeyRef key, Bytes in, MutableBytes out) {
    ASSERT(in.size() == out.size() && in.size() % block_bytes(key.cipher) == 0 && !in.empty());
    const Cryptoki& cryptoki = session.cryptoki();
    if (const auto done = cryptoki.C_EncryptInit(session.handle(), mechanism, key.handle); !done) return done;
    const auto size = cryptoki.C_Encrypt(session.handle(), in, out);
    if (!size) return tl::unexpected(size.error());
    if (*size != out.size()) return ck_error(CKR_DEVICE_ERROR);
    return {};
}

Kcv3 first_three(Bytes b) noexcept {
    return {b[0], b[1], b[2]};
}
}  // namespace

bool key_size_fits(Cipher cipher, std::size_t bytes) noexcept {
    switch (cipher) {
        case Cipher::tdes:
            return bytes == 16;
        case Cipher::aes:
            return bytes == 16 || bytes == 32;
        case Cipher::hmac:
            return bytes >= 16 && bytes <= 64;
    }
    return false;
}

Ck<Object> import_session_key(const Session& session, Cipher cipher, Bytes value, Uses uses) {
    if (!key_size_fits(cipher, value.size())) return ck_error(CKR_KEY_SIZE_RANGE);
    Template t = session_key(cipher, uses);
    auto attributes = t.attributes();
    // The value is not put into the Template, whose copy would not be wiped.
    std::vector<CK_ATTRIBUTE> all(attributes.begin(), attributes.end());
    Secret filled;
    if (cipher == Cipher::hmac && value.size() < kHmacKeyBytesMin) {
        filled = Secret(kHmacKeyBytesMin);
        std::ranges::copy(value, filled.writable().begin());
        value = filled.reveal();
    }
    all.push_back({CKA_VALUE, raw(value), value.size()});
    const auto key = session.cryptoki().C_CreateObject(session.handle(), all);
    if (!key) return tl::unexpected(key.error());
    return Object(session, *key);
}

Ck<Object> derive_secret(const Session& session, KeyRef base, Bytes data, Cipher cipher, Uses uses) {
    ASSERT(base.cipher != Cipher::hmac && data.size() % block_bytes(base.cipher) == 0 &&
           key_size_fits(cipher, data.size()));
    Template t = session_key(cipher, uses);
    if (cipher != Cipher::tdes) t.number(CKA_VALUE_LEN, data.size());  // a DES2 key's length is not to be given
    CK_KEY_DERIVATION_STRING_DATA params{raw(data), data.size()};
    CK_MECHANISM mechanism{base.cipher == Cipher::aes ? CKM_AES_ECB_ENCRYPT_DATA : CKM_DES3_ECB_ENCRYPT_DATA, &params,
                           sizeof params};
    const auto key = session.cryptoki().C_DeriveKey(session.handle(), mechanism, base.handle, t.attributes());
    if (!key) return tl::unexpected(key.error());
    return Object(session, *key);
}

Ck<void> encrypt_ecb(const Session& session, KeyRef key, Bytes in, MutableBytes out) {
    return encrypt(session, {ecb(key.cipher), nullptr, 0}, key, in, out);
}

Ck<void> encrypt_cbc(const Session& session, KeyRef key, Bytes iv, Bytes in, MutableBytes out) {
    ASSERT(iv.size() == block_bytes(key.cipher));
    return encrypt(session, {cbc(key.cipher), raw(iv), iv.size()}, key, in, out);
}

Ck<void> decrypt_ecb(const Session& session, KeyRef key, Bytes in, MutableBytes out) {
    ASSERT(in.size() == out.size() && in.size() % block_bytes(key.cipher) == 0 && !in.empty());
    const Cryptoki& cryptoki = session.cryptoki();
    CK_MECHANISM mechanism{ecb(key.cipher), nullptr, 0};
    if (const auto done = cryptoki.C_DecryptInit(session.handle(), mechanism, key.handle); !done) return done;
    const auto size = cryptoki.C_Decrypt(session.handle(), in, out);
    if (!size) return tl::unexpected(size.error());
    if (*size != out.size()) return ck_error(CKR_DEVICE_ERROR);
    return {};
}

Ck<Kcv3> check_value(const Session& session, KeyRef key) {
    ByteArray<32> out{};
    const ByteArray<16> zeros{};
    if (key.cipher == Cipher::tdes) {
        const auto done = encrypt_ecb(session, key, Bytes(zeros).first(8), MutableBytes(out).first(8));
        if (!done) return tl::unexpected(done.error());
        return first_three(out);
    }
    const bool is_aes = key.cipher == Cipher::aes;
    CK_MECHANISM mechanism{is_aes ? CKM_AES_CMAC : CKM_SHA256_HMAC, nullptr, 0};
    const Cryptoki& cryptoki = session.cryptoki();
    if (const auto done = cryptoki.C_SignInit(session.handle(), mechanism, key.handle); !done)
        return tl::unexpected(done.error());
    const auto size = cryptoki.C_Sign(session.handle(), is_aes ? Bytes(zeros) : Bytes(), out);
    if (!size) return tl::unexpected(size.error());
    return first_three(out);
}

Kcv3 check_value_of_clear(Cipher cipher, Bytes value) {
    ASSERT(key_size_fits(cipher, value.size()));
    ByteArray<32> out{};
    if (cipher == Cipher::tdes) {
        const auto des = Botan::BlockCipher::create_or_throw("TripleDES");
        des->set_key(raw(value), value.size());
        des->encrypt(raw(out));
        return first_three(out);
    }
    const char* const name = cipher == Cipher::hmac ? "HMAC(SHA-256)"
                             : value.size() == 16   ? "CMAC(AES-128)"
                                                    : "CMAC(AES-256)";
    const auto mac = Botan::MessageAuthenticationCode::create_or_throw(name);
    mac->set_key(raw(value), value.size());
    const ByteArray<16> zeros{};
    if (cipher == Cipher::aes) mac->update(raw(zeros), zeros.size());
    mac->final(raw(out));
    return first_three(out);
}

}  // namespace giro::hsm
