// CVVs and EMV cryptograms of on-us cards: the Visa sample set, and pyemv's vectors (checked there against an HSM).
#include "hsm/payment/cvv.hpp"
#include "hsm/payment/emv.hpp"
#include "tests/hsm/payment/support.hpp"

namespace giro::test {

using namespace hsm;

namespace {
constexpr const char* kIssuerMaster = "0123456789abcdeffedcba9876543210";

Pan pan_of(std::string_view text) {
    return Pan::parse(text).value();
}

// A card whose session key is the common one of the 8 bytes R = 1234567890123456 is not CVN 18's (ATC || 00…); so the
// vectors that use it are checked through the key data alone; these with an ATC through the whole way.
struct Row {
    const char* pan;
    std::uint8_t psn;
    IccKeyOption option;
    const char* kcv;  // of the ICC master key
};
}  // namespace

TEST_CASE("CVV: the Visa sample set and others, the stripe's service code, iCVV and CVV2") {
    TokenFixture token;
    struct Sample {
        const char* cvk;
        const char* pan;
        const char* expiry;
        const char* service_code;
        const char* cvv;
    };
    constexpr const char* kSet = "0123456789abcdeffedcba9876543210";
    const Sample rows[] = {{kSet, "4123456789012345", "8701", "101", "561"},
                           {kSet, "4999988887777000", "9105", "111", "245"},
                           {kSet, "4666655554444111", "9206", "120", "664"},
                           {kSet, "4333322221111222", "9307", "141", "382"},
                           {"99999999999999998888888888888888", "2222222222222222", "3333", "111", "361"},
                           {"4c37c8319d76adab58d9431543c2165b", "4433678298261175", "0916", "101", "478"}};
    for (const Sample& row : rows) {
        CAPTURE(row.pan);
        const Buffer value = hex(row.cvk);
        const Object pair = tdes_key(token, value), left = left_key(token, value);
        const CvvKey key{pair.handle(), left.handle()};
        CHECK(text_of(cvv(token.session(), key, pan_of(row.pan), row.expiry, row.service_code).value()) == row.cvv);
        CHECK(text_of(cvv(token.session(), key, pan_of(row.pan), row.expiry, kServiceCodeCvv2).value()) !=
              text_of(cvv(token.session(), key, pan_of(row.pan), row.expiry, kServiceCodeIcvv).value()));
        CHECK(cvv(token.session(), key, pan_of(row.pan), "87", row.service_code).error().name() == "CKR_ARGUMENTS_BAD");
        CHECK(!cvv(token.session(), key, pan_of(row.pan), row.expiry, "1x1"));
    }
}

TEST_CASE("EMV: ICC master keys by option A and B") {
    TokenFixture token;
    const Object master = tdes_key(token, hex(kIssuerMaster));
    const Row rows[] = {
        {"9901234567890123", 45, IccKeyOption::a, "1da5"},  {"12345678901234567", 45, IccKeyOption::a, "ff08"},
        {"1234567890123456", 0, IccKeyOption::a, "bab0"},   {"1234567890123456", 0, IccKeyOption::b, "bab0"},
        {"12345678901234567", 45, IccKeyOption::b, "0baf"}, {"12345678901234567", 0, IccKeyOption::b, "4626"},
        {"123456789012345679", 0, IccKeyOption::b, "c2f3"}, {"000000000000000005", 23, IccKeyOption::b, "dd73"}};
    for (const Row& row : rows) {
        CAPTURE(row.kcv);
        const auto key =
            card_key(token.session(), master.handle(), pan_of(row.pan), row.psn, row.option, Cvn::cvn10, {}).value();
        CHECK(to_hex(check_value(token.session(), {key.whole.handle(), Cipher::tdes}).value()).substr(0, 4) == row.kcv);
    }
}

TEST_CASE("EMV: CVN 10: ARQC over the card's data and ARPC by method 1") {
    TokenFixture token;
    const Object master = tdes_key(token, hex(kIssuerMaster));
    const Atc atc{std::byte{0x00}, std::byte{0x1c}};
    const auto key =
        card_key(token.session(), master.handle(), pan_of("1234567890123456"), 0, IccKeyOption::a, Cvn::cvn10, atc)
            .value();
    const Buffer data =
        hex("000000004000"
            "000000000000"
            "0124"
            "8000048000"
            "0124"
            "191105"
            "01"
            "52bf4585"
            "1800"
            "001c"
            "03a06010");
    const auto arqc = application_cryptogram(token.session(), key, Cvn::cvn10, data).value();
    CHECK(to_hex(arqc) == "29cca15ae665fa2e");
    CHECK(to_hex(arpc_method1(token.session(), key, arqc, {std::byte{0x30}, std::byte{0x30}}).value()) ==
          "28993816afae4aeb");
    // Every byte of the data counts.
    for (std::size_t i = 0; i < data.size(); ++i) {
        Buffer other = data;
        other[i] ^= std::byte{1};
        CHECK(application_cryptogram(token.session(), key, Cvn::cvn10, other).value() != arqc);
    }
}

TEST_CASE("EMV: CVN 18: session key of the ATC, ARQC with bit padding, ARPC by method 2") {
    TokenFixture token;
    const Object master = tdes_key(token, hex(kIssuerMaster));
    const Atc atc{std::byte{0x00}, std::byte{0x1c}};
    const auto key =
        card_key(token.session(), master.handle(), pan_of("1234567890123456"), 0, IccKeyOption::b, Cvn::cvn18, atc)
            .value();
    CHECK(to_hex(check_value(token.session(), {key.whole.handle(), Cipher::tdes}).value()).substr(0, 4) == "22c8");
    const Buffer data =
        hex("000000004000"
            "000000000000"
            "0124"
            "8000048000"
            "0124"
            "191105"
            "01"
            "52bf4585"
            "1800"
            "001c"
            "06011203a0b800");
    const auto arqc = application_cryptogram(token.session(), key, Cvn::cvn18, data).value();
    CHECK(to_hex(arqc) == "7a788ea6b8a3e733");
    CHECK(to_hex(arpc_method2(token.session(), key, arqc, {}).value()) == "9af514c1");
    CHECK(arpc_method2(token.session(), key, arqc, {}, Buffer(9)).error().name() == "CKR_ARGUMENTS_BAD");
    const auto next = card_key(token.session(), master.handle(), pan_of("1234567890123456"), 0, IccKeyOption::b,
                               Cvn::cvn18, {std::byte{0}, std::byte{0x1d}})
                          .value();
    CHECK(application_cryptogram(token.session(), next, Cvn::cvn18, data).value() != arqc);
}

TEST_CASE("EMV: option B with letters in the hash, and proprietary data in method 2") {
    TokenFixture token;
    const Object master = tdes_key(token, hex(kIssuerMaster));
    const auto key = card_key(token.session(), master.handle(), pan_of("000000000000000005"), 23, IccKeyOption::b,
                              Cvn::cvn18, {std::byte{0x00}, std::byte{0x1c}})
                         .value();
    CHECK(to_hex(check_value(token.session(), {key.whole.handle(), Cipher::tdes}).value()).substr(0, 4) == "04f8");
    const auto arqc =
        application_cryptogram(token.session(), key, Cvn::cvn18,
                               hex("0000000040000000000000000124800004800001241911050152bf45851800001c06011203a0b800"))
            .value();
    CHECK(to_hex(arqc) == "8cad6f2489c640b1");
    CHECK(to_hex(arpc_method2(token.session(), key, arqc, {}, hex("12345678")).value()) == "e39f1876");
    CHECK(cvn_of(10) == Cvn::cvn10);
    CHECK(cvn_of(18) == Cvn::cvn18);
    CHECK(!cvn_of(17));
}

}  // namespace giro::test
