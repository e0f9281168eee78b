// The payment verbs as callers see them: DUKPT and its ledger, PINs and their attempts, cards, the key ceremony.
#include <set>

#include "hsm/payment/wrong_values.hpp"
#include "tests/hsm/payment_verbs.hpp"
#include "util/environment.hpp"

namespace giro::test {

using namespace hsm;
using bus::Status;
using vault::KeyName;

namespace {
const Buffer kData = {std::byte{1}, std::byte{2}, std::byte{3}};
constexpr Caller kSwitch = Caller::giro_switch;

Buffer ksn_of(std::uint32_t counter) {
    Buffer ksn = hex("123456789012345600000000");
    store_be(ksn.data() + 8, counter);
    return ksn;
}
// What a terminal would make, with the box's own derivation (its truth is the vectors' matter).
vault::Mac8 terminal_mac(BoxFixture& box, const char* bdk, Bytes ksn, vault::MacKind kind = vault::MacKind::aes_cmac) {
    return dukpt_mac8(box.at().session(), *box.at().payment_keys.find(bdk), ksn, Direction::request, kind, kData)
        .value()
        .value();
}
vault::DukptVerdict verdict(BoxFixture& box, const char* bdk, Bytes ksn, const vault::Mac8& mac,
                            vault::MacKind kind = vault::MacKind::aes_cmac) {
    return box.get<vault::DukptVerify>({{{KeyName(bdk), ksn, mac, kData, kind}}}, kSwitch).verdicts.at(0);
}

struct PinBox : BoxFixture {
    const Pan pan = *Pan::parse("4444333322221111");
    PinBox() { add_payment_keys(*this); }
    Buffer sealed(const char* digits_text, PinFormat format = PinFormat::iso0) { return session_block(*this, digits_text, pan, format); }
    vault::PinVerify::Result check(const char* digits_text, const char* pvv = "7211") {
        const Buffer block = sealed(digits_text);
        return get<vault::PinVerify>({{{of_session(vault::PinFormat::iso0, block),
                                        pan,
                                        vault::PinMethod::visa_pvv,
                                        KeyName("pvv"),
                                        digits(pvv)}}},
                                     kSwitch)
            .results.at(0);
    }
};
}  // namespace

TEST_CASE("verbs: a session key of each kind of MAC: check value and MAC are the terminal's") {
    BoxFixture box;
    const TerminalId terminal("T0000001");
    const auto injected = box.get<vault::InjectTerminalKey>({terminal}, Caller::admin, Permit::provisioning);
    for (const vault::MacKind kind : vault::kMacKinds) {
        CAPTURE(static_cast<int>(kind));
        const auto session = box.get<vault::NewSessionKey>({terminal, kind}, kSwitch);
        const Secret key = vault::derive_session_key(injected.tmk, session.nonce, kind);
        CHECK(vault::kcv(key, kind) == session.kcv);
        const auto mac = vault::mac8(key, kData, kind);
        for (const vault::MacKind other : vault::kMacKinds)
            CHECK(box.get<vault::MacVerify>({{{terminal, session.nonce, mac, kData, other}}}, kSwitch).good.at(0) ==
                  (other == kind));
        CHECK(box.get<vault::MacGenerate>({{{terminal, session.nonce, kData, kind}}}, kSwitch).macs.at(0) == mac);
    }
}

TEST_CASE("DUKPT verbs: a KSN is good once; the counter never goes back, also not by a restart") {
    BoxFixture box;
    add_payment_keys(box);
    using enum vault::DukptVerdict;
    const auto mac = [&](std::uint32_t counter) { return terminal_mac(box, "bdk.aes", ksn_of(counter)); };
    CHECK(verdict(box, "bdk.aes", ksn_of(3), mac(3)) == good);
    CHECK(verdict(box, "bdk.aes", ksn_of(3), mac(3)) == again);  // the last one's message may come again
    CHECK(verdict(box, "bdk.aes", ksn_of(3), vault::Mac8{}) == bad_mac);
    CHECK(verdict(box, "bdk.aes", ksn_of(2), mac(2)) == repeated);
    CHECK(verdict(box, "bdk.aes", ksn_of(9), vault::Mac8{}) == bad_mac);
    CHECK(verdict(box, "bdk.aes", ksn_of(4), mac(4)) == good);  // a stranger's 9 has burnt nothing
    box.restart();
    CHECK(verdict(box, "bdk.aes", ksn_of(4), mac(4)) == again);
    CHECK(verdict(box, "bdk.aes", ksn_of(5), mac(5)) == good);
    CHECK(verdict(box, "bdk.aes", ksn_of(4), mac(4)) == repeated);
    // Another terminal counts for itself.
    Buffer other = ksn_of(1);
    other[7] = std::byte{0x57};
    CHECK(verdict(box, "bdk.aes", other, terminal_mac(box, "bdk.aes", other)) == good);
    // One request may not carry it twice either.
    const auto both = box.get<vault::DukptVerify>(
        {{{KeyName("bdk.aes"), ksn_of(6), mac(6), kData}, {KeyName("bdk.aes"), ksn_of(6), mac(6), kData}}}, kSwitch);
    CHECK(both.verdicts == std::vector{good, again});
}

TEST_CASE("DUKPT verbs: unknown keys, KSNs of the wrong length and counters that are none") {
    BoxFixture box;
    add_payment_keys(box);
    using enum vault::DukptVerdict;
    CHECK(verdict(box, "nothing", ksn_of(1), {}) == unknown);
    CHECK(verdict(box, "zone", ksn_of(1), {}) == unknown);
    CHECK(verdict(box, "bdk.aes", ksn_of(0), {}) == unknown);
    CHECK(verdict(box, "bdk.aes", ksn_of(0xffffffff), {}) == unknown);
    CHECK(verdict(box, "bdk.tdes", ksn_of(1), {}) == unknown);
    CHECK(verdict(box, "bdk.aes", hex("ffff9876543210e00001"), {}) == unknown);
    CHECK(verdict(box, "bdk.aes", ksn_of(1), {}, vault::MacKind::x9_19) == unknown);
    CHECK(verdict(box, "bdk.aes", ksn_of(1), {}, vault::MacKind::hmac_sha256) == unknown);  // a 128-bit BDK
    CHECK(verdict(box, "bdk.tdes", hex("ffff9876543210e00001"), {}) == unknown);            // X9.19 is TDES DUKPT's
    CHECK(verdict(box, "bdk.tdes", hex("ffff9876543210e00001"), {}, vault::MacKind::x9_19) == bad_mac);
}

TEST_CASE("DUKPT verbs: TDES: X9.24-1's first message verifies, and the answer's MAC is the standard's") {
    BoxFixture box;
    add_payment_keys(box);
    const Buffer ksn = hex("ffff9876543210e00001");
    const Bytes data = as_bytes("4012345678909D987");
    const auto answer = [&](Bytes id) {
        return box.get<vault::DukptMac>({{{KeyName("bdk.tdes"), id, data, vault::MacKind::x9_19}}}, kSwitch).macs.at(0);
    };
    CHECK(!answer(ksn).made);  // nothing was verified under it yet
    const auto& bdk = *box.at().payment_keys.find("bdk.tdes");
    const auto mac =
        dukpt_mac8(box.at().session(), bdk, ksn, Direction::request, vault::MacKind::x9_19, data).value().value();
    CHECK(to_hex(Bytes(mac).first(4)) == "9ccc7817");
    CHECK(box.get<vault::DukptVerify>({{{KeyName("bdk.tdes"), ksn, mac, data, vault::MacKind::x9_19}}}, kSwitch)
              .verdicts.at(0) == vault::DukptVerdict::good);
    REQUIRE(answer(ksn).made);
    CHECK(to_hex(Bytes(answer(ksn).mac).first(4)) == "20364223");
    CHECK(!answer(hex("ffff9876543210e00002")).made);
    // Nor for another kind of MAC, a key that is none, a KSN that is none.
    const auto made = [&](const char* key, Bytes id, vault::MacKind kind) {
        return box.get<vault::DukptMac>({{{KeyName(key), id, data, kind}}}, kSwitch).macs.at(0).made;
    };
    CHECK(made("bdk.tdes", ksn, vault::MacKind::x9_19));
    CHECK(!made("bdk.tdes", ksn, vault::MacKind::aes_cmac));
    CHECK(!made("nothing", ksn, vault::MacKind::x9_19));
    CHECK(!made("zone", ksn, vault::MacKind::x9_19));
}

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

TEST_CASE("verbs: an exchange gives check values of PIN keys that are the terminal's, that are none of its MAC keys, and again by nonce") {
    BoxFixture box;
    using enum vault::PinKeyKind;
    const auto injected = box.get<vault::InjectTerminalKey>({kPinTerminal}, Caller::admin, Permit::provisioning);
    const auto made = box.get<vault::NewSessionKey>({kPinTerminal, vault::MacKind::x9_19, true}, kSwitch);
    CHECK(vault::pin_kcv(vault::derive_pin_key(injected.tmk, made.nonce, aes), aes) == made.pin_aes);
    CHECK(vault::pin_kcv(vault::derive_pin_key(injected.tmk, made.nonce, tdes), tdes) == made.pin_tdes);
    const auto again = box.get<vault::NewSessionKey>({kPinTerminal, vault::MacKind::x9_19, true, made.nonce}, kSwitch);
    CHECK(again.nonce == made.nonce);
    CHECK(again.kcv == made.kcv);
    CHECK(again.pin_aes == made.pin_aes);
    CHECK(again.pin_tdes == made.pin_tdes);
    CHECK(box.get<vault::NewSessionKey>({kPinTerminal, vault::MacKind::x9_19, true}, kSwitch).nonce != made.nonce);
    CHECK(box.get<vault::NewSessionKey>({kPinTerminal}, kSwitch).pin_aes == vault::Kcv{});
    std::set<std::string> keys;
    for (const vault::MacKind kind : vault::kMacKinds)
        keys.insert(to_hex(vault::derive_session_key(injected.tmk, made.nonce, kind).reveal()).substr(0, 32));
    for (const auto kind : {aes, tdes}) keys.insert(to_hex(vault::derive_pin_key(injected.tmk, made.nonce, kind).reveal()).substr(0, 32));
    CHECK(keys.size() == 5);
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

TEST_CASE("card verbs: CVV") {
    PinBox box;
    const auto cvv_good = [&](const char* key, const char* value) -> bool {
        return box
            .get<vault::CvvVerify>({{{KeyName(key), *Pan::parse("4123456789012345"), FixedText<4>("8701"),
                                      FixedText<3>("101"), FixedText<3>(value)}}},
                                   kSwitch)
            .good.at(0);
    };
    CHECK(cvv_good("cvk", "561"));
    CHECK(!cvv_good("cvk", "562"));
    CHECK(!cvv_good("cvk", ""));
    CHECK(!cvv_good("zone", "561"));
    CHECK(!cvv_good("nothing", "561"));
    const vault::CvvVerify::Item no_expiry{KeyName("cvk"), *Pan::parse("4123456789012345"), {}, FixedText<3>("101"), FixedText<3>("561")};
    CHECK(!box.get<vault::CvvVerify>({{no_expiry}}, kSwitch).good.at(0));
}

TEST_CASE("key verbs: import, list, export and rotate") {
    PinBox box;
    const auto row = box.get<vault::KeyImport>({KeyName("partner"), KeyName("kek"), kKeyBlock}, Caller::admin).key;
    CHECK(row.header.substr(5, 4) == "P0AE");
    CHECK(box.get<vault::KeyList>({}, Caller::admin).keys.size() == 10);
    const auto block = box.get<vault::KeyExport>({KeyName("partner"), KeyName("kek")}, Caller::admin).block;
    CHECK(block.substr(0, 9) == "D0144P0AE");
    CHECK(box.get<vault::KeyImport>({KeyName("again"), KeyName("kek"), block}, Caller::admin).key.kcv == row.kcv);
    CHECK(box.get<vault::KeyRotate>({KeyName("partner"), {}}, Caller::admin).key.kcv != row.kcv);
    CHECK(box.get<vault::KeyRotate>({KeyName("made"), "D0000M6AC00S0000"}, Caller::admin).key.header.substr(5, 3) ==
          "M6A");
    CHECK(box.ask<vault::KeyRotate>({KeyName("made2"), "nonsense"}, Caller::admin).status == Status::refused);
    CHECK(box.ask<vault::KeyImport>({KeyName("partner"), KeyName("kek"), kKeyBlock}, Caller::admin).status ==
          Status::refused);
    std::string changed = kKeyBlock;
    changed[50] = changed[50] == 'A' ? 'B' : 'A';
    const auto answer = box.ask<vault::KeyImport>({KeyName("p2"), KeyName("kek"), changed}, Caller::admin);
    CHECK(answer.status == Status::refused);
    CHECK(as_text(answer.body) == "the key block does not open");
}

TEST_CASE("key ceremony: two officers, two components, their XOR; nobody alone, nobody twice, no stranger") {
    BoxFixture box;
    const std::string header = "D0000K0AN00N0000";
    const auto enter = [&](const Officer& officer, const char* name, std::uint8_t fill) {
        vault::KeyComponent::Request request{
            KeyName(name), header, officer.name, {}, Secret(Buffer(32, std::byte{fill}))};
        request.signature = officer.approve(vault::component_digest(name, header, request.component)).signature;
        return box.ask<vault::KeyComponent>(request, Caller::admin);
    };
    const auto reply = [](const Answer& answer) {
        return vault::decode<vault::KeyComponent::Reply>(answer.body).value();
    };
    const auto first = enter(officers()[0], "zmk", 0x11);
    REQUIRE(first.status == Status::ok);
    CHECK(reply(first).component == check_value_of_clear(Cipher::aes, Buffer(32, std::byte{0x11})));
    CHECK(!reply(first).complete);
    CHECK(box.at().payment_keys.find("zmk") == nullptr);
    CHECK(enter(officers()[0], "zmk", 0x22).status == Status::refused);
    CHECK(enter(make_officer("mallory"), "zmk", 0x22).status == Status::refused);
    const auto second = enter(officers()[1], "zmk", 0x22);
    REQUIRE(second.status == Status::ok);
    CHECK(reply(second).complete);
    CHECK(reply(second).sum == check_value_of_clear(Cipher::aes, Buffer(32, std::byte{0x33})));
    CHECK(box.at().payment_keys.find("zmk")->kcv == reply(second).sum);
    CHECK(enter(officers()[0], "zmk", 0x11).status == Status::refused);  // the name is taken
    // A signature over another component is none of this one's.
    vault::KeyComponent::Request swapped{KeyName("zmk2"), header, "alice", {}, Secret(Buffer(32, std::byte{1}))};
    swapped.signature = officers()[0].approve(vault::component_digest("zmk2", header, Secret(32))).signature;
    CHECK(box.ask<vault::KeyComponent>(swapped, Caller::admin).status == Status::refused);
    // Every officer's, but under another header, of another length, or for another key: a first component, not the second.
    CHECK(enter(officers()[0], "../zmk", 0x11).status == Status::refused);
    REQUIRE(enter(officers()[0], "zmk3", 0x11).status == Status::ok);
    const auto other_name = enter(officers()[1], "zmk4", 0x22);
    CHECK(!reply(other_name).complete);
    const auto signed_by_alice = [&](const char* text, std::size_t bytes) {
        vault::KeyComponent::Request request{KeyName("zmk4"), text, "alice", {}, Secret(Buffer(bytes, std::byte{3}))};
        request.signature = officers()[0].approve(vault::component_digest("zmk4", text, request.component)).signature;
        return box.ask<vault::KeyComponent>(request, Caller::admin);
    };
    CHECK(!reply(signed_by_alice("D0000K0AN01N0000", 32)).complete);
    CHECK(!reply(signed_by_alice("D0000K0AN01N0000", 16)).complete);
    CHECK(!reply(signed_by_alice("D0000M7HN00N0000", 32)).complete);
    CHECK(signed_by_alice("nonsense", 32).status == Status::refused);
    CHECK(signed_by_alice("D0112K0AN01N0200", 32).status == Status::refused);
    CHECK(signed_by_alice("D0032K0AN00N0000KS10", 32).status == Status::refused);
    CHECK(!reply(signed_by_alice("D0000P0TB00N0000", 16)).complete);
    CHECK(signed_by_alice("D0000P0TB00N0000", 32).status == Status::refused);
    // Two good components of a kind that is not taken: nothing is made.
    CHECK(!reply(signed_by_alice("D0000D0AN00N0000", 32)).complete);
    vault::KeyComponent::Request untaken{KeyName("zmk4"), "D0000D0AN00N0000", "bob", {}, Secret(Buffer(32, std::byte{5}))};
    untaken.signature = officers()[1].approve(vault::component_digest("zmk4", untaken.header, untaken.component)).signature;
    CHECK(box.ask<vault::KeyComponent>(untaken, Caller::admin).status == Status::refused);
    CHECK(box.at().payment_keys.find("zmk4") == nullptr);
    // The first one waits for so long and no longer.
    REQUIRE(!reply(enter(officers()[0], "zmk5", 0x11)).complete);
    box.vault().ceremony()->since_ms -= vault::kComponentWait_ms + 1;
    CHECK(!reply(enter(officers()[1], "zmk5", 0x22)).complete);
    CHECK(reply(enter(officers()[0], "zmk5", 0x11)).complete);
    vault::KeyComponent::Request short_one{KeyName("zmk2"), header, "alice", {}, Secret(24)};
    CHECK(box.ask<vault::KeyComponent>(short_one, Caller::admin).status == Status::refused);
}

TEST_CASE("CVV verb: after five wrong ones of a card none is good, across a restart; an hour later one more is compared") {
    PinBox box;
    const Pan pan = *Pan::parse("4123456789012345");
    const auto good = [&](const char* value, const Pan& of) -> bool {
        return box.get<vault::CvvVerify>({{{KeyName("cvk"), of, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>(value)}}}, kSwitch).good.at(0);
    };
    for (unsigned i = 0; i + 1 < kWrongValuesMax; ++i) CHECK(!good("562", pan));
    CHECK(good("561", pan));  // which forgets nothing
    CHECK(!good("562", pan));
    CHECK(!good("561", pan));
    box.restart();
    CHECK(!good("561", pan));
    CHECK(box.get<vault::CvvVerify>({{{KeyName("cvk"), pan, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>("561")},
                                      {KeyName("cvk"), pan, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>("561")}}},
                                    kSwitch)
              .good == std::vector{false, false});
    // As it would stand an hour ago.
    const auto token = cmac(box.at().session(), box.at().keys.storage_token, as_bytes(pan.reveal())).value();
    const std::uint64_t hour_ago_s = SystemClock{}.wall_ns() / 1'000'000'000 - kForgetAfter_s - 16;
    std::uint32_t counter = 0;
    for (unsigned i = 0; i < kWrongValuesMax; ++i) counter = add_wrong_value(counter, hour_ago_s);
    box.vault().counters().set(counter_id("cvv", token), counter);
    REQUIRE(box.vault().counters().commit());
    CHECK(good("561", pan));
    CHECK(!good("562", pan));
    CHECK(!good("561", pan));
}

TEST_CASE("CVV verb: two wrong values of one message are one try; a chain of such is none") {
    PinBox box;
    const Pan pan = *Pan::parse("4123456789012345");
    const auto wrong = [&](std::initializer_list<bool> joined) {
        vault::CvvVerify::Request request;
        for (const bool with_last : joined)  // one of the stripe, then the printed one
            request.items.push_back(
                {KeyName("cvk"), pan, FixedText<4>("8701"), FixedText<3>(with_last ? "000" : "101"), FixedText<3>("562"), with_last});
        const auto reply = box.get<vault::CvvVerify>(request, kSwitch);
        CHECK(std::ranges::count(reply.good, true) == 0);
        const auto token = cmac(box.at().session(), box.at().keys.storage_token, as_bytes(pan.reveal())).value();
        return wrong_values(box.vault().counters().value(counter_id("cvv", token)), SystemClock{}.wall_ns() / 1'000'000'000);
    };
    CHECK(wrong({false, true}) == 1);
    CHECK(wrong({true}) == 2);                 // there is none before it
    CHECK(wrong({false, true, true}) == 4);    // the third is one of its own
}

TEST_CASE("CVV verb: two values of one kind are two tries, whatever is said of them") {
    PinBox box;
    const Pan pan = *Pan::parse("4123456789012345");
    const vault::CvvVerify::Item value{KeyName("cvk"), pan, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>("562"), true};
    CHECK(box.get<vault::CvvVerify>({{value, value}}, kSwitch).good == std::vector{false, false});
    const auto token = cmac(box.at().session(), box.at().keys.storage_token, as_bytes(pan.reveal())).value();
    CHECK(wrong_values(box.vault().counters().value(counter_id("cvv", token)), SystemClock{}.wall_ns() / 1'000'000'000) == 2);
}

TEST_CASE("CVV verb: another card's value is no second one of the message; a time to come is now; a card without a number has no value") {
    PinBox box;
    const Pan one = *Pan::parse("4123456789012345"), other = *Pan::parse("4999988887777000");
    const auto item = [](const Pan& pan, const char* value, bool with_last = false) {
        return vault::CvvVerify::Item{KeyName("cvk"), pan, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>(value), with_last};
    };
    const auto id = [&](const Pan& pan) {
        return counter_id("cvv", cmac(box.at().session(), box.at().keys.storage_token, as_bytes(pan.reveal())).value());
    };
    const std::uint64_t now_s = SystemClock{}.wall_ns() / 1'000'000'000;
    const auto wrong_of = [&](const Pan& pan) { return wrong_values(box.vault().counters().value(id(pan)), now_s); };
    CHECK(box.get<vault::CvvVerify>({{item(one, "562"), item(other, "000", true)}}, kSwitch).good == std::vector{false, false});
    CHECK(wrong_of(one) == 1);
    CHECK(wrong_of(other) == 1);
    // One of two is right, in either order.
    const auto printed = [&](bool with_last) {
        auto wrong = item(one, "001", with_last);
        wrong.service_code = FixedText<3>("000");
        return wrong;
    };
    CHECK(box.get<vault::CvvVerify>({{item(one, "561"), printed(true)}}, kSwitch).good == std::vector{true, false});
    CHECK(wrong_of(one) == 2);
    CHECK(box.get<vault::CvvVerify>({{printed(false), item(one, "561", true)}}, kSwitch).good == std::vector{false, true});
    CHECK(wrong_of(one) == 3);
    CHECK(box.get<vault::CvvVerify>({{item(Pan(), "561")}}, kSwitch).good == std::vector{false});
    box.vault().counters().set(id(other), add_wrong_value(0, now_s + 1'000'000'000));
    REQUIRE(box.vault().counters().commit());
    CHECK(!box.get<vault::CvvVerify>({{item(other, "000")}}, kSwitch).good.at(0));
    CHECK(wrong_values(box.vault().counters().value(id(other)), now_s + 1'000 * kForgetAfter_s) == 0);
}

TEST_CASE("wrong values: each counts for an hour, one after the other, and a clock that is set back locks no card for good") {
    constexpr std::uint64_t kNow_s = 1'800'000'000;
    std::uint32_t counter = 0;
    CHECK(wrong_values(counter, kNow_s) == 0);
    for (unsigned i = 1; i <= kWrongValuesMax; ++i) {
        counter = add_wrong_value(counter, kNow_s);
        CHECK(wrong_values(counter, kNow_s) == i);
    }
    CHECK(add_wrong_value(counter, kNow_s) == counter);
    CHECK(wrong_values(counter, kNow_s + kForgetAfter_s - 16) == 5);
    CHECK(wrong_values(counter, kNow_s + kForgetAfter_s) == 4);
    CHECK(wrong_values(counter, kNow_s + 5 * kForgetAfter_s) == 0);
    CHECK(wrong_values(counter, kNow_s + 1'000 * kForgetAfter_s) == 0);
    // A try in the second hour does not begin the first one's anew.
    const std::uint32_t later = add_wrong_value(counter, kNow_s + kForgetAfter_s + 1'600);
    CHECK(wrong_values(later, kNow_s + kForgetAfter_s + 1'600) == 5);
    CHECK(wrong_values(later, kNow_s + 2 * kForgetAfter_s) == 4);
    // Made while the clock was wrong.
    std::uint32_t ahead = 0;
    for (unsigned i = 0; i < 5; ++i) ahead = add_wrong_value(ahead, kNow_s + 1'000'000'000);
    CHECK(wrong_values(ahead, kNow_s) == 5);
    ahead = no_later_than(ahead, kNow_s);
    CHECK(wrong_values(ahead, kNow_s + kForgetAfter_s) == 4);
    CHECK(no_later_than(counter, kNow_s + 1) == counter);
}

}  // namespace giro::test
