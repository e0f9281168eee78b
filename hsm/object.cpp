#include "hsm/object.hpp"

#include <algorithm>

namespace giro::hsm {

namespace {
constexpr ByteArray<10> kP256Params{std::byte{0x06}, std::byte{0x08}, std::byte{0x2a}, std::byte{0x86},
                                    std::byte{0x48}, std::byte{0xce}, std::byte{0x3d}, std::byte{0x03},
                                    std::byte{0x01}, std::byte{0x07}};
constexpr ByteArray<7> kSecp256k1Params{std::byte{0x06}, std::byte{0x05}, std::byte{0x2b}, std::byte{0x81},
                                        std::byte{0x04}, std::byte{0x00}, std::byte{0x0a}};  // OID 1.3.132.0.10
constexpr ByteArray<3> kRsaExponent{std::byte{0x01}, std::byte{0x00}, std::byte{0x01}};     // 65537
constexpr std::size_t kAttributeBytesMax = 1024;  // the largest public value read: an RSA-8192 modulus

// The attributes every secret or private key of ours has.
Template locked_in(CK_OBJECT_CLASS object_class, std::string_view label) {
    Template t;
    t.number(CKA_CLASS, object_class)
        .flag(CKA_TOKEN, true)
        .flag(CKA_PRIVATE, true)
        .flag(CKA_SENSITIVE, true)
        .flag(CKA_EXTRACTABLE, false)
        .bytes(CKA_LABEL, as_bytes(label));
    return t;
}

Ck<CK_OBJECT_HANDLE> generate_aes(const Session& session, std::size_t key_bytes, KeyUse use, std::string_view label) {
    Template t = locked_in(CKO_SECRET_KEY, label);
    t.number(CKA_KEY_TYPE, CKK_AES)
        .number(CKA_VALUE_LEN, key_bytes)
        .flag(CKA_SIGN, use == KeyUse::sign)
        .flag(CKA_VERIFY, false)
        .flag(CKA_ENCRYPT, use == KeyUse::encrypt)
        .flag(CKA_DECRYPT, use == KeyUse::encrypt)
        .flag(CKA_DERIVE, use == KeyUse::derive)
        .flag(CKA_WRAP, false)
        .flag(CKA_UNWRAP, false);
    CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
    return session.cryptoki().C_GenerateKey(session.handle(), mechanism, t.attributes());
}

Ck<CK_OBJECT_HANDLE> generate_pair(const Session& session, CK_MECHANISM mechanism, CK_KEY_TYPE type,
                                   Template& public_part, std::string_view label) {
    public_part.number(CKA_CLASS, CKO_PUBLIC_KEY)
        .number(CKA_KEY_TYPE, type)
        .flag(CKA_TOKEN, true)
        .flag(CKA_PRIVATE, false)
        .flag(CKA_VERIFY, true)
        .bytes(CKA_LABEL, as_bytes(label));
    Template private_part = locked_in(CKO_PRIVATE_KEY, label);
    private_part.number(CKA_KEY_TYPE, type).flag(CKA_SIGN, true).flag(CKA_DECRYPT, false).flag(CKA_UNWRAP, false);
    const auto pair = session.cryptoki().C_GenerateKeyPair(session.handle(), mechanism, public_part.attributes(),
                                                           private_part.attributes());
    if (!pair) return tl::unexpected(pair.error());
    return pair->private_key;
}

Ck<CK_OBJECT_HANDLE> generate_ec(const Session& session, Bytes params, std::string_view label) {
    Template public_part;
    public_part.bytes(CKA_EC_PARAMS, params);
    return generate_pair(session, {CKM_EC_KEY_PAIR_GEN, nullptr, 0}, CKK_EC, public_part, label);
}

Ck<CK_OBJECT_HANDLE> generate_rsa(const Session& session, std::size_t bits, std::string_view label) {
    Template public_part;
    public_part.number(CKA_MODULUS_BITS, bits).bytes(CKA_PUBLIC_EXPONENT, kRsaExponent);
    return generate_pair(session, {CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0}, CKK_RSA, public_part, label);
}

Ck<CK_OBJECT_HANDLE> generate(const Session& session, KeyKind kind, KeyUse use, std::string_view label) {
    switch (kind) {
        case KeyKind::rsa4096: return generate_rsa(session, 4096, label);
        case KeyKind::p256: return generate_ec(session, kP256Params, label);
        case KeyKind::secp256k1: return generate_ec(session, kSecp256k1Params, label);
        case KeyKind::aes256: return generate_aes(session, 32, use, label);
        case KeyKind::aes128: return generate_aes(session, 16, use, label);
    }
    ASSERT(false);
}

Ck<Buffer> read_bytes(const Session& session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
    Buffer value(kAttributeBytesMax);
    std::array<CK_ATTRIBUTE, 1> wanted{{{type, value.data(), value.size()}}};
    if (const auto done = session.cryptoki().C_GetAttributeValue(session.handle(), object, wanted); !done)
        return tl::unexpected(done.error());
    value.resize(std::min<std::size_t>(wanted[0].ulValueLen, value.size()));
    return value;
}
}  // namespace

Template& Template::number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    return bytes(type, std::as_bytes(std::span(&value, 1)));
}

Template& Template::flag(CK_ATTRIBUTE_TYPE type, bool value) {
    const CK_BBOOL raw = value ? CK_TRUE : CK_FALSE;
    return bytes(type, std::as_bytes(std::span(&raw, 1)));
}

Template& Template::bytes(CK_ATTRIBUTE_TYPE type, Bytes value) {
    Buffer& own = m_values.emplace_back(value.begin(), value.end());
    m_attributes.push_back({type, own.data(), own.size()});
    return *this;
}

Ck<void> generate_key(const Session& session, KeyKind kind, KeyUse use, std::string_view label) {
    ASSERT(label.size() <= kLabelBytesMax);
    const auto key = generate(session, kind, use, label);
    if (!key) return tl::unexpected(key.error());
    const auto locked = is_locked_in(session, *key);
    if (!locked) return tl::unexpected(locked.error());
    if (*locked) return {};
    static_cast<void>(session.cryptoki().C_DestroyObject(session.handle(), *key));  // refused below either way
    return ck_error(CKR_ATTRIBUTE_VALUE_INVALID);
}

Ck<std::optional<CK_OBJECT_HANDLE>> find_key(const Session& session, CK_OBJECT_CLASS object_class,
                                             std::string_view label) {
    const Cryptoki& cryptoki = session.cryptoki();
    Template match;
    match.number(CKA_CLASS, object_class).flag(CKA_TOKEN, true).bytes(CKA_LABEL, as_bytes(label));
    if (const auto done = cryptoki.C_FindObjectsInit(session.handle(), match.attributes()); !done)
        return tl::unexpected(done.error());
    std::array<CK_OBJECT_HANDLE, 2> found{};
    const auto count = cryptoki.C_FindObjects(session.handle(), found);
    const auto closed = cryptoki.C_FindObjectsFinal(session.handle());
    if (!count) return tl::unexpected(count.error());
    if (!closed) return tl::unexpected(closed.error());
    if (*count > 1) return ck_error(CKR_TEMPLATE_INCONSISTENT);
    if (*count == 0) return std::nullopt;
    return found[0];
}

Ck<CK_OBJECT_HANDLE> copy_to_session(const Session& session, CK_OBJECT_HANDLE key) {
    Template changes;
    changes.flag(CKA_TOKEN, false);
    return session.cryptoki().C_CopyObject(session.handle(), key, changes.attributes());
}

Ck<bool> is_locked_in(const Session& session, CK_OBJECT_HANDLE key) {
    CK_BBOOL sensitive = CK_FALSE, always_sensitive = CK_FALSE, extractable = CK_TRUE, never_extractable = CK_FALSE;
    std::array<CK_ATTRIBUTE, 4> wanted{{{CKA_SENSITIVE, &sensitive, sizeof sensitive},
                                        {CKA_ALWAYS_SENSITIVE, &always_sensitive, sizeof always_sensitive},
                                        {CKA_EXTRACTABLE, &extractable, sizeof extractable},
                                        {CKA_NEVER_EXTRACTABLE, &never_extractable, sizeof never_extractable}}};
    if (const auto done = session.cryptoki().C_GetAttributeValue(session.handle(), key, wanted); !done)
        return tl::unexpected(done.error());
    return sensitive == CK_TRUE && always_sensitive == CK_TRUE && extractable == CK_FALSE &&
           never_extractable == CK_TRUE;
}

Ck<ByteArray<65>> ec_point(const Session& session, CK_OBJECT_HANDLE public_key) {
    const auto value = read_bytes(session, public_key, CKA_EC_POINT);
    if (!value) return tl::unexpected(value.error());
    // PKCS #11 2.40 2.3.3: CKA_EC_POINT is a DER OCTET STRING (04 41) around the point; some modules give it bare.
    Bytes point = *value;
    if (point.size() == 67) point = point.subspan(2);
    if (point.size() != 65 || point[0] != std::byte{0x04}) return ck_error(CKR_ATTRIBUTE_VALUE_INVALID);
    ByteArray<65> out;
    std::ranges::copy(point, out.begin());
    return out;
}

Ck<RsaPublicKey> rsa_public_key(const Session& session, CK_OBJECT_HANDLE public_key) {
    auto modulus = read_bytes(session, public_key, CKA_MODULUS);
    if (!modulus) return tl::unexpected(modulus.error());
    auto exponent = read_bytes(session, public_key, CKA_PUBLIC_EXPONENT);
    if (!exponent) return tl::unexpected(exponent.error());
    return RsaPublicKey{std::move(*modulus), std::move(*exponent)};
}

}  // namespace giro::hsm
