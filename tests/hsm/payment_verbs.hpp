// Payment keys of known value in a box's vault, and requests of the payment verbs that are fine in every way.
#pragma once

#include "hsm/payment/dukpt.hpp"
#include "tests/hsm/box_fixture.hpp"
#include "tests/hsm/payment/support.hpp"
#include "hsm/payment/pin_translate.hpp"
#include "vault/payment_wire.hpp"
#include "vault/terminal_keys.hpp"

namespace giro::test {

inline constexpr const char* kTdesValue = "0123456789abcdeffedcba9876543210";
inline constexpr const char* kAesValue = "fedcba9876543210f1f1f1f1f1f1f1f1";
inline constexpr const char* kKekValue = "88e1ab2a2e3dd38c1fa039a536500cc8a87ab9d62dc92c01058fa79f44657de6";

// TR-31:2018 A.7.4, under kKekValue: a PIN encryption key, AES, 3f419e1cb7079442aa37474c2efbf8b8
inline constexpr const char* kKeyBlock =
    "D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34";

inline payment::KeyBlockHeader header_of(std::string_view text) {
    return payment::parse_key_block_header(text).value();
}

// kek (AES), bdk.aes, bdk.tdes, zone (TDES), zone.aes, pvv, ibm, cvk, imk: whichever are not there yet.
inline void add_payment_keys(BoxFixture& box) {
    struct Row {
        const char* name;
        const char* header;
        const char* value;
    };
    const Row rows[] = {
        {"kek", "D0000K0AN00E0000", kKekValue},       {"bdk.aes", "D0000B0AX00E0000", kAesValue},
        {"bdk.tdes", "D0000B0TX00E0000", kTdesValue}, {"zone", "D0000P0TB00E0000", kTdesValue},
        {"zone.aes", "D0000P0AB00N0000", kAesValue},  {"pvv", "D0000V2TV00N0000", "233220ccddcc322315c44c2a51a2dffd"},
        {"ibm", "D0000V1TV00N0000", kTdesValue},      {"cvk", "D0000C0TV00N0000", kTdesValue},
        {"imk", "D0000E0TX00N0000", kTdesValue}};
    for (const Row& row : rows) {
        if (box.at().payment_keys.find(row.name) != nullptr) continue;
        const auto added = box.at().payment_keys.add(row.name, header_of(row.header), hex(row.value));
        REQUIRE_MESSAGE(added.has_value(), added.error().refused << added.error().token.name());
    }
}

// A terminal with session keys, and the nonce that it has now.
inline const TerminalId kPinTerminal("T0000001");
inline const vault::Nonce kPinNonce{std::byte{7}, std::byte{1}};
// Its PIN key for a nonce, as the terminal derives it in software.
inline Secret session_pin_key(BoxFixture& box, vault::PinKeyKind kind, const vault::Nonce& nonce = kPinNonce) {
    const auto injected = box.get<vault::InjectTerminalKey>({kPinTerminal}, hsm::Caller::admin, hsm::Permit::provisioning);
    return vault::derive_pin_key(injected.tmk, nonce, kind);
}
// A PIN under it, of any format.
inline Buffer session_block(BoxFixture& box, const char* pin_digits, const Pan& pan, hsm::PinFormat format = hsm::PinFormat::iso0) {
    const bool aes = format == hsm::PinFormat::iso4;
    const Secret key = session_pin_key(box, aes ? vault::PinKeyKind::aes : vault::PinKeyKind::tdes);
    const hsm::Cipher cipher = aes ? hsm::Cipher::aes : hsm::Cipher::tdes;
    const auto sealing = hsm::import_session_key(box.at().session(), cipher, key.reveal(), {.encrypt = true});
    REQUIRE(sealing.has_value());
    hsm::ClearPin pin;
    REQUIRE(pin.assign(digits(pin_digits)));
    Buffer block(hsm::block_bytes(format));
    REQUIRE(hsm::encipher_pin(box.at().session(), hsm::PinKey({sealing->handle(), cipher}), format, pin, pan, block).value());
    return block;
}
inline vault::EncryptedPin of_session(vault::PinFormat format, Bytes block) {
    return {{}, {}, format, block, kPinTerminal, kPinNonce};
}

inline constexpr hsm::Caller kSwitch = hsm::Caller::giro_switch;

// A KSN of AES DUKPT, of one device.
inline Buffer ksn_of(std::uint32_t counter) {
    Buffer ksn = hex("123456789012345600000000");
    store_be(ksn.data() + 8, counter);
    return ksn;
}

// A box with a card whose PIN is 1234 by the PVV 7211.
struct PinBox : BoxFixture {
    const Pan pan = *Pan::parse("4444333322221111");
    PinBox() { add_payment_keys(*this); }
    Buffer sealed(const char* digits_text, hsm::PinFormat format = hsm::PinFormat::iso0) { return session_block(*this, digits_text, pan, format); }
    vault::PinVerify::Result check(const char* digits_text, const char* pvv = "7211") {
        const Buffer block = sealed(digits_text);
        return get<vault::PinVerify>({{{of_session(vault::PinFormat::iso0, block),
                                        pan,
                                        vault::PinMethod::visa_pvv,
                                        vault::KeyName("pvv"),
                                        digits(pvv)}}},
                                     kSwitch)
            .results.at(0);
    }
};

}  // namespace giro::test
