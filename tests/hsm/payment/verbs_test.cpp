// The payment verbs as callers see them: DUKPT and its ledger, PINs and their attempts, cards, the key ceremony.
#include "hsm/payment/pin_translate.hpp"
#include "tests/hsm/payment_verbs.hpp"
#include "vault/terminal_keys.hpp"

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
    Buffer sealed(const char* digits_text, const char* key = "zone", PinFormat format = PinFormat::iso0) {
        ClearPin pin;
        REQUIRE(pin.assign(digits(digits_text)));
        Buffer block(block_bytes(format));
        REQUIRE(
            encipher_pin(at().session(), PinKey(at().payment_keys.find(key)->ref()), format, pin, pan, block).value());
        return block;
    }
    vault::PinVerify::Result check(const char* digits_text, const char* pvv = "7211") {
        const Buffer block = sealed(digits_text);
        return get<vault::PinVerify>({{{{KeyName("zone"), {}, vault::PinFormat::iso0, block},
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
    const Buffer block = box.sealed("1234");
    const auto out = [&](const char* key, vault::PinFormat from, const char* to_key, vault::PinFormat to) {
        return box
            .get<vault::PinTranslate>({{{{KeyName(key), {}, from, block}, box.pan, KeyName(to_key), to}}}, kSwitch)
            .blocks.at(0);
    };
    using enum vault::PinFormat;
    CHECK(out("zone", iso0, "zone", iso3).size() == 8);
    CHECK(out("zone", iso0, "zone.aes", iso4).size() == 16);
    CHECK(out("zone", iso0, "zone", iso1).empty());
    CHECK(out("zone", iso3, "zone", iso0).empty());
    CHECK(out("zone", iso0, "cvk", iso0).empty());
    CHECK(out("cvk", iso0, "zone", iso0).empty());
    CHECK(out("nothing", iso0, "zone", iso0).empty());
    CHECK(out("zone", iso0, "zone.aes", iso0).empty());
    CHECK(out("bdk.aes", iso0, "zone", iso0).empty());  // without a KSN
    CHECK(out("zone", iso0, "nothing", iso0).empty());
    const Buffer ksn = ksn_of(1);
    CHECK(box.get<vault::PinTranslate>({{{{KeyName("zone"), ksn, iso0, block}, box.pan, KeyName("zone"), iso0}}}, kSwitch)
              .blocks.at(0)
              .empty());  // a KSN, and no DUKPT key
    // A key made for one direction is not taken for the other.
    box.get<vault::KeyRotate>({KeyName("only.in"), "D0000P0TD00N0000"}, Caller::admin);
    box.get<vault::KeyRotate>({KeyName("only.out"), "D0000P0TE00N0000"}, Caller::admin);
    CHECK(out("zone", iso0, "only.in", iso0).empty());
    CHECK(out("zone", iso0, "only.out", iso0).size() == 8);
    CHECK(out("only.out", iso0, "zone", iso0).empty());
    REQUIRE(box.at().payment_keys.add("zone.in", header_of("D0000P0TD00N0000"), hex(kTdesValue)).has_value());
    CHECK(out("zone.in", iso0, "zone", iso0).size() == 8);
    // A PAN too short for the block that is asked for, and none at all.
    const Buffer four = box.sealed("1234", "zone.aes", PinFormat::iso4);
    vault::PinTranslate::Item item{{KeyName("zone.aes"), {}, iso4, four}, box.pan, KeyName("zone"), iso0};
    const auto translated = [&] { return box.get<vault::PinTranslate>({{item}}, kSwitch).blocks.at(0); };
    CHECK(translated().size() == 8);
    item.pan = *Pan::parse("54133300");
    Buffer short_pan(16);
    ClearPin pin;
    REQUIRE(pin.assign(digits("1234")));
    REQUIRE(encipher_pin(box.at().session(), PinKey(box.at().payment_keys.find("zone.aes")->ref()), PinFormat::iso4, pin,
                         item.pan, short_pan)
                .value());
    item.pin.block = short_pan;
    CHECK(translated().empty());
    item.to_key = KeyName("zone.aes");
    item.to = iso4;
    CHECK(translated().size() == 16);
    item.pan = Pan();
    CHECK(translated().empty());
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
        vault::PinVerify::Item item{{KeyName("zone"), {}, vault::PinFormat::iso0, block}, box.pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits("7211")};
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

TEST_CASE("PIN verbs: a zone key deciphers only when its header says so; one without a restriction does not") {
    PinBox box;
    const Buffer block = box.sealed("1234");
    const auto is = [&](const char* name, const char* header, vault::PinVerdict verdict) {
        CAPTURE(name);
        REQUIRE(box.at().payment_keys.add(name, header_of(header), hex(kTdesValue)));
        const vault::PinVerify::Item item{{KeyName(name), {}, vault::PinFormat::iso0, block}, box.pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits("7211")};
        CHECK(box.get<vault::PinVerify>({{item}}, kSwitch).results.at(0).verdict == verdict);
    };
    is("zone.n", "D0000P0TN00E0000", vault::PinVerdict::refused);
    is("zone.e", "D0000P0TE00E0000", vault::PinVerdict::refused);
    is("zone.d", "D0000P0TD00E0000", vault::PinVerdict::good);
}

TEST_CASE("PIN verbs: another wrong PIN is another attempt, whatever request it says it is of") {
    PinBox box;
    const auto ask = [&](const char* pin) {
        const Buffer block = box.sealed(pin);
        vault::PinVerify::Item item{{KeyName("zone"), {}, vault::PinFormat::iso0, block}, box.pan, vault::PinMethod::visa_pvv, KeyName("pvv"), digits("7211")};
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
            .get<vault::PinVerify>({{{{KeyName("zone"), {}, vault::PinFormat::iso0, b},
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
    vault::PinVerify::Item ibm{{KeyName("zone"), {}, vault::PinFormat::iso0, good}, box.pan, ibm_3624, KeyName("ibm"), digits("0000")};
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
    ClearPin pin;
    REQUIRE(pin.assign(digits("1234")));
    Buffer block(8);
    REQUIRE(encipher_pin(box.at().session(), PinKey(box.at().payment_keys.find("zone")->ref()), PinFormat::iso0, pin,
                         pan, block)
                .value());
    vault::PinVerify::Item item{{KeyName("zone"), {}, vault::PinFormat::iso0, block},
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

}  // namespace giro::test
