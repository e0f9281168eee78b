// The pipeline and what proves a card: chips, and the verification values of stripe and print.
#include "tests/switch/pipeline_fixture.hpp"

namespace giro::appliance {

TEST_CASE("pipeline: a chip on us is verified by its product, and its answer has the issuer's, of an approval and of a refusal") {
    Fixture f;
    f.buy_by(1, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.vault.chips == std::vector<std::string>{"alpha.imk cvn 10 psn 1 use 1 codes 3030 3035 csu 00800000 00000000"});
    CHECK(f.heard[0].code == "00");
    CHECK(f.heard[0].chip == "910aa5a5a5a5a5a5a5a53030");
    // The same once more: the same answer, and nothing is counted.
    f.buy_by(1, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.vault.chips.back().find("use 2") != std::string::npos);
    CHECK(f.heard[1].code == "00");
    CHECK(f.heard[1].chip == f.heard[0].chip);
    CHECK(f.payments() == 1);
}

TEST_CASE("pipeline: a chip payment that is declined for want of money has the issuer's refusal for the card") {
    Fixture f([](config::Config& config) { config.switching.payment_max = 50; });
    f.buy_by(1, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "61");
    CHECK(f.heard[0].chip == "910a5a5a5a5a5a5a5a5a3035");
}

TEST_CASE("pipeline: CVN 18's answer is four bytes of ARPC and the card status update of its product") {
    Fixture f([](config::Config& config) {
        config.card_products[0].cvns = {18};
        config.card_products[0].csu = {std::byte{1}, std::byte{0x82}, std::byte{3}, std::byte{4}};
        config.card_products[0].chip_option_b = true;
    });
    f.buy_by(1, f.chip_of(100, payment::ChipAnswer::arqc, 18));
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.vault.chips == std::vector<std::string>{"alpha.imk cvn 18 psn 1 use 1 codes 3030 3035 csu 01820304 01020304"});
    CHECK(f.heard[0].chip == "910ca5a5a5a5a5a5a5a501820304");  // the double's ARPC has 8 bytes
}

TEST_CASE("pipeline: a cryptogram that is wrong, or used, is 82 without an issuer's answer; one over another amount is not asked about") {
    Fixture f;
    f.vault.arqc_verdict = vault::ArqcVerdict::wrong;
    f.buy_by(1, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.vault.arqc_verdict = vault::ArqcVerdict::used;
    f.buy_by(2, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    f.vault.arqc_verdict = vault::ArqcVerdict::refused;
    f.buy_by(3, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.vault.chips.size() == 3);
    f.buy_by(4, f.chip_of(99));
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.vault.chips.size() == 3);
    const std::vector<std::string> codes{f.heard[0].code, f.heard[1].code, f.heard[2].code, f.heard[3].code};
    CHECK(codes == std::vector<std::string>{"82", "82", "30", "12"});
    for (const auto& heard : f.heard) CHECK(heard.chip.empty());
}

TEST_CASE("pipeline: a vault that fails at the chip decides nothing, and the same request is asked about anew") {
    Fixture f;
    f.vault.holds = true;
    f.buy_by(1, f.chip_of(100));
    const auto next = [&](MessageType type) {
        REQUIRE(f.until([&] { return !f.vault.held.empty(); }));
        CHECK(f.vault.held[0].type == static_cast<std::uint16_t>(type));
        f.vault.release(0);
    };
    next(MessageType::vault_mac_verify);
    next(MessageType::vault_protect_pan);
    REQUIRE(f.until([&] { return !f.vault.held.empty(); }));
    f.vault.status = Status::token_absent;
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "91");
    CHECK_FALSE(f.heard[0].has_mac);
    CHECK(f.payments() == 0);
    f.vault.status = Status::ok;
    f.vault.holds = false;
    f.buy_by(1, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "00");
    CHECK(f.vault.chips.back().find("use 1") != std::string::npos);
}

TEST_CASE("pipeline: the cryptogram of an offline sale is asked about as an advice's, once, and is an entry") {
    Fixture f;
    f.vault.arqc_verdict = vault::ArqcVerdict::used;
    f.buy_by(1, f.chip_of(100, payment::ChipAnswer::tc), "9700010000000013", pos::Form::completion);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "00");
    CHECK(f.heard[0].chip.empty());
    REQUIRE(f.vault.chips.size() == 1);
    CHECK(f.vault.chips[0].find("use 3") != std::string::npos);
    f.buy_by(1, f.chip_of(100, payment::ChipAnswer::tc), "9700010000000013", pos::Form::completion);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "00");
    CHECK(f.vault.chips.size() == 1);
}

TEST_CASE("pipeline: chip data for a link goes out and its issuer's comes back byte for byte, for a repeat too, whatever the dialects") {
    Fixture f([](config::Config& config) {
        config.ports = {{"new", {}, false, "iso2003", {}}};
        config.links.at(0).dialect = "iso1987-ebcdic";
    });
    f.link_up();
    const Buffer said = *from_hex("9f2608ffeeddccbbaa99889f3602000171099f1804deadbeef8600df7f0201ff");
    std::uint32_t stan = 0;
    for (const std::uint8_t dialect : {std::uint8_t{0}, std::uint8_t{1}}) {
        CAPTURE(int{dialect});
        const std::uint32_t this_stan = ++stan;
        f.heard.clear();
        f.buy_by(this_stan, {said, {}, {}}, "9700030000000011", pos::Form::purchase, dialect);
        REQUIRE(f.until([&] { return f.link_frames == this_stan; }));
        CHECK(f.vault.chips.empty());
        iso8583::Message sent;
        REQUIRE(iso8583::unpack(f.dialects[2], f.to_link, sent).has_value());
        CHECK(to_hex(sent.bytes(55)) == to_hex(said));
        const Buffer back = *from_hex("910a112233445566778830307107" "86058418000000" "8a023030");
        f.link_answers(f.dialects[2], "00", back);
        REQUIRE(f.until([&] { return f.heard.size() == 1; }));
        CHECK(f.heard[0].chip == to_hex(back));
        f.buy_by(this_stan, {said, {}, {}}, "9700030000000011", pos::Form::purchase, dialect);
        REQUIRE(f.until([&] { return f.heard.size() == 2; }));
        CHECK(f.heard[1].chip == to_hex(back));
    }
}

TEST_CASE("pipeline: verification values of track 2 and of the print are verified by the product's key; of a chip, the chip's") {
    Fixture f;
    f.buy_by(1, {{}, "9700010000000013=49122010000056199", {}});
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.buy_by(2, {{}, {}, "123"});
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    auto both = f.chip_of(100);
    both.track2 = "9700010000000013=49122010000056199";
    f.buy_by(3, both);
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.vault.values == std::vector<std::string>{"alpha.cvk 4912 201 561", "alpha.cvk 4912 000 123", "alpha.cvk 4912 999 561"});
    for (const auto& heard : f.heard) CHECK(heard.code == "00");
    f.buy_by(2, {{}, {}, "124"});  // a repeat is not asked about
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.heard[3].code == "00");
    CHECK(f.vault.values.size() == 3);
}

TEST_CASE("pipeline: a wrong value is 82 or N7; a track of another card, or one that is none, has no value at all") {
    Fixture f;
    f.vault.values_good = false;
    f.buy_by(1, {{}, "9700010000000013=49122010000056199", {}});
    f.buy_by(2, {{}, {}, "123"});
    f.buy_by(3, {{}, "9700010000000021=49122010000056199", {}});
    f.buy_by(4, {{}, "9700010000000013=4912201", {}});
    f.buy_by(5, {{}, {}, "12"});
    // Both: the answer says what was sent, not which was wrong, right or locked.
    f.buy_by(6, {{}, "9700010000000013=49122010000056199", "123"});
    REQUIRE(f.until([&] { return f.heard.size() == 6; }));
    CHECK(f.heard[5].code == "N7");
    CHECK(f.heard[0].code == "82");
    CHECK(f.heard[1].code == "N7");
    CHECK(f.heard[2].code == "82");
    CHECK(f.heard[3].code == "82");
    CHECK(f.heard[4].code == "N7");
    CHECK(f.vault.values == std::vector<std::string>{"alpha.cvk 4912 201 561", "alpha.cvk 4912 000 123", "alpha.cvk 4912 201 ",
                                                     "alpha.cvk 4912 201 ", "alpha.cvk 4912 000 ",
                                                     "alpha.cvk 4912 201 561", "alpha.cvk 4912 000 123 too"});
}

TEST_CASE("pipeline: the stripe of a card with a chip is a fallback, whatever DE22 says; so is a stripe without a track") {
    Fixture f([](config::Config& config) { config.card_products[0].fallback = false; });
    f.buy_by(1, {{}, "9700010000000013=49122010000056199", {}});
    f.buy_by(2, {{}, "9700010000000013=49121010000056199", {}});  // no chip, it says: but its product's cards have one
    f.buy_by(3, {{}, "9700010000000013=4912", {}});
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    for (const auto& heard : f.heard) CHECK(heard.code == "57");
}

TEST_CASE("pipeline: what an issuer's host echoes of a card is not kept for repeats") {
    Fixture f;
    f.link_up();
    const Buffer said = *from_hex("9f2608ffeeddccbbaa9988");
    f.buy_by(1, {said, {}, {}}, "9700030000000011");
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    const Buffer back = *from_hex("910a112233445566778830305a089700030000000011");
    f.link_answers(f.dialects[0], "00", back);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].chip == to_hex(back));
    f.buy_by(1, {said, {}, {}}, "9700030000000011");
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "00");
    CHECK(f.heard[1].chip.empty());
}

TEST_CASE("pipeline: what a chip shows or is printed makes no stripe") {
    Fixture f;
    f.buy_by(1, {{}, "9700010000000013=49129990000056199", {}});  // iCVV's service code
    f.buy_by(2, {{}, "9700010000000013=49120000000056199", {}});  // CVV2's
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.vault.values == std::vector<std::string>{"alpha.cvk 4912 999 ", "alpha.cvk 4912 000 "});
}

TEST_CASE("pipeline: an AAC passed off as an ARQC is what the card said: 05, and nobody is asked") {
    Fixture f;
    auto said_no = f.chip_of(100, payment::ChipAnswer::aac);
    const auto information = iso8583::chip_tag(said_no.chip, 0x9F27);
    REQUIRE(information.has_value());
    said_no.chip[static_cast<std::size_t>(information->data() - said_no.chip.data())] = std::byte{0x80};
    f.buy_by(1, said_no);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "05");
    CHECK(f.vault.chips.empty());
}

}  // namespace giro::appliance
