#include "tests/sim/token/crypto.hpp"

#include <botan/aead.h>
#include <botan/block_cipher.h>
#include <botan/data_src.h>
#include <botan/ecdsa.h>
#include <botan/mac.h>
#include <botan/pk_keys.h>
#include <botan/pkcs8.h>
#include <botan/pubkey.h>
#include <botan/rng.h>
#include <botan/rsa.h>
#include <secp256k1.h>

#include <algorithm>

#include "giro/result.hpp"
#include "tests/sim/token/rsa_key.hpp"

namespace giro::test {

namespace {
constexpr std::size_t kScalarBytes = 32, kPointBytes = 65, kGcmTagBytes = 16, kGcmNonceBytes = 12;
constexpr CK_ULONG kRsaBits = 4096;
// DER of the curves' object identifiers, 1.2.840.10045.3.1.7 and 1.3.132.0.10.
constexpr std::array<std::uint8_t, 10> kP256 = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 7> kSecp256k1 = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a};

const std::uint8_t* raw(Bytes b) {
    return reinterpret_cast<const std::uint8_t*>(b.data());
}
std::uint8_t* raw(Buffer& b) {
    return reinterpret_cast<std::uint8_t*>(b.data());
}
template <typename Container>
Bytes view(const Container& c) {
    return std::as_bytes(std::span(c));
}

// The seed's numbers for Botan.
class SeededRng final : public Botan::RandomNumberGenerator {
  public:
    explicit SeededRng(Random& random) : m_random(random) {}
    void randomize(std::uint8_t out[], std::size_t count) override {
        for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>(m_random.next());
    }
    [[nodiscard]] bool accepts_input() const override { return false; }
    void add_entropy(const std::uint8_t[], std::size_t) override {}
    [[nodiscard]] std::string name() const override { return "seeded"; }
    void clear() override {}
    [[nodiscard]] bool is_seeded() const override { return true; }

  private:
    Random& m_random;
};

const secp256k1_context* curve_context() {
    static const secp256k1_context* const context = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
    return context;
}
const Botan::EC_Group& p256() {
    static const Botan::EC_Group group("secp256r1");
    return group;
}
const Botan::EC_Group& secp256k1() {
    static const Botan::EC_Group group("secp256k1");
    return group;
}
const Botan::RSA_PrivateKey& rsa_key() {
    static const Botan::RSA_PrivateKey key = [] {
        Botan::DataSource_Memory pem{std::string(kTestRsaPem)};
        const auto loaded = Botan::PKCS8::load_key(pem);
        return dynamic_cast<const Botan::RSA_PrivateKey&>(*loaded);
    }();
    return key;
}

Buffer bytes_of(const Botan::BigInt& number) {
    Buffer out(number.bytes());
    number.binary_encode(raw(out));
    return out;
}
Botan::BigInt number_of(Bytes bytes) {
    return {raw(bytes), bytes.size()};
}

bool is_secp256k1(const TokenObject& key) {
    const Buffer* params = key.get(CKA_EC_PARAMS);
    return params != nullptr && std::ranges::equal(*params, view(kSecp256k1));
}

// 04 || x || y of a secret scalar.
std::array<std::uint8_t, kPointBytes> public_point(bool on_secp256k1, Bytes secret, Random& random) {
    std::array<std::uint8_t, kPointBytes> point{};
    if (on_secp256k1) {
        secp256k1_pubkey key;
        std::size_t size = point.size();
        const int valid = secp256k1_ec_pubkey_create(curve_context(), &key, raw(secret));
        ASSERT(valid == 1);  // 0 < secret < order
        secp256k1_ec_pubkey_serialize(curve_context(), point.data(), &size, &key, SECP256K1_EC_UNCOMPRESSED);
        return point;
    }
    SeededRng rng(random);
    const Botan::ECDSA_PrivateKey key(rng, p256(), number_of(secret));
    const auto bytes = key.public_point().encode(Botan::PointGFp::UNCOMPRESSED);
    std::copy_n(bytes.begin(), point.size(), point.begin());
    return point;
}

CK_RV generate_ec(TokenObject& public_key, TokenObject& private_key, Random& random) {
    const Buffer* params = public_key.get(CKA_EC_PARAMS);
    if (params == nullptr) return CKR_TEMPLATE_INCOMPLETE;
    const bool on_secp256k1 = is_secp256k1(public_key);
    if (!on_secp256k1 && !std::ranges::equal(*params, view(kP256))) return CKR_CURVE_NOT_SUPPORTED;
    private_key.set(CKA_EC_PARAMS, *params);
    const Botan::BigInt order = on_secp256k1 ? secp256k1().get_order() : p256().get_order();
    SeededRng rng(random);
    const auto scalar = Botan::BigInt::random_integer(rng, 1, order);
    Buffer secret(kScalarBytes);
    Botan::BigInt::encode_1363(raw(secret), secret.size(), scalar);
    private_key.set_value(secret);
    const auto point = public_point(on_secp256k1, secret, random);
    Buffer octets = {std::byte{0x04}, std::byte{0x41}};  // DER OCTET STRING of 65 bytes
    octets.insert(octets.end(), view(point).begin(), view(point).end());
    public_key.set(CKA_EC_POINT, octets);
    return CKR_OK;
}

CK_RV generate_rsa(TokenObject& public_key, TokenObject& private_key) {
    if (public_key.number(CKA_MODULUS_BITS) != kRsaBits) return CKR_KEY_SIZE_RANGE;
    public_key.set(CKA_MODULUS, bytes_of(rsa_key().get_n()));
    public_key.set(CKA_PUBLIC_EXPONENT, bytes_of(rsa_key().get_e()));
    private_key.set_value(bytes_of(rsa_key().get_d()));
    return CKR_OK;
}

// The signer of a key under one of Botan's paddings.
CK_RV sign_with(const Botan::Private_Key& key, const char* padding, Bytes data, Buffer& out, Random& random) {
    SeededRng rng(random);
    Botan::PK_Signer signer(key, rng, padding);
    const auto signature = signer.sign_message(raw(data), data.size(), rng);
    out.assign(view(signature).begin(), view(signature).end());
    return CKR_OK;
}

CK_RV mac_with(const char* name, const TokenObject& key, Bytes data, Buffer& out) {
    const auto mac = Botan::MessageAuthenticationCode::create_or_throw(name);
    mac->set_key(raw(Bytes(key.value())), key.value().size());
    mac->update(raw(data), data.size());
    out.resize(mac->output_length());
    mac->final(raw(out));
    return CKR_OK;
}

std::unique_ptr<Botan::BlockCipher> block_cipher(bool is_aes, const TokenObject& key) {
    const char* const aes = key.value().size() == 32 ? "AES-256" : "AES-128";
    auto cipher = Botan::BlockCipher::create_or_throw(is_aes ? aes : "TripleDES");
    cipher->set_key(raw(Bytes(key.value())), key.value().size());
    return cipher;
}

void make_high_s(const Botan::EC_Group& group, Buffer& signature) {
    const Botan::BigInt s = number_of(Bytes(signature).subspan(kScalarBytes));
    if (s > group.get_order() / 2) return;
    Botan::BigInt::encode_1363(raw(signature) + kScalarBytes, kScalarBytes, group.get_order() - s);
}

CK_RV sign_ecdsa(const TokenObject& key, Bytes digest, Buffer& out, Random& random) {
    if (digest.size() != kScalarBytes) return CKR_DATA_LEN_RANGE;
    const bool on_secp256k1 = is_secp256k1(key);
    if (on_secp256k1) {
        out.resize(2 * kScalarBytes);
        secp256k1_ecdsa_signature signature;
        if (secp256k1_ecdsa_sign(curve_context(), &signature, raw(digest), raw(Bytes(key.value())), nullptr, nullptr) ==
            0)
            return CKR_FUNCTION_FAILED;
        secp256k1_ecdsa_signature_serialize_compact(curve_context(), raw(out), &signature);
    } else {
        SeededRng rng(random);
        const Botan::ECDSA_PrivateKey own(rng, p256(), number_of(key.value()));
        if (const CK_RV rv = sign_with(own, "Raw(SHA-256)", digest, out, random); rv != CKR_OK) return rv;
    }
    if (random.one_in(2)) make_high_s(on_secp256k1 ? secp256k1() : p256(), out);
    return CKR_OK;
}

CK_RV gcm(Botan::Cipher_Dir direction, const GcmParams& params, const TokenObject& key, Bytes in, Buffer& out) {
    const auto mode =
        Botan::AEAD_Mode::create_or_throw(key.value().size() == 32 ? "AES-256/GCM" : "AES-128/GCM", direction);
    mode->set_key(raw(Bytes(key.value())), key.value().size());
    mode->set_associated_data(raw(Bytes(params.aad)), params.aad.size());
    mode->start(raw(Bytes(params.nonce)), params.nonce.size());
    Botan::secure_vector<std::uint8_t> text(raw(in), raw(in) + in.size());
    try {
        mode->finish(text);
    } catch (const Botan::Invalid_Authentication_Tag&) {
        return CKR_ENCRYPTED_DATA_INVALID;
    }
    out.assign(view(text).begin(), view(text).end());
    return CKR_OK;
}
}  // namespace

CK_RV generate_secret(const CK_MECHANISM& mechanism, TokenObject& key, Random& random) {
    if (mechanism.mechanism != CKM_AES_KEY_GEN) return CKR_MECHANISM_INVALID;
    const auto size = key.number(CKA_VALUE_LEN);
    if (size != CK_ULONG{16} && size != CK_ULONG{32}) return CKR_KEY_SIZE_RANGE;
    Buffer value(*size);
    for (std::byte& b : value) b = static_cast<std::byte>(random.next());
    key.set_value(value);
    return CKR_OK;
}

CK_RV generate_pair(const CK_MECHANISM& mechanism, TokenObject& public_key, TokenObject& private_key, Random& random) {
    switch (mechanism.mechanism) {
        case CKM_EC_KEY_PAIR_GEN:
            return generate_ec(public_key, private_key, random);
        case CKM_RSA_PKCS_KEY_PAIR_GEN:
            return generate_rsa(public_key, private_key);
        default:
            return CKR_MECHANISM_INVALID;
    }
}

CK_RV sign(const CK_MECHANISM& mechanism, TokenObject& key, Bytes data, Buffer& out, Random& random) {
    switch (mechanism.mechanism) {
        case CKM_AES_CMAC:
            out.resize(16);
            key.cmac().update(raw(data), data.size());
            key.cmac().final(raw(out));
            return CKR_OK;
        case CKM_DES3_CMAC:
            return mac_with("CMAC(TripleDES)", key, data, out);
        case CKM_SHA256_HMAC:
            return key.value().size() < 32 ? CKR_KEY_SIZE_RANGE : mac_with("HMAC(SHA-256)", key, data, out);  // as SoftHSM
        case CKM_ECDSA:
            return sign_ecdsa(key, data, out, random);
        case CKM_SHA256_RSA_PKCS:
            return sign_with(rsa_key(), "EMSA3(SHA-256)", data, out, random);
        case CKM_SHA256_RSA_PKCS_PSS:
            return sign_with(rsa_key(), "PSS(SHA-256,MGF1,32)", data, out, random);
        default:
            return CKR_MECHANISM_INVALID;
    }
}

std::optional<GcmParams> gcm_params(const CK_MECHANISM& mechanism) {
    if (mechanism.mechanism != CKM_AES_GCM || mechanism.ulParameterLen != sizeof(CK_GCM_PARAMS)) return std::nullopt;
    const auto& given = *static_cast<const CK_GCM_PARAMS*>(mechanism.pParameter);
    if (given.ulIvLen != kGcmNonceBytes || given.ulTagBits != kGcmTagBytes * 8) return std::nullopt;
    const auto copy = [](const CK_BYTE* data, CK_ULONG size) {
        const auto* bytes = reinterpret_cast<const std::byte*>(data);
        return Buffer(bytes, bytes + size);
    };
    return GcmParams{copy(given.pIv, given.ulIvLen), copy(given.pAAD, given.ulAADLen)};
}

CK_RV encrypt(const GcmParams& params, const TokenObject& key, Bytes plain, Buffer& out) {
    return gcm(Botan::ENCRYPTION, params, key, plain, out);
}

CK_RV decrypt(const GcmParams& params, const TokenObject& key, Bytes cipher, Buffer& out) {
    if (cipher.size() < kGcmTagBytes) return CKR_ENCRYPTED_DATA_LEN_RANGE;
    return gcm(Botan::DECRYPTION, params, key, cipher, out);
}

bool is_cbc(CK_MECHANISM_TYPE mechanism) noexcept {
    return mechanism == CKM_AES_CBC || mechanism == CKM_DES3_CBC;
}

bool is_block_mechanism(CK_MECHANISM_TYPE mechanism) noexcept {
    return mechanism == CKM_AES_ECB || mechanism == CKM_DES3_ECB || is_cbc(mechanism);
}

CK_RV crypt_blocks(CK_MECHANISM_TYPE mechanism, Bytes iv, bool encrypts, const TokenObject& key, Bytes in, Buffer& out) {
    const auto cipher = block_cipher(mechanism == CKM_AES_ECB || mechanism == CKM_AES_CBC, key);
    const std::size_t block = cipher->block_size();
    if (in.empty() || in.size() % block != 0) return CKR_DATA_LEN_RANGE;
    const bool cbc = is_cbc(mechanism);
    if (cbc && iv.size() != block) return CKR_MECHANISM_PARAM_INVALID;
    out.assign(in.begin(), in.end());
    for (std::size_t at = 0; at < out.size(); at += block) {
        const Bytes before = at == 0 ? iv : (encrypts ? Bytes(out) : in).subspan(at - block, block);
        const auto chain = [&] {
            for (std::size_t i = 0; cbc && i < block; ++i) out[at + i] ^= before[i];
        };
        if (encrypts) chain(), cipher->encrypt(raw(out) + at);
        else cipher->decrypt(raw(out) + at), chain();
    }
    return CKR_OK;
}

CK_RV derive(const CK_MECHANISM& mechanism, TokenObject& base, TokenObject& derived) {
    const bool is_aes = mechanism.mechanism == CKM_AES_ECB_ENCRYPT_DATA;
    if ((!is_aes && mechanism.mechanism != CKM_DES3_ECB_ENCRYPT_DATA) ||
        mechanism.ulParameterLen != sizeof(CK_KEY_DERIVATION_STRING_DATA))
        return CKR_MECHANISM_INVALID;
    const auto& given = *static_cast<const CK_KEY_DERIVATION_STRING_DATA*>(mechanism.pParameter);
    if (given.ulLen == 0 || given.ulLen % (is_aes ? 16 : 8) != 0) return CKR_MECHANISM_PARAM_INVALID;
    Buffer value(given.ulLen);
    if (is_aes) base.aes().encrypt_n(given.pData, raw(value), given.ulLen / 16);
    else block_cipher(false, base)->encrypt_n(given.pData, raw(value), given.ulLen / 8);
    derived.set_value(value);
    return CKR_OK;
}

}  // namespace giro::test
