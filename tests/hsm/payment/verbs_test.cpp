// The payment verbs as callers see them: session keys, DUKPT and its ledger, keys and their ceremony. PINs: pin_verbs_test.cpp;
// verification values: cvv_verbs_test.cpp.
#include <set>

#include "tests/hsm/payment_verbs.hpp"

namespace giro::test {

using namespace hsm;
using bus::Status;
using vault::KeyName;

namespace {
const Buffer kData = {std::byte{1}, std::byte{2}, std::byte{3}};

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
