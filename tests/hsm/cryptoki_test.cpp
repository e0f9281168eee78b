// The layers below the verbs, against a real SoftHSM2 token: losing it, keys that cannot leave, published vectors.
#include <nlohmann/json.hpp>

#include <fstream>

#include "chain/verify.hpp"
#include "tests/hsm/token_fixture.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"
#include "vault/digests.hpp"

namespace giro::test {

using namespace hsm;

namespace {
CK_OBJECT_HANDLE private_key(const Session& session, std::string_view label) {
    return find_key(session, CKO_PRIVATE_KEY, label).value().value();
}
CK_OBJECT_HANDLE public_key(const Session& session, std::string_view label) {
    return find_key(session, CKO_PUBLIC_KEY, label).value().value();
}

nlohmann::json wycheproof(const std::string& file) {
    std::ifstream in(vectors() / "wycheproof" / file);
    if (!in) return {};
    return nlohmann::json::parse(in);
}
Buffer hex(const nlohmann::json& value) { return from_hex(value.get<std::string>()).value(); }
}  // namespace

TEST_CASE("cryptoki: a file that is no module is refused in one line") {
    const auto missing = Cryptoki::load("/nonexistent/module.so");
    REQUIRE(!missing);
    CHECK(missing.error().kind == Failure::Kind::config);
    CHECK(missing.error().what.find("softhsm2") != std::string::npos);
    const auto other = Cryptoki::load("libm.so.6");
    REQUIRE(!other);
    CHECK(other.error().what == "libm.so.6 is not a PKCS#11 module");
}

TEST_CASE("cryptoki: errors carry their names, a vendor's its number") {
    CHECK(CkError{CKR_PIN_INCORRECT}.name() == "CKR_PIN_INCORRECT");
    CHECK(CkError{CKR_VENDOR_DEFINED | 7}.name() == "CKR_0x80000007");
    CHECK(CkError{CKR_DEVICE_REMOVED}.token_lost());
    CHECK(!CkError{CKR_PIN_INCORRECT}.token_lost());
}

TEST_CASE("token: a wrong PIN and a wrong label have names of their own") {
    TokenFixture fixture;
    fixture.close();
    const auto wrong_pin = Token::open(fixture.cryptoki(), kLabel, as_bytes("000000000"));
    REQUIRE(!wrong_pin);
    CHECK(wrong_pin.error().name() == "CKR_PIN_INCORRECT");
    const auto wrong_label = Token::open(fixture.cryptoki(), "another", as_bytes(kPin));
    REQUIRE(!wrong_label);
    CHECK(wrong_label.error().name() == "CKR_TOKEN_NOT_PRESENT");
    fixture.reopen();  // neither attempt left the module initialised or the PIN locked
}

TEST_CASE("token: every kind of key is sensitive, never extractable, and found again by label") {
    TokenFixture fixture;
    struct Row {
        const char* label;
        KeyKind kind;
        KeyUse use;
        CK_OBJECT_CLASS object_class;
    };
    const Row rows[] = {{"r", KeyKind::rsa4096, KeyUse::sign, CKO_PRIVATE_KEY},
                        {"p", KeyKind::p256, KeyUse::sign, CKO_PRIVATE_KEY},
                        {"k", KeyKind::secp256k1, KeyUse::sign, CKO_PRIVATE_KEY},
                        {"a", KeyKind::aes256, KeyUse::derive, CKO_SECRET_KEY},
                        {"b", KeyKind::aes128, KeyUse::encrypt, CKO_SECRET_KEY}};
    for (const Row& row : rows) REQUIRE(generate_key(fixture.session(), row.kind, row.use, row.label).has_value());
    fixture.reopen();
    for (const Row& row : rows) {
        CAPTURE(row.label);
        const auto key = find_key(fixture.session(), row.object_class, row.label).value().value();
        CHECK(is_locked_in(fixture.session(), key).value());
        ByteArray<1024> clear;
        std::array<CK_ATTRIBUTE, 1> value{{{row.object_class == CKO_SECRET_KEY ? CKA_VALUE : CKA_PRIVATE_EXPONENT,
                                            clear.data(), clear.size()}}};
        const auto read = fixture.cryptoki().C_GetAttributeValue(fixture.session().handle(), key, value);
        CHECK(!read);
        CHECK(value[0].ulValueLen == CK_UNAVAILABLE_INFORMATION);
    }
    CHECK(!find_key(fixture.session(), CKO_SECRET_KEY, "nobody").value().has_value());
    REQUIRE(generate_key(fixture.session(), KeyKind::aes256, KeyUse::derive, "a").has_value());
    CHECK(find_key(fixture.session(), CKO_SECRET_KEY, "a").error().name() == "CKR_TEMPLATE_INCONSISTENT");
}

TEST_CASE("mechanism: SoftHSM refuses what no verb asks for") {
    const TokenFixture fixture;
    const Session& session = fixture.session();
    Template t;
    t.number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
        .flag(CKA_TOKEN, false)
        .flag(CKA_SIGN, true)
        .bytes(CKA_VALUE, Buffer(64, std::byte{7}));
    const auto key = session.cryptoki().C_CreateObject(session.handle(), t.attributes());
    REQUIRE(key);
    CK_MECHANISM asked_for{CKM_SHA256_HMAC, nullptr, 0}, other{CKM_SHA512_HMAC, nullptr, 0};
    const auto refused = session.cryptoki().C_SignInit(session.handle(), other, *key);
    REQUIRE(!refused);
    CHECK(refused.error().name() == "CKR_MECHANISM_INVALID");
    CHECK(session.cryptoki().C_SignInit(session.handle(), asked_for, *key));
}

TEST_CASE("mechanism: ECDSA signatures are low-S and verify in another library") {
    TokenFixture fixture;
    REQUIRE(generate_key(fixture.session(), KeyKind::secp256k1, KeyUse::sign, "k").has_value());
    REQUIRE(generate_key(fixture.session(), KeyKind::p256, KeyUse::sign, "p").has_value());
    const auto k_point = ec_point(fixture.session(), public_key(fixture.session(), "k")).value();
    const auto p_point = ec_point(fixture.session(), public_key(fixture.session(), "p")).value();
    for (std::uint64_t i = 0; i < 16; ++i) {  // half of a token's signatures come out high
        vault::SignedCheckpoint c{{i, {}, {}}, {}};
        const Hash256 digest = vault::checkpoint_digest(c.checkpoint);
        const auto k = sign_ecdsa(fixture.session(), private_key(fixture.session(), "k"), Curve::secp256k1, digest);
        REQUIRE(k.has_value());
        CHECK(chain::verify_ecdsa(digest, *k, k_point, chain::LowS::required));
        c.signature = sign_ecdsa(fixture.session(), private_key(fixture.session(), "p"), Curve::p256, digest).value();
        CHECK(vault::verify_checkpoint(p_point, c));
        c.checkpoint.seq ^= 1;
        CHECK(!vault::verify_checkpoint(p_point, c));
    }
}

TEST_CASE("mechanism: low S is order minus S, just over the half and not at it") {
    Signature64 s{};
    const auto half = array_from_hex<32>("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0").value();
    std::ranges::copy(half, s.begin() + 32);
    const Signature64 at_half = s;
    make_low_s(Curve::secp256k1, s);
    CHECK(s == at_half);
    s[63] = std::byte{0xa1};
    make_low_s(Curve::secp256k1, s);
    CHECK(s == at_half);  // n - (n+1)/2 = (n-1)/2
    Signature64 last{};
    std::ranges::copy(array_from_hex<32>("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550").value(),
                      last.begin() + 32);
    make_low_s(Curve::p256, last);
    Signature64 one{};
    one[63] = std::byte{1};
    CHECK(last == one);
}

TEST_CASE("mechanism: AES-CMAC gives RFC 4493's four examples") {
    TokenFixture fixture;
    const Object key = fixture.import_aes(from_hex("2b7e151628aed2a6abf7158809cf4f3c").value(), KeyUse::sign);
    const Buffer message = from_hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                                    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710").value();
    const auto mac_of = [&](std::size_t size) {
        return to_hex(cmac(fixture.session(), key.handle(), Bytes(message).first(size)).value());
    };
    CHECK(mac_of(0) == "bb1d6929e95937287fa37d129b756746");
    CHECK(mac_of(16) == "070a16b46b4d4144f79bdd9dd04a287c");
    CHECK(mac_of(40) == "dfa66747de9ae63030ca32611497c827");
    CHECK(mac_of(64) == "51f0bebf7e3b9d92fc49741779363cfe");
}

TEST_CASE("mechanism: AES-CMAC agrees with Wycheproof") {
    const auto file = wycheproof("aes_cmac_test.json");
    if (file.is_null()) {
        MESSAGE("skipped: no ../shared/vectors");
        return;
    }
    TokenFixture fixture;
    std::size_t checked = 0;
    for (const auto& group : file.at("testGroups")) {
        const auto key_bits = group.at("keySize").get<int>();
        if ((key_bits != 128 && key_bits != 256) || group.at("tagSize") != 128) continue;
        for (const auto& test : group.at("tests")) {
            CAPTURE(test.at("tcId").get<int>());
            const Object key = fixture.import_aes(hex(test.at("key")), KeyUse::sign);
            const auto mac = cmac(fixture.session(), key.handle(), hex(test.at("msg"))).value();
            CHECK(equal_constant_time(mac, hex(test.at("tag"))) == (test.at("result") == "valid"));
            ++checked;
        }
    }
    CHECK(checked > 100);
}

TEST_CASE("mechanism: AES-GCM agrees with Wycheproof, both ways, and a wrong tag does not lose the token") {
    const auto file = wycheproof("aes_gcm_test.json");
    if (file.is_null()) {
        MESSAGE("skipped: no ../shared/vectors");
        return;
    }
    TokenFixture fixture;
    std::size_t checked = 0;
    for (const auto& group : file.at("testGroups")) {
        const auto key_bits = group.at("keySize").get<int>();
        if ((key_bits != 128 && key_bits != 256) || group.at("ivSize") != 96 || group.at("tagSize") != 128) continue;
        for (const auto& test : group.at("tests")) {
            CAPTURE(test.at("tcId").get<int>());
            const Object key = fixture.import_aes(hex(test.at("key")), KeyUse::encrypt);
            const auto nonce = array_from_hex<12>(test.at("iv").get<std::string>()).value();
            const Buffer aad = hex(test.at("aad"));
            Buffer sealed = hex(test.at("ct"));
            const Buffer tag = hex(test.at("tag"));
            sealed.insert(sealed.end(), tag.begin(), tag.end());
            const auto plain = gcm_decrypt(fixture.session(), key.handle(), nonce, aad, sealed);
            if (test.at("result") == "valid") {
                REQUIRE(plain.has_value());
                CHECK(equal_constant_time(plain->reveal(), hex(test.at("msg"))));
                CHECK(gcm_encrypt(fixture.session(), key.handle(), nonce, aad, hex(test.at("msg"))).value() == sealed);
            } else {
                REQUIRE(!plain);
                CHECK(plain.error().name() == "CKR_ENCRYPTED_DATA_INVALID");
            }
            ++checked;
        }
    }
    CHECK(checked > 50);
}

}  // namespace giro::test
