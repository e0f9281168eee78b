// The PIN verbs as their callers see them: which blocks are opened, under which keys, what is translated to what, and how wrong
// PINs are counted.
#include "tests/hsm/payment_verbs.hpp"

namespace giro::test {

using namespace hsm;
using vault::KeyName;

TEST_CASE("PIN verbs: a DUKPT PIN becomes a zone's, once for its KSN") {
    PinBox box;
    const Pan pan = *Pan::parse("4111111111111111");
    const Buffer ksn = ksn_of(1), block = hex("a912150391ab65a67e52883d81ce2d15");  // X9.24-3: PIN 1234
    const vault::PinTranslate::Request request{
        {{{KeyName("bdk.aes"), ksn, vault::PinFormat::iso4, block}, pan, KeyName("zone"), vault::PinFormat::iso0}}};
    // A stranger's block under a later KSN holds no PIN, and burns nothing.
    const Buffer later = ksn_of(9);
    auto strange = request;
    strange.items[0].pin.ksn = later;
    CHECK(box.get<vault::PinTranslate>(strange, kSwitch).blocks.at(0).empty());
    const auto out = box.get<vault::PinTranslate>(request, kSwitch).blocks.at(0);
    ClearPin pin;
    REQUIRE(decipher_pin(box.at().session(), PinKey(box.at().payment_keys.find("zone")->ref()), PinFormat::iso0, out,
                         pan, pin)
                .value());
    CHECK(text_of(pin.digits()) == "1234");
    CHECK(box.get<vault::PinTranslate>(request, kSwitch).blocks.at(0).empty());
    box.restart();
    CHECK(box.get<vault::PinTranslate>(request, kSwitch).blocks.at(0).empty());
}

TEST_CASE("PIN verbs: TDES DUKPT's PIN of X9.24-1, translated") {
    PinBox box;
    const Pan pan = *Pan::parse("4012345678909");
    const Buffer ksn = hex("ffff9876543210e00001"), block = hex("1b9c1845eb993a7a");
    const auto out = box.get<vault::PinTranslate>({{{{KeyName("bdk.tdes"), ksn, vault::PinFormat::iso0, block},
                                                     pan,
                                                     KeyName("zone.aes"),
                                                     vault::PinFormat::iso4}}},
                                                  kSwitch)
                         .blocks.at(0);
    ClearPin pin;
    REQUIRE(decipher_pin(box.at().session(), PinKey(box.at().payment_keys.find("zone.aes")->ref()), PinFormat::iso4,
                         out, pan, pin)
                .value());
    CHECK(text_of(pin.digits()) == "1234");
}

TEST_CASE("PIN verbs: what PCI PIN 3-3 forbids, keys of another usage and blocks that are none give no block") {
    PinBox box;
    using enum vault::PinFormat;
    const auto out = [&](vault::PinFormat from, const char* to_key, vault::PinFormat to) {
        const Buffer block = box.sealed("1234", static_cast<PinFormat>(from));
        return box.get<vault::PinTranslate>({{{of_session(from, block), box.pan, KeyName(to_key), to}}}, kSwitch).blocks.at(0);
    };
    for (const vault::PinFormat from : vault::kPinFormats)
        for (const vault::PinFormat to : vault::kPinFormats) {
            CAPTURE(static_cast<int>(from));
            CAPTURE(static_cast<int>(to));
            CHECK(out(from, to == iso4 ? "zone.aes" : "zone", to).size() == (to == iso1 ? 0 : to == iso4 ? 16 : 8));
        }
    CHECK(out(iso0, "cvk", iso0).empty());
    CHECK(out(iso0, "zone.aes", iso0).empty());
    CHECK(out(iso0, "nothing", iso0).empty());
    // A block of another format than it is said to be.
    const Buffer block = box.sealed("1234");
    const auto as = [&](const vault::EncryptedPin& pin) {
        return box.get<vault::PinTranslate>({{{pin, box.pan, KeyName("zone"), iso0}}}, kSwitch).blocks.at(0);
    };
    CHECK(as(of_session(iso0, block)).size() == 8);
    CHECK(as(of_session(iso3, block)).empty());
    CHECK(as(of_session(iso4, block)).empty());
    // A key made for one direction is not taken for the other.
    box.get<vault::KeyRotate>({KeyName("only.in"), "D0000P0TD00N0000"}, Caller::admin);
    box.get<vault::KeyRotate>({KeyName("only.out"), "D0000P0TE00N0000"}, Caller::admin);
    CHECK(out(iso0, "only.in", iso0).empty());
    CHECK(out(iso0, "only.out", iso0).size() == 8);
    // A PAN too short for the block that is asked for, and none at all.
    const Buffer four = box.sealed("1234", PinFormat::iso4);
    vault::PinTranslate::Item item{of_session(iso4, four), box.pan, KeyName("zone"), iso0};
    const auto translated = [&] { return box.get<vault::PinTranslate>({{item}}, kSwitch).blocks.at(0); };
    CHECK(translated().size() == 8);
    item.pan = *Pan::parse("54133300");
    const Buffer short_pan = session_block(box, "1234", item.pan, PinFormat::iso4);
    item.pin.block = short_pan;
    CHECK(translated().empty());
    item.to_key = KeyName("zone.aes");
    item.to = iso4;
    CHECK(translated().size() == 16);
    item.pan = Pan();
    CHECK(translated().empty());
}

TEST_CASE("PIN verbs: a PIN of a terminal with session keys is opened under its PIN key of that nonce, and under no other key") {
    PinBox box;
    using enum vault::PinVerdict;
    for (const auto format : {vault::PinFormat::iso0, vault::PinFormat::iso1, vault::PinFormat::iso3, vault::PinFormat::iso4}) {
        CAPTURE(static_cast<int>(format));
        const Buffer block = box.sealed("1234", static_cast<PinFormat>(format));
        vault::PinVerify::Item item{of_session(format, block), box.pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits("7211")};
        const auto verdict = [&] { return box.get<vault::PinVerify>({{item}}, kSwitch).results.at(0).verdict; };
        CHECK(verdict() == good);
        item.pin.terminal = TerminalId("T0000002");
        CHECK(verdict() != good);
        item.pin.terminal = kPinTerminal;
        item.pin.nonce[0] ^= std::byte{1};
        CHECK(verdict() != good);
        item.pin.nonce = {};  // the base key is for 0800
        CHECK(verdict() == refused);
        item.pin.nonce = kPinNonce;
        item.pin.key = KeyName("zone");
        CHECK(verdict() == refused);
        item.pin.key = {};
        item.pin.terminal = {};
        CHECK(verdict() == refused);
        const auto card = box.get<vault::ProtectPan>({{box.pan}}, kSwitch).pans.at(0).token;
        box.get<vault::PinUnlock>({card}, Caller::admin);
    }
}

TEST_CASE("PIN verbs: no key of the store deciphers a PIN, whatever its header allows") {
    PinBox box;
    const auto zone_block = [&](const char* key, PinFormat format) {
        ClearPin pin;
        REQUIRE(pin.assign(digits("1234")));
        Buffer block(block_bytes(format));
        REQUIRE(encipher_pin(box.at().session(), PinKey(box.at().payment_keys.find(key)->ref()), format, pin, box.pan, block).value());
        return block;
    };
    const Buffer tdes = zone_block("zone", PinFormat::iso0), aes = zone_block("zone.aes", PinFormat::iso4);  // of mode B, both
    const auto refused = [&](const vault::EncryptedPin& pin) {
        const vault::PinVerify::Item item{pin, box.pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits("7211")};
        CHECK(box.get<vault::PinVerify>({{item}}, kSwitch).results.at(0).verdict == vault::PinVerdict::refused);
        CHECK(box.get<vault::PinTranslate>({{{pin, box.pan, KeyName("zone"), vault::PinFormat::iso0}}}, kSwitch).blocks.at(0).empty());
    };
    refused({KeyName("zone"), {}, vault::PinFormat::iso0, tdes});
    refused({KeyName("zone.aes"), {}, vault::PinFormat::iso4, aes});
    REQUIRE(box.at().payment_keys.add("zone.d", header_of("D0000P0TD00E0000"), hex(kTdesValue)));
    refused({KeyName("zone.d"), {}, vault::PinFormat::iso0, tdes});
    const Buffer ksn = ksn_of(1);
    refused({KeyName("zone"), ksn, vault::PinFormat::iso0, tdes});  // a KSN, and no DUKPT key
    refused({KeyName("bdk.aes"), {}, vault::PinFormat::iso4, aes});  // without a KSN
    refused({KeyName("zone"), {}, vault::PinFormat::iso0, tdes, kPinTerminal, kPinNonce});
}

TEST_CASE("PIN verbs: three wrong PINs lock the card, across a restart, until it is unlocked") {
    PinBox box;
    using enum vault::PinVerdict;
    CHECK(box.check("1234").verdict == good);
    CHECK(box.check("1235").verdict == wrong);
    CHECK(box.check("1235").attempts_left == 1);
    CHECK(box.check("1234").verdict == good);  // the right one forgets them
    CHECK(box.check("1235").attempts_left == 2);
    CHECK(box.check("1235").attempts_left == 1);
    box.restart();
    CHECK(box.check("9999").attempts_left == 0);
    CHECK(box.check("1234").verdict == locked);
    box.restart();
    CHECK(box.check("1234").verdict == locked);
    const auto card = box.get<vault::ProtectPan>({{box.pan}}, kSwitch).pans.at(0).token;
    CHECK(box.ask<vault::PinUnlock>({card}, kSwitch).close_peer);
    box.get<vault::PinUnlock>({card}, Caller::admin);
    CHECK(box.check("1234").verdict == good);
}

TEST_CASE("PIN verbs: a request whose wrong PIN was counted is not counted again, also not after a restart; the next one is") {
    PinBox box;
    const auto ask = [&](std::uint32_t request, const char* pin) {
        const Buffer block = box.sealed(pin);
        vault::PinVerify::Item item{of_session(vault::PinFormat::iso0, block), box.pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits("7211")};
        item.request = request;
        return box.get<vault::PinVerify>({{item}}, kSwitch).results.at(0);
    };
    CHECK(ask(7, "4321").attempts_left == 2);
    CHECK(ask(7, "4321").attempts_left == 2);
    box.restart();
    CHECK(ask(7, "4321").verdict == vault::PinVerdict::wrong);
    CHECK(ask(9, "4321").attempts_left == 1);
    CHECK(ask(9, "4321").attempts_left == 1);
    CHECK(ask(9, "1234").verdict == vault::PinVerdict::good);
    CHECK(ask(9, "4321").attempts_left == 2);  // after a right one it is an attempt like any other
    CHECK(ask(0, "4321").attempts_left == 1);
    CHECK(ask(0, "4321").attempts_left == 0);  // one that says no request is always counted
}

// giro-sim --seed 3007 --steps 150000: the last wrong PIN alone was known, so two tills' were counted three times.
TEST_CASE("PIN verbs: two tills' wrong PINs that are asked about again in turn, because the switch died, count once each") {
    PinBox box;
    const auto ask = [&](std::uint32_t request, const char* pin) {
        const Buffer block = box.sealed(pin);
        vault::PinVerify::Item item{of_session(vault::PinFormat::iso0, block), box.pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits("7211")};
        item.request = request;
        return box.get<vault::PinVerify>({{item}}, kSwitch).results.at(0);
    };
    CHECK(ask(7, "4321").attempts_left == 2);
    CHECK(ask(9, "4322").attempts_left == 1);
    CHECK(ask(7, "4321").attempts_left == 1);
    box.restart();
    CHECK(ask(9, "4322").attempts_left == 1);
    CHECK(ask(7, "4321").attempts_left == 1);
    CHECK(ask(9, "1234").verdict == vault::PinVerdict::good);  // and forgets both
    CHECK(ask(9, "4322").attempts_left == 2);
    CHECK(ask(7, "4321").attempts_left == 1);
    CHECK(ask(8, "4321").attempts_left == 0);
}

TEST_CASE("PIN verbs: who asks other questions of one PIN is counted for each, and no right PIN in between forgets it") {
    PinBox box;
    using enum vault::PinVerdict;
    const Buffer block = box.sealed("1234"), other = box.sealed("4321");
    const auto ask = [&](Bytes pin, const char* on_file, std::uint8_t pvki = 1) {
        vault::PinVerify::Item item{of_session(vault::PinFormat::iso0, pin), box.pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits(on_file), pvki};
        item.request = 7;  // of one request, all of them
        return box.get<vault::PinVerify>({{item}}, kSwitch).results.at(0);
    };
    CHECK(ask(block, "0000").attempts_left == 2);
    CHECK(ask(block, "0000").attempts_left == 2);  // the same question tells nothing
    CHECK(ask(block, "7211").verdict == good);
    CHECK(ask(block, "7211").attempts_left == 2);  // that was another question: not forgotten
    CHECK(ask(other, "7211").attempts_left == 1);
    CHECK(ask(block, "7211").attempts_left == 1);  // nor are the two of them, of two questions
    box.restart();
    CHECK(ask(block, "7211", 2).attempts_left == 0);
    CHECK(ask(block, "7211").verdict == locked);
    const auto card = box.get<vault::ProtectPan>({{box.pan}}, kSwitch).pans.at(0).token;
    box.get<vault::PinUnlock>({card}, Caller::admin);
    CHECK(ask(other, "7211").attempts_left == 2);
    CHECK(ask(block, "7211").attempts_left == 3);  // as ever, with one question
    CHECK(ask(other, "7211").attempts_left == 2);
    CHECK(ask(block, "7211").attempts_left == 2);  // but that very block has forgotten once, and may be anybody's copy
    const Buffer fresh = box.sealed("1234", PinFormat::iso3);
    vault::PinVerify::Item item{of_session(vault::PinFormat::iso3, fresh), box.pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits("7211")};
    CHECK(box.get<vault::PinVerify>({{item}}, kSwitch).results.at(0).attempts_left == 3);
}

TEST_CASE("PIN verbs: a decimalisation table of few digits, whose natural PINs anybody knows, is refused and no attempt") {
    PinBox box;
    const Buffer block = box.sealed("1234");
    const auto with = [&](const char* table) {
        vault::PinVerify::Item item{of_session(vault::PinFormat::iso0, block), box.pan, vault::PinMethod::ibm_3624, KeyName("ibm"), digits("1234")};
        std::ranges::copy(digits(table), item.table.begin());
        return box.get<vault::PinVerify>({{item}}, kSwitch).results.at(0);
    };
    for (const char* table : {"0000000000000000", "0123456012345601", "0000012345678900", "0123456701234560"}) {
        CAPTURE(table);
        const bool good = std::string_view(table) == "0123456701234560";
        CHECK((with(table).verdict == vault::PinVerdict::refused) == !good);
    }
    CHECK(with("0000000000000000").attempts_left == 2);  // the good one's alone was an attempt
}

TEST_CASE("PIN verbs: another wrong PIN is another attempt, whatever request it says it is of") {
    PinBox box;
    const auto ask = [&](const char* pin) {
        const Buffer block = box.sealed(pin);
        vault::PinVerify::Item item{of_session(vault::PinFormat::iso0, block), box.pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits("7211")};
        item.request = 7;
        return box.get<vault::PinVerify>({{item}}, kSwitch).results.at(0);
    };
    CHECK(ask("0000").attempts_left == 2);
    CHECK(ask("0000").attempts_left == 2);
    CHECK(ask("0001").attempts_left == 1);
    CHECK(ask("00010").attempts_left == 0);  // a zero more is another one
    CHECK(ask("1234").verdict == vault::PinVerdict::locked);
}

TEST_CASE("PIN verbs: a garbled block, a missing key or a malformed PVV is no attempt") {
    PinBox box;
    Buffer block = box.sealed("1234");
    block[0] ^= std::byte{1};
    const auto result = [&](Bytes b, const char* pvk, vault::PinMethod method, const char* on_file, std::uint8_t pvki) {
        return box
            .get<vault::PinVerify>({{{of_session(vault::PinFormat::iso0, b),
                                      box.pan,
                                      method,
                                      KeyName(pvk),
                                      digits(on_file),
                                      pvki}}},
                                   kSwitch)
            .results.at(0);
    };
    using enum vault::PinMethod;
    CHECK(result(block, "pvv", visa_pvv, "7211", 1).verdict == vault::PinVerdict::refused);
    const Buffer good = box.sealed("1234");
    CHECK(result(good, "ibm", visa_pvv, "7211", 1).verdict == vault::PinVerdict::refused);
    CHECK(result(good, "pvv", ibm_3624, "7211", 1).verdict == vault::PinVerdict::refused);
    CHECK(result(good, "none", visa_pvv, "7211", 1).verdict == vault::PinVerdict::refused);
    CHECK(result(good, "pvv", visa_pvv, "7211", 10).verdict == vault::PinVerdict::refused);
    CHECK(box.check("1234").attempts_left == vault::kPinAttemptsMax);
    vault::PinVerify::Item ibm{of_session(vault::PinFormat::iso0, good), box.pan, ibm_3624, KeyName("ibm"), digits("0000")};
    ibm.count = 17;  // more digits than a block has
    const auto ask = [&] { return box.get<vault::PinVerify>({{ibm}}, kSwitch).results.at(0); };
    CHECK(ask().verdict == vault::PinVerdict::refused);
    CHECK(ask().attempts_left == vault::kPinAttemptsMax);
    ibm.pan = Pan();
    CHECK(ask().verdict == vault::PinVerdict::refused);
}

TEST_CASE("PIN verbs: IBM 3624 by offset") {
    PinBox box;
    const Pan pan = *Pan::parse("1122334455667788");
    const Buffer block = session_block(box, "1234", pan);
    vault::PinVerify::Item item{of_session(vault::PinFormat::iso0, block),
                                pan,
                                vault::PinMethod::ibm_3624,
                                KeyName("ibm"),
                                digits("7710")};
    const Buffer table = digits("1234567890123456");
    std::copy(table.begin(), table.end(), item.table.begin());
    CHECK(box.get<vault::PinVerify>({{item}}, kSwitch).results.at(0).verdict == vault::PinVerdict::good);
    item.on_file = digits("7711");
    CHECK(box.get<vault::PinVerify>({{item}}, kSwitch).results.at(0).verdict == vault::PinVerdict::wrong);
}

}  // namespace giro::test
