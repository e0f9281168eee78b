// The simulators' PIN software against the vault's own, which it does not share a line with, and against published
// values.
#include <doctest/doctest.h>

#include "appliance/giro/demo.hpp"
#include "hsm/payment/pin_translate.hpp"
#include "hsm/payment/pin_verify.hpp"
#include "payment/pin_device.hpp"
#include "tests/hsm/payment/support.hpp"

using namespace giro;
using namespace giro::hsm;
using namespace giro::test;

namespace {
constexpr const char* kTdes = "0123456789abcdeffedcba9876543210";
constexpr const char* kAes = "fedcba9876543210f1f1f1f1f1f1f1f1";
const Pan kPan = *Pan::parse("5413330089604111");

class Counting final : public Random {
  public:
    void fill(MutableBytes out) override {
        for (std::byte& b : out) b = static_cast<std::byte>(++m_last);
    }

  private:
    std::uint8_t m_last = 0;
};
Secret key_of(const char* digits_text) {
    return Secret(hex(digits_text));
}
}  // namespace

TEST_CASE("PIN device: its blocks open in the vault, and the vault's in it; of another card they do not") {
    TokenFixture token;
    const Object tdes = tdes_key(token, hex(kTdes)), aes = token_key(token, Cipher::aes, hex(kAes));
    Counting random;
    const Pan other = *Pan::parse("5413330089604129");
    for (const std::string pin : {"1234", "0000", "123456789012"}) {
        CAPTURE(pin);
        const Buffer iso0 = payment::seal_pin_iso0(key_of(kTdes), pin, kPan);
        const Buffer iso4 = payment::seal_pin_iso4(key_of(kAes), pin, kPan, random);
        ClearPin clear;
        CHECK(decipher_pin(token.session(), PinKey({tdes.handle(), Cipher::tdes}), PinFormat::iso0, iso0, kPan, clear)
                  .value());
        CHECK(text_of(clear.digits()) == pin);
        CHECK(decipher_pin(token.session(), PinKey({aes.handle(), Cipher::aes}), PinFormat::iso4, iso4, kPan, clear)
                  .value());
        CHECK(text_of(clear.digits()) == pin);
        CHECK_FALSE(
            decipher_pin(token.session(), PinKey({aes.handle(), Cipher::aes}), PinFormat::iso4, iso4, other, clear)
                .value());
        REQUIRE(clear.assign(digits(pin)));
        for (const PinFormat format : {PinFormat::iso0, PinFormat::iso3, PinFormat::iso4}) {
            Buffer block(block_bytes(format));
            const bool is_aes = format == PinFormat::iso4;
            REQUIRE(
                encipher_pin(token.session(),
                             PinKey(is_aes ? KeyRef{aes.handle(), Cipher::aes} : KeyRef{tdes.handle(), Cipher::tdes}),
                             format, clear, kPan, block)
                    .value());
            CHECK(payment::open_pin(key_of(is_aes ? kAes : kTdes), block, kPan) == pin);
            if (is_aes) CHECK_FALSE(payment::open_pin(key_of(kAes), block, other));
        }
    }
    CHECK_FALSE(payment::open_pin(key_of(kTdes), Buffer(8), kPan));
    CHECK_FALSE(payment::open_pin(key_of(kTdes), Buffer(9), kPan));
}

TEST_CASE("PIN device: PVV and offset are the vault's") {
    TokenFixture token;
    const char* pvk = "233220ccddcc322315c44c2a51a2dffd";
    const Object key = tdes_key(token, hex(pvk));
    for (std::uint32_t card = 1; card <= 20; ++card) {
        const Pan pan = *Pan::parse(demo::pan("970001", card));
        const std::string pin = demo::pin("970001", card);
        REQUIRE(payment::is_pin(pin));
        ClearPin clear;
        REQUIRE(clear.assign(digits(pin)));
        CHECK(payment::visa_pvv(key_of(pvk), 1, pin, pan) ==
              text_of(visa_pvv(token.session(), key.handle(), 1, clear, pan).value()));
        Ibm3624 how{{}, 0, 15, 15};
        const Buffer table = digits("0123456789012345");
        std::ranges::copy(table, how.table.begin());
        Wiped<16> natural;
        REQUIRE(ibm_natural_pin(token.session(), key.handle(), how, pan, natural).has_value());
        CHECK(payment::ibm_offset(key_of(pvk), {"0123456789012345", 0, 15, 15}, pin, pan) ==
              text_of(ibm_offset(clear, natural)));
    }
}

TEST_CASE("PIN device: the demo's cards have PINs of four digits, not all the same") {
    CHECK(demo::pin("970001", 1).size() == 4);
    CHECK(demo::pin("970001", 1) != demo::pin("970001", 2));
    CHECK(demo::pin("970001", 1) != demo::pin("970002", 1));
    for (const char* bad : {"", "123", "1234567890123", "12a4"}) CHECK_FALSE(payment::is_pin(bad));
}
