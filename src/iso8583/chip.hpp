// What a card says of itself in a message, beside its number: the chip's data (DE55, EMV Book 3 Annex A and B), the
// stripe (DE35), the printed verification value, and how it was read (DE22). Run by giro-switch; simulators write with
// put_chip().
//
// Hostile: the terminal with good keys, which may send any bytes. What is malformed says so; nothing is read outside a
// field.
#pragma once

#include <optional>

#include "iso8583/message.hpp"

namespace giro::iso8583 {

inline constexpr unsigned kEntryModeField = 22, kCardSequenceField = 23, kTrack2Field = 35, kChipField = 55;

// The application cryptogram's type, by the card verification results, which it covers; 9F27 that says otherwise is malformed.
enum class CryptogramType : std::uint8_t { aac = 0, tc = 1, arqc = 2 };

// The data under an application cryptogram of CVN 10 or 18 (Visa; hsm/payment/emv.hpp), and what stands beside it.
struct ChipData {
    enum class State : std::uint8_t {
        absent,
        malformed,    // no BER-TLV, a tag twice, one missing, of a wrong size or against another; `type` may be known
        unsupported,  // a cryptogram version other than 10 and 18
        whole,
    };
    // Amounts 6 6, country 2, TVR 5, currency 2, date 3, type 1, unpredictable number 4, AIP 2, ATC 2, issuer's data up
    // to 32.
    static constexpr std::size_t kDataBytesMax = 33 + 32;
    State state = State::absent;
    CryptogramType type = CryptogramType::arqc;
    std::uint8_t cvn = 0;       // cryptogram version number, from the issuer application data (9F10)
    std::uint8_t psn = 0;       // PAN sequence number: 5F34, or DE23; 0: none
    ByteArray<8> cryptogram{};  // 9F26
    ByteArray<2> atc{};         // 9F36
    MinorUnits amount = 0;      // 9F02
    Currency currency = 0;      // 5F2A
    std::uint8_t data_size = 0;
    ByteArray<kDataBytesMax> data_bytes{};  // the values of the CVN's list, concatenated
    [[nodiscard]] Bytes data() const noexcept { return Bytes(data_bytes).first(data_size); }
};
// Of a DE55 of up to kChipBytesMax; a longer one is malformed here.
inline constexpr std::size_t kChipBytesMax = 1024;
[[nodiscard]] ChipData chip_data_of(const Dialect& dialect, const Message& message) noexcept;

// How the card number came to the terminal: DE22. 1987: n 3, its first two digits; 1993: an 12, its seventh; 2003: b 16, of
// which the first four bytes are flags of how the card was read. Unknown: absent, or no word that is agreed on.
enum class CardEntry : std::uint8_t { unknown, manual, stripe, fallback, chip, contactless };
[[nodiscard]] CardEntry card_entry_of(const Dialect& dialect, const Message& message) noexcept;
// Says it so, at an attended terminal with a chip reader and a PIN pad; nothing where the dialect has no DE22 of that form.
void put_card_entry(const Dialect& dialect, Message& message, CardEntry entry);

// DE35 (ISO/IEC 7813): card number, separator, expiry YYMM, service code, discretionary data.
struct Track2 {
    enum class State : std::uint8_t { absent, malformed, whole };
    State state = State::absent;
    Pan pan;
    FixedText<4> expiry;
    FixedText<3> service_code;
    FixedText<21> discretionary;  // digits, the CVV among them
    Track2() = default;
    Track2(const Track2&) = default;
    Track2& operator=(const Track2&) = default;
    ~Track2();  // wipes
};
[[nodiscard]] Track2 track2_of(const Message& message) noexcept;

// What is printed on the card (CVV2): 3 digits in the dialect's cvv2_field.
struct PrintedCvv {
    bool present = false;  // there is such a field;
    FixedText<3> value;    // empty: it holds no such digits
    PrintedCvv() = default;
    PrintedCvv(const PrintedCvv&) = default;
    PrintedCvv& operator=(const PrintedCvv&) = default;
    ~PrintedCvv();  // wipes
};
[[nodiscard]] PrintedCvv printed_cvv_of(const Dialect& dialect, const Message& message) noexcept;

// The field's bytes, however many; nothing when it is absent or no bytes.
[[nodiscard]] std::optional<Buffer> chip_bytes_of(const Dialect& dialect, const Message& message);
// False when the dialect has no room for them.
[[nodiscard]] bool put_chip(const Dialect& dialect, Message& message, Bytes field);
// DE55 with tag 91 alone, issuer authentication data of at most 16 bytes (EMV Book 3 Annex A; ASSERTed).
[[nodiscard]] Buffer issuer_authentication_field(Bytes data);
// The value of a tag that stands at the top of DE55's bytes; nothing when it is not there, or what stands before it is
// malformed.
[[nodiscard]] std::optional<Bytes> chip_tag(Bytes field, std::uint16_t tag) noexcept;

}  // namespace giro::iso8583
