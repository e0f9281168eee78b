// Merchant-presented QR codes: EMVCo "QR Code Specification for Payment Systems, Merchant-Presented Mode" v1.1.
// The text a shop shows and a wallet scans. Read by `giro wallet` and `giro pos`; whoever printed the code is hostile.
//
// Grammar: objects of a two-digit id, a two-digit length in characters, and a value; the CRC (id 63) last, a
// CRC-16/CCITT-FALSE over every UTF-8 byte before its own value, as four upper-case hexadecimal digits.
#pragma once

#include <optional>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::qr {

inline constexpr std::size_t kPayloadCharsMax = 512;  // MPM 3.2: "should not exceed 512 alphanumeric characters"
inline constexpr std::size_t kPayloadBytesMax = 4 * kPayloadCharsMax;
inline constexpr std::string_view kGiroIdentifier = "org.giro.pay";  // globally unique identifier of our template
inline constexpr std::uint8_t kGiroTag = 26;

enum class QrError : std::uint8_t {
    too_long,          // more than kPayloadCharsMax
    not_utf8,          // MPM 3.1.2
    bad_object,        // an id or length that is not two digits, a zero length, or a value past the end
    bad_crc,           // absent, not last, or wrong
    bad_format,        // id 00 is not first or not "01"
    duplicate_object,  // an id twice
    missing_object,    // a mandatory id (52 53 58 59 60, a merchant account, a template's 00) is absent
    bad_value,         // length or characters outside the standard's table 3.2 to 3.9
    bad_base64,        // CPM: not canonical base64
    bad_tlv,           // CPM: not definite-length BER-TLV, or a wrong template
    not_giro,          // well-formed, but of another scheme
};
[[nodiscard]] std::string_view to_string(QrError error) noexcept;

struct DataObject {
    std::uint8_t id = 0;
    std::string value;
    bool operator==(const DataObject&) const = default;
};
struct Template {  // 26-51, 62, 64 and 80-99
    std::uint8_t id = 0;
    std::vector<DataObject> objects;
    [[nodiscard]] const std::string* find(std::uint8_t object_id) const noexcept;
    bool operator==(const Template&) const = default;
};
enum class Initiation : std::uint8_t { unspecified, once = 12, many = 11 };

struct MpmPayload {
    Initiation initiation = Initiation::unspecified;  // 01
    std::vector<DataObject> card_accounts;            // 02-25, payment systems' own numbers
    std::vector<Template> accounts;                   // 26-51
    std::string category;                             // 52, merchant category code
    Currency currency = 0;                            // 53
    std::optional<std::string> amount;                // 54, decimal text such as "23.72"
    std::optional<std::string> tip;                   // 55: "01" prompt, "02" fixed fee in 56, "03" percentage in 57
    std::optional<std::string> fee_fixed;             // 56
    std::optional<std::string> fee_percent;           // 57
    std::string country;                              // 58, ISO 3166-1 alpha 2
    std::string name;                                 // 59
    std::string city;                                 // 60
    std::optional<std::string> postal_code;           // 61
    std::optional<Template> additional;               // 62
    std::optional<Template> language;                 // 64
    std::vector<DataObject> reserved;                 // 65-79, kept as they are
    std::vector<Template> unreserved;                 // 80-99
    bool operator==(const MpmPayload&) const = default;
};

[[nodiscard]] Expected<MpmPayload, QrError> decode_mpm(std::string_view text);
// The payload's text with its CRC, objects in ascending id. Refuses what decode_mpm() would refuse.
[[nodiscard]] Expected<std::string, QrError> encode_mpm(const MpmPayload& payload);

// Our scheme's template, id 26: 00 "org.giro.pay", 01 merchant id, 02 terminal id, 03 order id (32 hexadecimal digits).
struct GiroAccount {
    MerchantId merchant;
    TerminalId terminal;  // may be empty
    ByteArray<16> order_id{};
    bool operator==(const GiroAccount&) const = default;
};
[[nodiscard]] Expected<GiroAccount, QrError> giro_account(const MpmPayload& payload);
[[nodiscard]] Template giro_template(const GiroAccount& account);

// Decimal places of a currency's minor unit (ISO 4217): 2 for most.
[[nodiscard]] unsigned minor_digits(Currency currency) noexcept;
// "23.72" of a currency with two places is 2372. Nothing: not a number, too many places, zero or over kAmountMax.
[[nodiscard]] std::optional<MinorUnits> parse_amount(std::string_view text, Currency currency) noexcept;
[[nodiscard]] std::string format_amount(MinorUnits minor, Currency currency);

// CRC-16/CCITT-FALSE: polynomial 1021, initial FFFF, no reflection (MPM 4.7.3.1, ISO/IEC 13239).
[[nodiscard]] std::uint16_t crc16_ccitt_false(Bytes data) noexcept;

}  // namespace giro::qr
