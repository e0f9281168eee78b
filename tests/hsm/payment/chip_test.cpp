// The verb on chip cards' cryptograms, and its ledger of their counters. The standard's vectors (pyemv's) for both
// versions; for the ledger, cards in software, which must agree with them.
#include "iso8583/chip.hpp"
#include "payment/chip_card.hpp"
#include "tests/hsm/payment_verbs.hpp"
#include "util/bytes.hpp"

namespace giro::test {

using namespace hsm;
using vault::ArqcUse;
using vault::ArqcVerdict;
using vault::KeyName;

namespace {
Secret master() {
    return Secret(hex(kTdesValue));
}

// A card of the software kind, under imk of payment_verbs.hpp.
struct SoftCard {
    Pan pan = *Pan::parse("9700010000000013");
    std::uint8_t cvn = 10;
    std::uint8_t psn = 1;

    [[nodiscard]] payment::ChipPurchase purchase(std::uint16_t atc, payment::ChipAnswer type) const {
        payment::ChipPurchase p;
        p.type = type;
        p.cvn = cvn;
        p.psn = psn;
        p.atc = atc;
        p.amount = 1'250;
        p.currency = 963;
        p.date = FixedText<6>("261123");
        p.unpredictable[0] = std::byte{7};
        return p;
    }
    [[nodiscard]] Secret key() const { return payment::chip_card_key(master(), pan, psn); }
};

struct ChipBox : BoxFixture {
    SoftCard card;
    ChipBox() { add_payment_keys(*this); }

    // What the switch makes of the card's DE55, parsed as it parses.
    vault::ArqcVerify::Item item(std::uint16_t atc, ArqcUse use, std::uint8_t request = 1) {
        const auto type = use == ArqcUse::advice ? payment::ChipAnswer::tc : payment::ChipAnswer::arqc;
        const Buffer field = payment::chip_field(card.key(), card.purchase(atc, type));
        static const auto dialect =
            iso8583::load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml").value();
        iso8583::Message message;
        message.set(iso8583::kChipField, field);
        m_chip = iso8583::chip_data_of(dialect, message);
        REQUIRE(m_chip.state == iso8583::ChipData::State::whole);
        vault::ArqcVerify::Item out;
        out.key = KeyName("imk");
        out.pan = card.pan;
        out.psn = m_chip.psn;
        out.cvn = m_chip.cvn;
        out.data = m_chip.data();
        out.arqc = m_chip.cryptogram;
        out.code_approved = hex_array<2>("3030");
        out.code_declined = hex_array<2>("3035");
        out.csu_approved = hex_array<4>("00800000");
        out.use = use;
        out.request[0] = static_cast<std::byte>(request);
        return out;
    }
    vault::ArqcVerify::Result ask(const vault::ArqcVerify::Item& one) {
        return get<vault::ArqcVerify>({{one}}, kSwitch).results.at(0);
    }
    ArqcVerdict verdict(std::uint16_t atc, ArqcUse use = ArqcUse::online, std::uint8_t request = 1) {
        return ask(item(atc, use, request)).verdict;
    }

  private:
    iso8583::ChipData m_chip;
};
}  // namespace

TEST_CASE("chip verb: the standard's ARQC and ARPC for CVN 10 and 18; anything else is no cryptogram of this card") {
    BoxFixture box;
    add_payment_keys(box);
    const Buffer common = hex("0000000040000000000000000124800004800001241911050152bf45851800001c");
    Buffer ten = common, eighteen = common;
    const Buffer cvr = hex("03a06010"), iad = hex("06011203a0b800");
    ten.insert(ten.end(), cvr.begin(), cvr.end());
    eighteen.insert(eighteen.end(), iad.begin(), iad.end());
    vault::ArqcVerify::Item item;
    item.key = KeyName("imk");
    item.pan = *Pan::parse("1234567890123456");
    item.data = ten;
    item.arqc = hex_array<8>("29cca15ae665fa2e");
    item.code_approved = hex_array<2>("3030");
    item.code_declined = hex_array<2>("3035");
    const auto ask = [&] { return box.get<vault::ArqcVerify>({{item}}, kSwitch).results.at(0); };
    CHECK(ask().verdict == ArqcVerdict::good);
    CHECK(to_hex(ask().arpc_approved) == "28993816afae4aeb");
    CHECK(ask().arpc_declined.size() == 8);
    CHECK(ask().arpc_declined != ask().arpc_approved);
    item.cvn = 18;
    item.option_b = true;
    item.data = eighteen;
    CHECK(ask().verdict == ArqcVerdict::wrong);
    CHECK(ask().arpc_approved.empty());
    item.arqc = hex_array<8>("7a788ea6b8a3e733");
    item.use = ArqcUse::advice;  // an ARQC whose counter was counted online
    CHECK(ask().verdict == ArqcVerdict::used);
    CHECK(ask().arpc_approved.empty());
    item.use = ArqcUse::online;
    CHECK(ask().verdict == ArqcVerdict::used);
    CHECK(ask().arpc_approved.empty());
    item.cvn = 17;
    CHECK(ask().verdict == ArqcVerdict::refused);
    item.cvn = 18;
    item.psn = 100;
    CHECK(ask().verdict == ArqcVerdict::refused);
    item.psn = 0;
    for (const char* key : {"zone", "nothing"}) {
        item.key = KeyName(key);
        CHECK(ask().verdict == ArqcVerdict::refused);
    }
    item.key = KeyName("imk");
    item.data = Bytes(eighteen).first(39);  // without all of the card verification results
    CHECK(ask().verdict == ArqcVerdict::refused);
    item.cvn = 10;
    item.data = Bytes(ten).first(36);
    CHECK(ask().verdict == ArqcVerdict::refused);
    item.cvn = 18;
    item.data = eighteen;
    item.pan = Pan();
    CHECK(ask().verdict == ArqcVerdict::refused);
}

TEST_CASE("chip verb: ARPC by method 2 of CVN 18 over the card status update") {
    BoxFixture box;
    add_payment_keys(box);
    const Buffer data = hex("0000000040000000000000000124800004800001241911050152bf45851800001c06011203a0b800");
    vault::ArqcVerify::Item item{KeyName("imk"), *Pan::parse("1234567890123456"), 0, true, 18,
                                 data,           hex_array<8>("7a788ea6b8a3e733")};
    const auto result = box.get<vault::ArqcVerify>({{item}}, kSwitch).results.at(0);
    CHECK(to_hex(result.arpc_approved) == "9af514c1");
}

TEST_CASE("chip verb: a card in software and the token agree, and the card takes the token's answers") {
    ChipBox box;
    std::uint16_t atc = 0;
    for (const std::uint8_t cvn : {std::uint8_t{10}, std::uint8_t{18}}) {
        CAPTURE(static_cast<int>(cvn));
        box.card.cvn = cvn;
        auto item = box.item(++atc, ArqcUse::online);
        const auto result = box.ask(item);
        REQUIRE(result.verdict == ArqcVerdict::good);
        const auto purchase = box.card.purchase(atc, payment::ChipAnswer::arqc);
        const auto tag = [&](Buffer arpc, Bytes behind) {
            arpc.insert(arpc.end(), behind.begin(), behind.end());
            return arpc;
        };
        const Buffer yes =
            cvn == 10 ? tag(result.arpc_approved, item.code_approved) : tag(result.arpc_approved, item.csu_approved);
        const Buffer no =
            cvn == 10 ? tag(result.arpc_declined, item.code_declined) : tag(result.arpc_declined, item.csu_declined);
        CHECK(payment::is_issuers_answer(box.card.key(), purchase, item.arqc, yes, true));
        CHECK(payment::is_issuers_answer(box.card.key(), purchase, item.arqc, no, false));
        CHECK(!payment::is_issuers_answer(box.card.key(), purchase, item.arqc, no, true));
        CHECK(!payment::is_issuers_answer(box.card.key(), purchase, item.arqc, yes, false));
        for (std::size_t i = 0; i < yes.size(); ++i) {
            Buffer other = yes;
            other[i] ^= std::byte{1};
            CHECK(!payment::is_issuers_answer(box.card.key(), purchase, item.arqc, other, true));
        }
    }
}

TEST_CASE("chip ledger: online a counter is good once and never goes back, also not by a restart") {
    ChipBox box;
    CHECK(box.verdict(5) == ArqcVerdict::good);
    CHECK(box.verdict(5, ArqcUse::online, 2) == ArqcVerdict::used);  // another request with the same cryptogram
    CHECK(box.verdict(4) == ArqcVerdict::used);
    CHECK(box.verdict(0) == ArqcVerdict::used);
    CHECK(box.verdict(7) == ArqcVerdict::good);
    CHECK(box.verdict(6) == ArqcVerdict::used);
    box.restart();
    CHECK(box.verdict(7, ArqcUse::online, 2) == ArqcVerdict::used);
    CHECK(box.verdict(8) == ArqcVerdict::good);
    box.card.psn = 2;  // another card of the same number counts for itself
    CHECK(box.verdict(1) == ArqcVerdict::good);
    box.card.psn = 1;
    CHECK(box.verdict(65'535) == ArqcVerdict::good);
}

TEST_CASE("chip ledger: the last request is answered again, with the same ARPC, and counts nothing") {
    ChipBox box;
    const auto first = box.ask(box.item(5, ArqcUse::online));
    for (const ArqcUse use : {ArqcUse::online, ArqcUse::again}) {
        const auto again = box.ask(box.item(5, use));
        CHECK(again.verdict == ArqcVerdict::good);
        CHECK(again.arpc_approved == first.arpc_approved);
        CHECK(again.arpc_declined == first.arpc_declined);
    }
    CHECK(box.verdict(9, ArqcUse::again) == ArqcVerdict::used);  // never counted
    CHECK(box.verdict(5, ArqcUse::again, 2) == ArqcVerdict::used);
    CHECK(box.verdict(6) == ArqcVerdict::good);
    CHECK(box.verdict(5, ArqcUse::again) == ArqcVerdict::used);  // the card has gone on
}

TEST_CASE("chip ledger: a wrong cryptogram moves no counter") {
    ChipBox box;
    auto item = box.item(9, ArqcUse::online);
    for (std::size_t i = 0; i < item.arqc.size(); ++i) {
        auto wrong = item;
        wrong.arqc[i] ^= std::byte{1};
        CHECK(box.ask(wrong).verdict == ArqcVerdict::wrong);
        wrong.use = ArqcUse::advice;
        CHECK(box.ask(wrong).verdict == ArqcVerdict::wrong);
    }
    CHECK(box.verdict(1) == ArqcVerdict::good);
}

TEST_CASE(
    "chip ledger: advices are good once each, in any order, back to the window; online ones are beyond all of them") {
    ChipBox box;
    CHECK(box.verdict(10) == ArqcVerdict::good);
    CHECK(box.verdict(8, ArqcUse::advice, 2) == ArqcVerdict::good);
    CHECK(box.verdict(8, ArqcUse::advice, 2) == ArqcVerdict::good);  // the same one again: its sale was refused before
    CHECK(box.verdict(8, ArqcUse::advice, 3) == ArqcVerdict::used);
    CHECK(box.verdict(10, ArqcUse::advice, 4) == ArqcVerdict::good);  // what the online payment ended with
    CHECK(box.verdict(12, ArqcUse::advice, 5) == ArqcVerdict::good);
    CHECK(box.verdict(11) == ArqcVerdict::used);
    CHECK(box.verdict(11, ArqcUse::advice, 6) == ArqcVerdict::good);
    CHECK(box.verdict(8, ArqcUse::advice, 7) == ArqcVerdict::used);
    CHECK(box.verdict(41) == ArqcVerdict::good);
    CHECK(box.verdict(10, ArqcUse::advice, 8) == ArqcVerdict::used);  // remembered across the window's width
    CHECK(box.verdict(9, ArqcUse::advice, 9) == ArqcVerdict::used);   // too far back to tell
    CHECK(box.verdict(13, ArqcUse::advice, 9) == ArqcVerdict::good);
    CHECK(box.verdict(0, ArqcUse::advice, 9) == ArqcVerdict::used);
    box.restart();
    CHECK(box.verdict(13, ArqcUse::advice, 10) == ArqcVerdict::used);
    CHECK(box.verdict(1'000, ArqcUse::advice, 11) == ArqcVerdict::good);
    CHECK(box.verdict(999, ArqcUse::advice, 12) == ArqcVerdict::good);
    CHECK(box.verdict(1'064) == ArqcVerdict::good);  // two windows on: what advices used is out of sight
    CHECK(box.verdict(1'064, ArqcUse::advice, 13) == ArqcVerdict::good);
}

TEST_CASE("chip ledger: an ARQC that an advice brings is good once in all, and not after the card has paid with it") {
    ChipBox box;
    CHECK(box.verdict(5) == ArqcVerdict::good);
    const auto as_advice = [&](std::uint16_t atc, std::uint8_t request) {
        auto item = box.item(atc, ArqcUse::online, request);  // makes an ARQC
        item.use = ArqcUse::advice;
        return box.ask(item);
    };
    CHECK(as_advice(5, 2).verdict == ArqcVerdict::used);
    CHECK(as_advice(4, 2).verdict == ArqcVerdict::used);
    CHECK(as_advice(6, 3).verdict == ArqcVerdict::good);
    CHECK(as_advice(6, 3).verdict == ArqcVerdict::good);  // the same one again
    CHECK(as_advice(6, 4).verdict == ArqcVerdict::used);
    CHECK(box.verdict(6) == ArqcVerdict::used);
}

TEST_CASE("chip card in software: a verification value is the box's own") {
    BoxFixture box;
    add_payment_keys(box);
    const Pan pan = *Pan::parse("4123456789012345");
    CHECK(payment::card_verification_value(Secret(hex(kTdesValue)), pan, "8701", "101") ==
          "561");  // Visa's example, as card_test
    for (const char* service : {"101", "999", "000"}) {
        const std::string value = payment::card_verification_value(Secret(hex(kTdesValue)), pan, "4912", service);
        const vault::CvvVerify::Item item{KeyName("cvk"), pan, FixedText<4>("4912"), FixedText<3>(service),
                                          FixedText<3>(value)};
        CHECK(box.get<vault::CvvVerify>({{item}}, kSwitch).good.at(0));
    }
}

}  // namespace giro::test
