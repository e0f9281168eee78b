#include "hsm/mechanism.hpp"

#include <botan/bigint.h>
#include <botan/der_enc.h>

#include <algorithm>

#include "util/bytes.hpp"

namespace giro::hsm {

namespace {
using Scalar = std::array<std::uint64_t, 4>;  // most significant word first: compares like the number

// The orders n (SEC 2 2.4.1 and 2.4.2) and their halves, rounded down.
struct Order {
    Scalar n;
    Scalar half;
};
constexpr Order kP256Order{{0xffffffff00000000, 0xffffffffffffffff, 0xbce6faada7179e84, 0xf3b9cac2fc632551},
                           {0x7fffffff80000000, 0x7fffffffffffffff, 0xde737d56d38bcf42, 0x79dce5617e3192a8}};
constexpr Order kSecp256k1Order{{0xffffffffffffffff, 0xfffffffffffffffe, 0xbaaedce6af48a03b, 0xbfd25e8cd0364141},
                                {0x7fffffffffffffff, 0xffffffffffffffff, 0x5d576e7357a4501d, 0xdfe92f46681b20a0}};

constexpr std::size_t kRsaBytesMax = 1024;

// C_SignInit and C_Sign in one.
Ck<std::size_t> sign(const Session& session, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, Bytes data,
                     MutableBytes out) {
    const Cryptoki& cryptoki = session.cryptoki();
    if (const auto done = cryptoki.C_SignInit(session.handle(), mechanism, key); !done)
        return tl::unexpected(done.error());
    return cryptoki.C_Sign(session.handle(), data, out);
}

Ck<Buffer> sign_rsa(const Session& session, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, Bytes data) {
    Buffer out(kRsaBytesMax);
    const auto size = sign(session, mechanism, key, data, out);
    if (!size) return tl::unexpected(size.error());
    out.resize(*size);
    return out;
}

CK_BYTE* raw(Bytes b) noexcept { return const_cast<CK_BYTE*>(reinterpret_cast<const CK_BYTE*>(b.data())); }

CK_GCM_PARAMS gcm_params(const ByteArray<12>& nonce, Bytes aad) noexcept {
    return {raw(nonce), nonce.size(), nonce.size() * 8, raw(aad), aad.size(), kGcmTagBytes * 8};
}

Ck<CK_OBJECT_HANDLE> derive(const Session& session, CK_OBJECT_HANDLE base, const ByteArray<32>& data, Template& t) {
    t.number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, CKK_AES)
        .number(CKA_VALUE_LEN, data.size())
        .flag(CKA_TOKEN, false);
    CK_KEY_DERIVATION_STRING_DATA params{raw(data), data.size()};
    CK_MECHANISM mechanism{CKM_AES_ECB_ENCRYPT_DATA, &params, sizeof params};
    return session.cryptoki().C_DeriveKey(session.handle(), mechanism, base, t.attributes());
}
}  // namespace

void make_low_s(Curve curve, Signature64& signature) noexcept {
    const Order& order = curve == Curve::p256 ? kP256Order : kSecp256k1Order;
    Scalar s;
    for (std::size_t i = 0; i < 4; ++i) s[i] = load_be<std::uint64_t>(signature.data() + 32 + 8 * i);
    if (s <= order.half) return;
    bool borrow = false;
    for (std::size_t i = 4; i-- > 0;) {
        std::uint64_t word = 0;
        const bool first = __builtin_sub_overflow(order.n[i], s[i], &word);
        const bool second = __builtin_sub_overflow(word, static_cast<std::uint64_t>(borrow), &word);
        borrow = first || second;
        store_be(signature.data() + 32 + 8 * i, word);
    }
}

Buffer ecdsa_der(const Signature64& signature) {
    std::vector<std::uint8_t> der;
    Botan::DER_Encoder(der)
        .start_cons(Botan::SEQUENCE)
        .encode(Botan::BigInt(raw(Bytes(signature).first(32)), 32))
        .encode(Botan::BigInt(raw(Bytes(signature).subspan(32)), 32))
        .end_cons();
    const Bytes view = std::as_bytes(std::span(der));
    return {view.begin(), view.end()};
}

Ck<Signature64> sign_ecdsa(const Session& session, CK_OBJECT_HANDLE key, Curve curve, const Hash256& digest) {
    Signature64 signature{};
    const auto size = sign(session, {CKM_ECDSA, nullptr, 0}, key, digest, signature);
    if (!size) return tl::unexpected(size.error());
    if (*size != signature.size()) return ck_error(CKR_DEVICE_ERROR);
    make_low_s(curve, signature);
    return signature;
}

Ck<Buffer> sign_rsa_pkcs1(const Session& session, CK_OBJECT_HANDLE key, Bytes data) {
    return sign_rsa(session, {CKM_SHA256_RSA_PKCS, nullptr, 0}, key, data);
}

Ck<Buffer> sign_rsa_pss(const Session& session, CK_OBJECT_HANDLE key, Bytes data) {
    CK_RSA_PKCS_PSS_PARAMS params{CKM_SHA256, CKG_MGF1_SHA256, 32};
    return sign_rsa(session, {CKM_SHA256_RSA_PKCS_PSS, &params, sizeof params}, key, data);
}

Ck<Cmac> cmac(const Session& session, CK_OBJECT_HANDLE key, Bytes data) {
    Cmac mac;
    const auto size = sign(session, {CKM_AES_CMAC, nullptr, 0}, key, data, mac);
    if (!size) return tl::unexpected(size.error());
    if (*size != mac.size()) return ck_error(CKR_DEVICE_ERROR);
    return mac;
}

Ck<Buffer> gcm_encrypt(const Session& session, CK_OBJECT_HANDLE key, const ByteArray<12>& nonce, Bytes aad,
                       Bytes plain) {
    CK_GCM_PARAMS params = gcm_params(nonce, aad);
    CK_MECHANISM mechanism{CKM_AES_GCM, &params, sizeof params};
    const Cryptoki& cryptoki = session.cryptoki();
    if (const auto done = cryptoki.C_EncryptInit(session.handle(), mechanism, key); !done)
        return tl::unexpected(done.error());
    Buffer out(plain.size() + kGcmTagBytes);
    const auto size = cryptoki.C_Encrypt(session.handle(), plain, out);
    if (!size) return tl::unexpected(size.error());
    if (*size != out.size()) return ck_error(CKR_DEVICE_ERROR);
    return out;
}

Ck<Secret> gcm_decrypt(const Session& session, CK_OBJECT_HANDLE key, const ByteArray<12>& nonce, Bytes aad,
                       Bytes cipher_and_tag) {
    if (cipher_and_tag.size() < kGcmTagBytes) return ck_error(CKR_ENCRYPTED_DATA_INVALID);
    CK_GCM_PARAMS params = gcm_params(nonce, aad);
    CK_MECHANISM mechanism{CKM_AES_GCM, &params, sizeof params};
    const Cryptoki& cryptoki = session.cryptoki();
    if (const auto done = cryptoki.C_DecryptInit(session.handle(), mechanism, key); !done)
        return tl::unexpected(done.error());
    Secret out(cipher_and_tag.size());
    const auto size = cryptoki.C_Decrypt(session.handle(), cipher_and_tag, out.writable());
    // SoftHSM answers CKR_GENERAL_ERROR to a wrong tag. The key was good a moment ago (C_DecryptInit), so it is the
    // data.
    if (!size && size.error().code == CKR_GENERAL_ERROR) return ck_error(CKR_ENCRYPTED_DATA_INVALID);
    if (!size) return tl::unexpected(size.error());
    if (*size != cipher_and_tag.size() - kGcmTagBytes) return ck_error(CKR_DEVICE_ERROR);
    Secret plain(*size);
    std::copy_n(out.reveal().begin(), *size, plain.writable().begin());
    return plain;
}

Ck<Object> derive_key(const Session& session, CK_OBJECT_HANDLE base, const ByteArray<32>& data, KeyUse use) {
    Template t;
    t.flag(CKA_PRIVATE, true)
        .flag(CKA_SENSITIVE, true)
        .flag(CKA_EXTRACTABLE, false)
        .flag(CKA_SIGN, use == KeyUse::sign)
        .flag(CKA_DERIVE, use == KeyUse::derive);
    const auto key = derive(session, base, data, t);
    if (!key) return tl::unexpected(key.error());
    return Object(session, *key);
}

Ck<Secret> derive_key_in_clear(const Session& session, CK_OBJECT_HANDLE base, const ByteArray<32>& data) {
    Template t;
    t.flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, false).flag(CKA_EXTRACTABLE, true);
    const auto key = derive(session, base, data, t);
    if (!key) return tl::unexpected(key.error());
    const Object object(session, *key);
    Secret value(data.size());
    std::array<CK_ATTRIBUTE, 1> wanted{{{CKA_VALUE, value.writable().data(), value.size()}}};
    const auto done = session.cryptoki().C_GetAttributeValue(session.handle(), object.handle(), wanted);
    if (!done) return tl::unexpected(done.error());
    if (wanted[0].ulValueLen != value.size()) return ck_error(CKR_DEVICE_ERROR);
    return value;
}

}  // namespace giro::hsm
