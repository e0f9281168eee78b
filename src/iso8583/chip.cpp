#include "iso8583/chip.hpp"

#include <algorithm>

#include "giro/result.hpp"
#include "iso8583/hex_field.hpp"
#include "util/secret.hpp"

namespace giro::iso8583 {

namespace {

// Every tag is taken; which there are is looked at here.
const Layout& ber() {
    static const Layout layout = [] {
        Layout made;
        made.kind = Layout::Kind::ber_tlv;
        return made;
    }();
    return layout;
}

std::uint16_t tag_number(Bytes tag) noexcept {
    unsigned out = 0;
    for (const std::byte b : tag) out = out << 8 | std::to_integer<unsigned>(b);
    return tag.size() <= 2 ? static_cast<std::uint16_t>(out) : 0;
}

// The tags that a decision needs, in the order in which the first ten go under the cryptogram.
struct Wanted {
    std::uint16_t tag;
    std::uint8_t bytes;  // 0: as issuer application data, 7 to 32
    bool must;
};
constexpr Wanted kWanted[] = {{0x9F02, 6, true},  {0x9F03, 6, false}, {0x9F1A, 2, true}, {0x95, 5, true},
                              {0x5F2A, 2, true},  {0x9A, 3, true},    {0x9C, 1, true},   {0x9F37, 4, true},
                              {0x82, 2, true},    {0x9F36, 2, true},  {0x9F10, 0, true}, {0x9F26, 8, true},
                              {0x9F27, 1, false}, {0x5F34, 1, false}};
constexpr std::size_t kUnderCryptogram = 10;
enum At : std::size_t {
    kAmount = 0,
    kCurrency = 4,
    kAtc = 9,
    kIssuerData = 10,
    kCryptogram = 11,
    kInformation = 12,
    kSequence = 13
};
using Values = std::array<Bytes, std::size(kWanted)>;

// Issuer application data of Visa's formats 0, 1 and 3: length, key index, CVN, card verification results of 4 bytes,
// more.
constexpr std::size_t kIssuerDataMin = 7, kIssuerDataMax = 32, kCvnAt = 2, kCvrAt = 3, kCvrBytes = 4;

bool is_supported(std::uint8_t cvn) noexcept {
    return cvn == 10 || cvn == 18;
}

bool fits(const Wanted& wanted, std::size_t size) noexcept {
    if (wanted.bytes != 0) return size == wanted.bytes;
    return size >= kIssuerDataMin && size <= kIssuerDataMax;
}

bool collect(Bytes field, Values& values) noexcept {
    ElementReader reader(ber(), field);
    while (const auto element = reader.next()) {
        const auto* wanted = std::ranges::find(kWanted, tag_number(element->tag), &Wanted::tag);
        if (wanted == std::end(kWanted)) continue;
        Bytes& value = values[static_cast<std::size_t>(wanted - kWanted)];
        if (!value.empty() || !fits(*wanted, element->value.size())) return false;
        value = element->value;
    }
    for (std::size_t i = 0; i < values.size(); ++i)
        if (kWanted[i].must && values[i].empty()) return false;
    return reader.fault() == ElementFault::none;
}

// Digits packed two to a byte; nothing when one is none.
std::optional<std::uint64_t> packed_number(Bytes bcd) noexcept {
    std::uint64_t out = 0;
    for (const std::byte b : bcd) {
        const unsigned high = std::to_integer<unsigned>(b >> 4), low = std::to_integer<unsigned>(b & std::byte{15});
        if (high > 9 || low > 9) return std::nullopt;
        out = out * 100 + high * 10 + low;
    }
    return out;
}

void append(ChipData& out, Bytes value) noexcept {
    ASSERT(out.data_size + value.size() <= out.data_bytes.size());
    std::ranges::copy(value, out.data_bytes.begin() + out.data_size);
    out.data_size = static_cast<std::uint8_t>(out.data_size + value.size());
}

// What the card answered, by its own verification results, which stand under the cryptogram: two bits for the second GENERATE AC
// (10: there was none), two for the first. Nothing when they are reserved, or no results of Visa's kind (length 3).
std::optional<CryptogramType> answered(Bytes results) noexcept {
    constexpr unsigned kNone = 2, kReserved = 3;
    const unsigned byte = std::to_integer<unsigned>(results[1]);
    const unsigned second = byte >> 6, first = byte >> 4 & 3;
    const unsigned said = second == kNone ? first : second;
    if (results[0] != std::byte{3} || said == kReserved) return std::nullopt;
    return static_cast<CryptogramType>(said);
}

// False: it is malformed; as much of `out` as was understood is there.
bool read(Bytes field, ChipData& out) noexcept {
    Values values;
    if (!collect(field, values)) return false;
    const auto amount = packed_number(values[kAmount]);
    const auto currency = packed_number(values[kCurrency]);
    const auto sequence = packed_number(values[kSequence]);
    if (!amount || !currency || !sequence || *currency > 999) return false;
    out.amount = static_cast<MinorUnits>(*amount);
    out.currency = static_cast<Currency>(*currency);
    if (!values[kSequence].empty()) out.psn = static_cast<std::uint8_t>(*sequence);
    std::ranges::copy(values[kCryptogram], out.cryptogram.begin());
    std::ranges::copy(values[kAtc], out.atc.begin());
    const Bytes issuer = values[kIssuerData];
    out.cvn = std::to_integer<std::uint8_t>(issuer[kCvnAt]);
    static constexpr ByteArray<6> kNoOther{};
    for (std::size_t i = 0; i < kUnderCryptogram; ++i) append(out, values[i].empty() ? Bytes(kNoOther) : values[i]);
    append(out, out.cvn == 10 ? issuer.subspan(kCvrAt, kCvrBytes) : issuer);
    if (!is_supported(out.cvn)) return true;
    const auto type = answered(issuer.subspan(kCvrAt, kCvrBytes));
    if (!type) return false;
    out.type = *type;
    // 9F27 says the same, but under no cryptogram: anybody on the way could have changed it.
    return values[kInformation].empty() ||
           std::to_integer<unsigned>(values[kInformation][0]) >> 6 == static_cast<unsigned>(*type);
}

}  // namespace

ChipData chip_data_of(const Dialect& dialect, const Message& message) noexcept {
    ChipData out;
    if (!message.has(kChipField)) return out;
    if (message.has(kCardSequenceField)) {
        const auto sequence = message.number(kCardSequenceField);
        out.psn = sequence && *sequence <= 99 ? static_cast<std::uint8_t>(*sequence) : 0;
    }
    out.state = ChipData::State::malformed;
    ByteArray<kChipBytesMax> field;
    const auto size = bytes_of_field(dialect, message, kChipField, field);
    const bool whole = size && read(Bytes(field).first(*size), out);
    wipe(MutableBytes(field).first(size.value_or(0)));  // a number or a track may stand among it
    if (!whole) return out;
    out.state = is_supported(out.cvn) ? ChipData::State::whole : ChipData::State::unsupported;
    return out;
}

namespace {
// 1987: the first two digits, and which of them are said.
constexpr std::pair<std::string_view, CardEntry> kModes1987[] = {
    {"01", CardEntry::manual},      {"90", CardEntry::stripe},      {"02", CardEntry::stripe},
    {"05", CardEntry::chip},        {"95", CardEntry::chip},        {"07", CardEntry::contactless},
    {"91", CardEntry::contactless}, {"80", CardEntry::fallback}};
constexpr char kPinEntryPossible = '1';

// 1993: how the card was read, in the seventh of twelve.
constexpr std::size_t kCodes1993 = 12, kReadingAt1993 = 6;
constexpr std::pair<char, CardEntry> kReadings1993[] = {
    {'1', CardEntry::manual}, {'6', CardEntry::manual}, {'2', CardEntry::stripe}, {'5', CardEntry::chip}};

// 2003: flags of the reading method, the low ones in the first byte. In the order in which they count: who says two has to
// do what the stricter one asks.
constexpr std::size_t kBytes2003 = 16, kVerificationAt2003 = 4, kPlaceAt2003 = 8, kSecurityAt2003 = 12;
constexpr std::byte kVerificationUnknown2003{0x01}, kAttended2003{0x02}, kLineMac2003{0x08};
struct Reading2003 {
    std::size_t at;
    std::byte flag;
    CardEntry entry;
};
constexpr Reading2003 kReadings2003[] = {
    {1, std::byte{0x20}, CardEntry::fallback}, {1, std::byte{0x08}, CardEntry::fallback},  // the chip was read, and failed
    {0, std::byte{0x20}, CardEntry::chip},     {0, std::byte{0x02}, CardEntry::contactless},
    {0, std::byte{0x10}, CardEntry::stripe},   {0, std::byte{0x04}, CardEntry::manual},
    {0, std::byte{0x40}, CardEntry::manual}};  // kept on file
}  // namespace

CardEntry card_entry_of(const Dialect& dialect, const Message& message) noexcept {
    if (dialect.edition == Edition::y2003) {
        const Bytes flags = message.bytes(kEntryModeField);
        if (flags.size() != kBytes2003) return CardEntry::unknown;
        for (const auto& [at, flag, entry] : kReadings2003)
            if ((flags[at] & flag) != std::byte{0}) return entry;
        return CardEntry::unknown;
    }
    const std::string_view value = message.field(kEntryModeField);
    if (dialect.edition == Edition::y1993 && value.size() == kCodes1993) {
        for (const auto& [code, entry] : kReadings1993)
            if (value[kReadingAt1993] == code) return entry;
    }
    if (dialect.edition != Edition::y1987 || value.size() != 3) return CardEntry::unknown;
    for (const auto& [digits, entry] : kModes1987)
        if (value.starts_with(digits)) return entry;
    return CardEntry::unknown;
}

void put_card_entry(const Dialect& dialect, Message& message, CardEntry entry) {
    const FieldSpec& spec = dialect.fields[kEntryModeField];
    const auto is = [entry](const auto& row) { return row.second == entry; };
    if (!spec.defined()) return;
    if (dialect.edition == Edition::y1987) {
        const auto* mode = std::ranges::find_if(kModes1987, is);
        if (mode != std::end(kModes1987)) message.set(kEntryModeField, std::string(mode->first) + kPinEntryPossible);
    } else if (dialect.edition == Edition::y1993 && spec.max == kCodes1993) {
        const auto* reading = std::ranges::find_if(kReadings1993, is);
        if (reading == std::end(kReadings1993)) return;
        std::string codes = "510101000000";
        codes[kReadingAt1993] = reading->first;
        message.set(kEntryModeField, codes);
    } else if (dialect.edition == Edition::y2003 && spec.max == kBytes2003 && spec.body == BodyEncoding::binary) {
        ByteArray<kBytes2003> flags{};
        const auto* reading = std::ranges::find(kReadings2003, entry, &Reading2003::entry);
        if (reading == std::end(kReadings2003)) return;
        flags[reading->at] = reading->flag;
        flags[kVerificationAt2003] = kVerificationUnknown2003;
        flags[kPlaceAt2003] = kAttended2003;
        flags[kSecurityAt2003] = kLineMac2003;
        message.set(kEntryModeField, flags);
    }
}

Track2::~Track2() {
    wipe(std::as_writable_bytes(std::span(expiry.chars)));
    wipe(std::as_writable_bytes(std::span(service_code.chars)));
    wipe(std::as_writable_bytes(std::span(discretionary.chars)));
}

PrintedCvv::~PrintedCvv() {
    wipe(std::as_writable_bytes(std::span(value.chars)));
}

Track2 track2_of(const Message& message) noexcept {
    Track2 out;
    if (!message.has(kTrack2Field)) return out;
    out.state = Track2::State::malformed;
    const std::string_view track = message.trimmed(kTrack2Field);
    const std::size_t separator = track.find_first_of("=D");
    constexpr std::size_t kExpiry = 4, kService = 3;
    if (separator == std::string_view::npos || track.size() < separator + 1 + kExpiry + kService) return out;
    const std::string_view rest = track.substr(separator + 1);
    if (!std::ranges::all_of(rest, [](char c) { return c >= '0' && c <= '9'; })) return out;
    const auto pan = Pan::parse(track.substr(0, separator));
    if (!pan || rest.size() - kExpiry - kService > out.discretionary.chars.size()) return out;
    out.pan = *pan;
    out.expiry = FixedText<4>(rest.substr(0, kExpiry));
    out.service_code = FixedText<3>(rest.substr(kExpiry, kService));
    out.discretionary = FixedText<21>(rest.substr(kExpiry + kService));
    out.state = Track2::State::whole;
    return out;
}

PrintedCvv printed_cvv_of(const Dialect& dialect, const Message& message) noexcept {
    PrintedCvv out;
    if (dialect.cvv2_field == 0 || !message.has(dialect.cvv2_field)) return out;
    out.present = true;
    const std::string_view digits = message.trimmed(dialect.cvv2_field);
    const bool good = digits.size() == 3 && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
    if (good) out.value = FixedText<3>(digits);
    return out;
}

std::optional<Buffer> chip_bytes_of(const Dialect& dialect, const Message& message) {
    if (!message.has(kChipField)) return std::nullopt;
    Buffer field(message.bytes(kChipField).size());
    const auto size = bytes_of_field(dialect, message, kChipField, field);
    if (!size) return std::nullopt;
    field.resize(*size);
    return field;
}

bool put_chip(const Dialect& dialect, Message& message, Bytes field) {
    const FieldSpec& spec = dialect.fields[kChipField];
    const bool binary = spec.body == BodyEncoding::binary;
    if (!spec.defined() || field.empty() || spec.max < (binary ? field.size() : 2 * field.size())) return false;
    put_bytes(dialect, message, kChipField, field);
    return true;
}

Buffer issuer_authentication_field(Bytes data) {
    constexpr std::size_t kDataMax = 16;
    ASSERT(data.size() <= kDataMax);
    Buffer out(2 + data.size());
    out[0] = std::byte{0x91};
    out[1] = static_cast<std::byte>(data.size());
    std::ranges::copy(data, out.begin() + 2);
    return out;
}

std::optional<Bytes> chip_tag(Bytes field, std::uint16_t tag) noexcept {
    ElementReader reader(ber(), field);
    while (const auto element = reader.next())
        if (tag_number(element->tag) == tag) return element->value;
    return std::nullopt;
}

}  // namespace giro::iso8583
