#include "switching/advice.hpp"

#include <chrono>

#include "iso8583/canonical.hpp"
#include "iso8583/chip.hpp"
#include "util/bytes.hpp"

namespace giro::switching {

namespace {
constexpr std::uint16_t kKeptTags[] = {
    0x9F26,  // application cryptogram
    0x9F27,  // cryptogram information data
    0x9F10,  // issuer application data
    0x9F37,  // unpredictable number
    0x9F36,  // application transaction counter
    0x95,    // terminal verification results
    0x9A,    // transaction date
    0x9C,    // transaction type
    0x9F02,  // amount, authorised
    0x5F2A,  // transaction currency code
    0x82,    // application interchange profile
    0x9F1A,  // terminal country code
    0x9F03,  // amount, other
    0x9F33,  // terminal capabilities
    0x9F34,  // cardholder verification method results
    0x9F35,  // terminal type
    0x5F34,  // PAN sequence number
    0x84,    // dedicated file name
    0x9F09,  // application version number
    0x9F41,  // transaction sequence counter
};
constexpr std::size_t kValueBytesMax = 32;

void append(Buffer& out, std::uint16_t tag, Bytes value) {
    if (tag > 0xFF) out.push_back(static_cast<std::byte>(tag >> 8U));
    out.push_back(static_cast<std::byte>(tag & 0xFFU));
    out.push_back(static_cast<std::byte>(value.size()));
    out.insert(out.end(), value.begin(), value.end());
}

template <std::size_t N>
FixedText<N> short_text(const iso8583::Dialect& dialect, const iso8583::Message& message, unsigned canonical) {
    const unsigned field = iso8583::wire_field(dialect.edition, canonical);
    const std::string_view value = field == 0 || !message.has(field) ? std::string_view() : message.field(field);
    return value.size() > N ? FixedText<N>() : FixedText<N>(value);
}
}  // namespace

std::uint16_t year_of(iso8583::Edition edition) noexcept {
    switch (edition) {
        case iso8583::Edition::y1987:
            return 1987;
        case iso8583::Edition::y1993:
            return 1993;
        case iso8583::Edition::y2003:
            return 2003;
    }
    return 0;
}

entry::AdviceData advice_data(const iso8583::Dialect& dialect, const iso8583::Message& message, const PaymentRequest& request) {
    entry::AdviceData out;
    out.edition = year_of(dialect.edition);
    out.expiry = request.expiry;
    out.entry_mode = short_text<12>(dialect, message, iso8583::kEntryModeField);
    out.card_sequence = short_text<3>(dialect, message, iso8583::kCardSequenceField);
    const auto chip = iso8583::chip_bytes_of(dialect, message);
    if (!chip || chip->size() > iso8583::kChipBytesMax) return out;
    for (const std::uint16_t tag : kKeptTags)
        if (const auto value = iso8583::chip_tag(*chip, tag); value && value->size() <= kValueBytesMax) append(out.chip, tag, *value);
    return out;
}

std::uint16_t atc_of(const entry::AdviceData& advice) noexcept {
    const auto atc = iso8583::chip_tag(advice.chip, 0x9F36);
    return atc && atc->size() == 2 ? load_be<std::uint16_t>(atc->data()) : std::uint16_t{0};
}

namespace {
// Packed digits; nothing for other nibbles, or more than 12 digits.
std::optional<MinorUnits> packed(Bytes digits) {
    constexpr std::size_t kBytesMax = 6;
    if (digits.size() > kBytesMax) return std::nullopt;
    MinorUnits value = 0;
    for (const std::byte b : digits)
        for (const unsigned digit : {std::to_integer<unsigned>(b >> 4), std::to_integer<unsigned>(b & std::byte{15})}) {
            if (digit > 9) return std::nullopt;
            value = value * 10 + digit;
        }
    return value;
}
}  // namespace

std::optional<MinorUnits> chip_amount_of(const entry::AdviceData& advice) {
    const auto amount = iso8583::chip_tag(advice.chip, 0x9F02);
    return amount ? packed(*amount) : std::nullopt;
}

Currency chip_currency_of(const entry::AdviceData& advice) {
    const auto currency = iso8583::chip_tag(advice.chip, 0x5F2A);
    const auto value = currency && currency->size() == 2 ? packed(*currency) : std::nullopt;
    return value ? static_cast<Currency>(*value) : Currency{0};
}

std::optional<std::int64_t> chip_day_of(const entry::AdviceData& advice) {
    using namespace std::chrono;
    const auto date = iso8583::chip_tag(advice.chip, 0x9A);
    const auto digits = date && date->size() == 3 ? packed(*date) : std::nullopt;
    if (!digits) return std::nullopt;
    const auto part = [&](MinorUnits of) { return static_cast<unsigned>(*digits / of % 100); };
    const year_month_day day{year(2000 + static_cast<int>(part(10'000))), month(part(100)), std::chrono::day(part(1))};
    if (!day.ok()) return std::nullopt;
    return sys_days(day).time_since_epoch().count();
}

}  // namespace giro::switching
