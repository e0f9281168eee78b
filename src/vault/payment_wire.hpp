// The vault's verbs for payment cryptography: DUKPT, PINs, card checks, and the keys these use. Form and rules are
// wire.hpp's; what the verbs compute, and by which standard, stands in hsm/payment/.
//
// Keys are named. A name that is not there, or whose key is of another usage, gives that item's refusal, not a closed
// connection: which keys a box has is its operator's to say.
#pragma once

#include "vault/wire.hpp"

namespace giro::vault {

using KeyName = FixedText<22>;  // of [a-z0-9.-], not starting with a dot

inline constexpr std::size_t kKsnBytesMax = 12;  // 12: AES DUKPT (X9.24-3), 10: TDES DUKPT (X9.24-1)
inline constexpr std::size_t kPinBlockBytesMax = 16;
inline constexpr std::size_t kPinDigitsMax = 12;
inline constexpr std::size_t kArqcDataBytesMax = 512;
inline constexpr std::size_t kArpcBytesMax = 8;
inline constexpr std::size_t kKeyBlockTextMax = 4096;
inline constexpr std::size_t kPaymentKeysMax = 256;
inline constexpr std::size_t kComponentBytesMax = 64;

// --- for the switch ----------------------------------------------------------------------------------------------

// dukpt_verify: a message's MAC under the KSN it came with. A KSN whose counter is not beyond the last good one of its
// terminal is `repeated`, but for that last one itself with a good MAC: `again`, perhaps a repeat, which decides nothing new.
// Only a good MAC moves the counter: a stranger cannot burn a terminal's keys.
enum class DukptVerdict : std::uint8_t { good = 1, bad_mac = 2, repeated = 3, unknown = 4, again = 5 };
inline constexpr std::array kDukptVerdicts = {DukptVerdict::good, DukptVerdict::bad_mac, DukptVerdict::repeated,
                                              DukptVerdict::unknown, DukptVerdict::again};
struct DukptVerify {
    static constexpr auto kType = bus::MessageType::vault_dukpt_verify;
    struct Item {
        KeyName bdk;
        Bytes ksn;
        Mac8 mac{};
        Bytes data;
        MacKind kind = MacKind::aes_cmac;
    };
    struct Request {
        std::vector<Item> items;
    };
    struct Reply {
        std::vector<DukptVerdict> verdicts;
    };
};

// dukpt_mac: the answer's MAC, under the response key of the KSN whose message was verified last; not made for any
// other.
struct DukptMac {
    static constexpr auto kType = bus::MessageType::vault_dukpt_mac;
    struct Item {
        KeyName bdk;
        Bytes ksn;
        Bytes data;
        MacKind kind = MacKind::aes_cmac;
    };
    struct Request {
        std::vector<Item> items;
    };
    struct Result {
        bool made = false;
        Mac8 mac{};
    };
    struct Reply {
        std::vector<Result> macs;
    };
};

enum class PinFormat : std::uint8_t { iso0 = 0, iso1 = 1, iso3 = 3, iso4 = 4 };  // ISO 9564-1
inline constexpr std::array kPinFormats = {PinFormat::iso0, PinFormat::iso1, PinFormat::iso3, PinFormat::iso4};

// A PIN as a terminal sent it: under the DUKPT PIN key of a KSN below the base key `key`, which may be used once; or, with
// neither, under the PIN session key of `terminal` for a nonce that is not zero. No other key deciphers a PIN at a switch's
// wish: a zone's never does.
struct EncryptedPin {
    KeyName key{};
    Bytes ksn{};
    PinFormat format = PinFormat::iso0;
    Bytes block{};
    TerminalId terminal{};
    Nonce nonce{};
};

// pin_translate: the block under a zone key. Empty: refused (PCI PIN 3-3, a block that is none, a repeated KSN, no
// key).
struct PinTranslate {
    static constexpr auto kType = bus::MessageType::vault_pin_translate;
    struct Item {
        EncryptedPin pin;
        Pan pan;
        KeyName to_key;
        PinFormat to = PinFormat::iso0;
    };
    struct Request {
        std::vector<Item> items;
    };
    struct Reply {
        std::vector<Buffer> blocks;
    };
};

// pin_verify: on-us PINs. Wrong ones are counted per card, across restarts; at kPinAttemptsMax the card is locked and
// no PIN is looked at any more, until pin_unlock.
inline constexpr std::uint8_t kPinAttemptsMax = 3;
enum class PinMethod : std::uint8_t { visa_pvv = 1, ibm_3624 = 2 };
inline constexpr std::array kPinMethods = {PinMethod::visa_pvv, PinMethod::ibm_3624};
enum class PinVerdict : std::uint8_t { good = 1, wrong = 2, locked = 3, refused = 4 };
inline constexpr std::array kPinVerdicts = {PinVerdict::good, PinVerdict::wrong, PinVerdict::locked,
                                            PinVerdict::refused};
struct PinVerify {
    static constexpr auto kType = bus::MessageType::vault_pin_verify;
    struct Item {
        EncryptedPin pin;
        Pan pan;
        PinMethod method = PinMethod::visa_pvv;
        KeyName pvk;
        Buffer on_file;         // the card's PVV (4) or offset (as many as the PIN has), a digit of 0 to 9 each
        std::uint8_t pvki = 1;  // Visa PVV
        ByteArray<16> table{};  // IBM 3624: decimalisation, 0 to 9 each
        std::uint8_t first = 0, count = 16, pad = 15;  // IBM 3624: which PAN digits are the validation data
        std::uint32_t request = 0;  // tells requests apart: a wrong PIN that counts is not counted again for the same one
    };
    struct Request {
        std::vector<Item> items;
    };
    struct Result {
        PinVerdict verdict = PinVerdict::refused;
        std::uint8_t attempts_left = 0;
    };
    struct Reply {
        std::vector<Result> results;
    };
};

// cvv_verify: CVV/CVC (the stripe's service code), iCVV (999) or CVV2 (000), as the item's service code says. Wrong ones are
// counted per card, across restarts and whatever the switch says; after five none is good for an hour, then one more try
// an hour (hsm/payment/wrong_values.hpp). `with_last`: of the same message as the item before it, of the same card, and one of
// the two is a CVV2: both count once. The third in a row is one of its own.
struct CvvVerify {
    static constexpr auto kType = bus::MessageType::vault_cvv_verify;
    struct Item {
        KeyName key;
        Pan pan;
        FixedText<4> expiry;
        FixedText<3> service_code;
        FixedText<3> value;
        bool with_last = false;
    };
    struct Request {
        std::vector<Item> items;
    };
    struct Reply {
        std::vector<bool> good;
    };
};

// arqc_verify: a chip card's cryptogram over `data` (the values of the CVN's list, the ATC among them), and what answers it.
// ARPC: CVN 10 by method 1 from the response code (8 bytes), CVN 18 by method 2 from the card status update (4 bytes); one in
// case the payment is approved and one in case it is not, both or none, and only with verdict `good`.
//
// The card's transaction counter (ATC) is the vault's to keep, across restarts, by PAN and sequence number:
//   online   beyond every one that was seen; or the last one again with the same cryptogram for the same `request`, which a
//            switch asks about when it stopped before it had written down what it decided
//   again    only that last one: counts nothing. For a request that was decided.
//   advice   each once, in any order, back to kAtcWindow before the last one; the last advice again as above
enum class ArqcUse : std::uint8_t { online = 1, again = 2, advice = 3 };
inline constexpr std::array kArqcUses = {ArqcUse::online, ArqcUse::again, ArqcUse::advice};
enum class ArqcVerdict : std::uint8_t {
    good = 1,
    wrong = 2,    // the cryptogram is not this card's over this data
    used = 3,     // it is, but its counter was used, or is one from before
    refused = 4,  // no such key, no such CVN, or data that is none
};
inline constexpr std::array kArqcVerdicts = {ArqcVerdict::good, ArqcVerdict::wrong, ArqcVerdict::used, ArqcVerdict::refused};
inline constexpr std::uint32_t kAtcWindow = 32;
struct ArqcVerify {
    static constexpr auto kType = bus::MessageType::vault_arqc_verify;
    struct Item {
        KeyName key;
        Pan pan;
        std::uint8_t psn = 0;   // 0 to 99
        bool option_b = false;  // of the ICC key's derivation
        std::uint8_t cvn = 10;  // 10 or 18
        Bytes data;
        ByteArray<8> arqc{};
        ByteArray<2> code_approved{}, code_declined{};  // CVN 10
        ByteArray<4> csu_approved{}, csu_declined{};    // CVN 18
        ArqcUse use = ArqcUse::online;
        ByteArray<16> request{};  // tells requests apart
    };
    struct Request {
        std::vector<Item> items;
    };
    struct Result {
        ArqcVerdict verdict = ArqcVerdict::refused;
        Buffer arpc_approved, arpc_declined;
    };
    struct Reply {
        std::vector<Result> results;
    };
};

// --- for the operator --------------------------------------------------------------------------------------------

// What `giro key list` shows of a key: its key block's header (TR-31), and its check value.
struct KeyRow {
    KeyName name;
    std::string header;
    Kcv kcv{};
};

struct KeyList {
    static constexpr auto kType = bus::MessageType::vault_key_list;
    struct Request {};
    struct Reply {
        std::vector<KeyRow> keys;
    };
};

// key_import: a key block under a KEK that is there. A name that is taken is refused (rotate, or choose another).
struct KeyImport {
    static constexpr auto kType = bus::MessageType::vault_key_import;
    struct Request {
        KeyName name;
        KeyName kek;
        std::string block;
    };
    struct Reply {
        KeyRow key;
    };
};

// key_export: the key in a version D block under an AES KEK; refused when its header says it is not exportable.
struct KeyExport {
    static constexpr auto kType = bus::MessageType::vault_key_export;
    struct Request {
        KeyName name;
        KeyName kek;
    };
    struct Reply {
        std::string block;
        Kcv kcv{};
    };
};

// key_rotate: a new random key of the same kind and the next version; what was there is kept as NAME.old, for messages
// on their way. `header`: empty, or for a name that is not there the 16 characters of the key to make.
struct KeyRotate {
    static constexpr auto kType = bus::MessageType::vault_key_rotate;
    struct Request {
        KeyName name;
        std::string header;
    };
    struct Reply {
        KeyRow key;
    };
};

// key_component: the ceremony. Two enrolled officers each enter one component of a key, each signing component_digest()
// (digests.hpp) with their own key; the key is the XOR of both. The first component waits in locked memory, at most
// kComponentWait_ms; the same officer twice is refused.
inline constexpr std::uint64_t kComponentWait_ms = 15 * 60 * 1000;
struct KeyComponent {
    static constexpr auto kType = bus::MessageType::vault_key_component;
    struct Request {
        KeyName name;
        std::string header;
        std::string officer;
        Buffer signature;
        Secret component;
    };
    struct Reply {
        Kcv component{};
        bool complete = false;
        Kcv sum{};
    };
};

// pin_unlock: forgets a card's wrong PINs. The card is named by its PAN's token, as the journal has it.
struct PinUnlock {
    static constexpr auto kType = bus::MessageType::vault_pin_unlock;
    struct Request {
        PanToken card{};
    };
    struct Reply {};
};

}  // namespace giro::vault
