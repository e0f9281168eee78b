// The MACs of terminals and links against published vectors, computed in a real SoftHSM2 token.
#include "hsm/payment/mac.hpp"
#include "tests/hsm/payment/support.hpp"

namespace giro::test {

using namespace hsm;

TEST_CASE("mac: X9.19 of one, several and broken blocks") {
    TokenFixture token;
    // ISO 9797-1:2011 annex B, algorithm 3 with DES, keys 0123456789ABCDEF and FEDCBA9876543210.
    const Buffer value = hex("0123456789abcdeffedcba9876543210");
    const Object whole = tdes_key(token, value), left = left_key(token, value);
    const auto mac = [&](std::string_view text, MacPadding padding) {
        return to_hex(retail_mac(token.session(), whole.handle(), left.handle(), as_bytes(text), padding).value());
    };
    CHECK(mac("Now is the time for all ", MacPadding::zeros) == "a1c72e74ea3fa9b6");
    CHECK(mac("Now is the time for it", MacPadding::zeros) == "2e2b1428cc78254f");
    CHECK(mac("Now is the time for all ", MacPadding::bit) == "e9086230ca3be796");
    CHECK(mac("Now is the time for it", MacPadding::bit) == "5a692ce64f404145");
    // One block alone is triple DES of it (FIPS 46's example block under the pair).
    ByteArray<8> once{};
    REQUIRE(encrypt_ecb(token.session(), {whole.handle(), Cipher::tdes}, as_bytes("Now is t"), once).has_value());
    CHECK(mac("Now is t", MacPadding::zeros) == to_hex(once));
}

TEST_CASE("mac: AES-CMAC of RFC 4493 and HMAC-SHA-256 of RFC 4231, leftmost 8 bytes") {
    TokenFixture token;
    const Object aes = token_key(token, Cipher::aes, hex("2b7e151628aed2a6abf7158809cf4f3c"));
    const MacKey cmac{MacKind::aes_cmac, aes.handle()};
    CHECK(to_hex(mac8(token.session(), cmac, hex("6bc1bee22e409f96e93d7e117393172a")).value()) == "070a16b46b4d4144");
    CHECK(to_hex(mac8(token.session(), cmac, {}).value()) == "bb1d6929e9593728");
    const Object secret = token_key(token, Cipher::hmac, Buffer(20, std::byte{0x0b}));
    const MacKey hmac{MacKind::hmac_sha256, secret.handle()};
    CHECK(to_hex(mac8(token.session(), hmac, as_bytes("Hi There")).value()) == "b0344c61d8db3853");
    ByteArray<32> full{};
    CHECK(full_mac(token.session(), hmac, as_bytes("Hi There"), full).value() == 32);
    CHECK(to_hex(full) == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

TEST_CASE("mac: HMAC-SHA-256 of every Wycheproof vector whose key fits") {
    const auto file = vector_file("wycheproof/hmac_sha256_test.json");
    if (file.is_null()) return;
    TokenFixture token;
    int seen = 0;
    for (const auto& group : file["testGroups"])
        for (const auto& test : group["tests"]) {
            const Buffer value = hex(test["key"]);
            if (!key_size_fits(Cipher::hmac, value.size())) continue;
            const Object key = token_key(token, Cipher::hmac, value);
            ByteArray<32> full{};
            REQUIRE(
                full_mac(token.session(), {MacKind::hmac_sha256, key.handle()}, hex(test["msg"]), full).has_value());
            const Buffer tag = hex(test["tag"]);
            const bool same = std::equal(tag.begin(), tag.end(), full.begin());
            CAPTURE(test["tcId"].get<int>());
            CHECK(same == (test["result"] == "valid"));
            ++seen;
        }
    CHECK(seen > 50);
}

TEST_CASE("secret key: imported and derived keys cannot leave, and are checked for their size") {
    TokenFixture token;
    const Object key = tdes_key(token, hex("0123456789abcdeffedcba9876543210"));
    const auto derived = derive_secret(token.session(), {key.handle(), Cipher::tdes},
                                       hex("00112233445566778899aabbccddeeff"), Cipher::tdes, {.encrypt = true});
    REQUIRE(derived.has_value());
    for (const CK_OBJECT_HANDLE handle : {key.handle(), derived->handle()}) {
        ByteArray<64> clear{};
        std::array<CK_ATTRIBUTE, 1> wanted{{{CKA_VALUE, clear.data(), clear.size()}}};
        CHECK(token.cryptoki().C_GetAttributeValue(token.session().handle(), handle, wanted).error().name() ==
              "CKR_ATTRIBUTE_SENSITIVE");
    }
    CHECK(import_session_key(token.session(), Cipher::tdes, Buffer(24), kEveryUse).error().name() ==
          "CKR_KEY_SIZE_RANGE");
    CHECK(import_session_key(token.session(), Cipher::aes, Buffer(24), kEveryUse).error().name() ==
          "CKR_KEY_SIZE_RANGE");
    CHECK(import_session_key(token.session(), Cipher::hmac, Buffer(15), kEveryUse).error().name() ==
          "CKR_KEY_SIZE_RANGE");
    ByteArray<8> out{};
    CHECK(
        !decrypt_ecb(token.session(), {derived->handle(), Cipher::tdes}, ByteArray<8>{}, out));  // it may encrypt alone
}

TEST_CASE("secret key: the token's check values are those of the clear keys, and the published ones") {
    TokenFixture token;
    struct Row {
        Cipher cipher;
        const char* key;
        const char* kcv;
    };
    const Row rows[] = {{Cipher::tdes, "0123456789abcdeffedcba9876543210", "08d7b4"},  // X9.24-1 test BDK
                        {Cipher::tdes, "5db50b454f8389adce573be50861f2bf", "5c9405"},  // payShield 10k
                        {Cipher::aes, "2b7e151628aed2a6abf7158809cf4f3c", nullptr},
                        {Cipher::aes, "fedcba9876543210f1f1f1f1f1f1f1f1fedcba9876543210f1f1f1f1f1f1f1f1", nullptr},
                        {Cipher::hmac, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", nullptr}};
    for (const Row& row : rows) {
        const Object key = token_key(token, row.cipher, hex(row.key));
        const auto kcv = check_value(token.session(), {key.handle(), row.cipher}).value();
        CHECK(kcv == check_value_of_clear(row.cipher, hex(row.key)));
        if (row.kcv != nullptr) CHECK(to_hex(kcv) == row.kcv);
    }
}

}  // namespace giro::test
