#include "iso8583/canonical.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

#include <fmt/format.h>

#include "iso8583/request.hpp"

namespace giro::iso8583 {

namespace {
constexpr std::uint64_t kAmountDigitsMax = 1'000'000'000'000;  // 12 digits hold less

// The year in which a month of a transaction lies that happened around `wall_ns`.
int year_of(unsigned month, std::uint64_t wall_ns) noexcept {
    const auto seconds = static_cast<std::time_t>(wall_ns / 1'000'000'000);
    std::tm now{};
    gmtime_r(&seconds, &now);
    const int year = now.tm_year + 1900;
    const int months = static_cast<int>(month) - (now.tm_mon + 1);
    return months > 6 ? year - 1 : months < -6 ? year + 1 : year;
}

int year_of(std::string_view date, std::uint64_t wall_ns) noexcept {
    return year_of(date.size() == 4 ? static_cast<unsigned>((date[0] - '0') * 10 + (date[1] - '0')) : 1, wall_ns);
}

// YYMMDDhhmmss, or CCYYMMDDhhmmss in 2003.
std::string dated(Edition edition, std::string_view time, std::string_view date, std::uint64_t wall_ns) {
    const int year = year_of(date, wall_ns);
    if (edition == Edition::y2003) return fmt::format("{:04}{}{}", year, date, time);
    return fmt::format("{:02}{}{}", year % 100, date, time);
}
}  // namespace

unsigned wire_field(Edition edition, unsigned n) noexcept {
    struct Moved {
        unsigned of_1987, in_1993, in_2003;
    };
    static constexpr Moved kMoved[] = {{13, 12, 12}, {18, 26, 26}, {24, 0, 0}, {49, 49, 4}, {70, 24, 24}, {90, 56, 56}, {95, 30, 30}};
    if (edition == Edition::y1987) return n;
    const auto* moved = std::ranges::find(kMoved, n, &Moved::of_1987);
    if (moved == std::end(kMoved)) return n;
    return edition == Edition::y1993 ? moved->in_1993 : moved->in_2003;
}

void put_mti(const Dialect& dialect, Message& message, std::string_view mti) noexcept {
    ASSERT(mti.size() == 4);
    const std::array<char, 4> own = {static_cast<char>('0' + static_cast<int>(dialect.edition)), mti[1], mti[2],
                                     mti[3]};
    message.set_mti({own.data(), own.size()});
}

Mti canonical_mti(const Dialect& dialect, std::string_view digits) noexcept {
    const Mti mti = to_mti(digits);
    const bool own = mti >> 12 == static_cast<unsigned>(dialect.edition);
    return static_cast<Mti>((own ? 0 : 0xF000) | (mti & 0x0fff));
}

void put_amount(const Dialect& dialect, Message& message, MinorUnits amount, Currency currency) {
    const auto minor = static_cast<std::uint64_t>(amount);
    ASSERT(amount >= 0 && minor < kAmountDigitsMax);
    if (dialect.edition == Edition::y2003)
        return message.set(4, fmt::format("{:03}{}{:012}", currency, kMinorDigits, minor));
    message.set_number(4, minor, 12);
    message.set_number(49, currency, 3);
}

void put_stan(const Dialect& dialect, Message& message, std::uint32_t stan) {
    message.set_number(11, stan, dialect.edition == Edition::y2003 ? 12 : 6);
}

void put_local_time(const Dialect& dialect, Message& message, std::string_view time, std::string_view date,
                    std::uint64_t wall_ns) {
    if (dialect.edition != Edition::y1987) return message.set(12, dated(dialect.edition, time, date, wall_ns));
    message.set(12, time);
    message.set(13, date);
}

bool is_year_of(std::string_view year, std::string_view date, std::uint64_t wall_ns) noexcept {
    int said = 0;
    for (const char c : year) said = said * 10 + (c - '0');
    const int nearest = year_of(date, wall_ns);
    return said == (year.size() == 2 ? nearest % 100 : nearest);
}

void put_response_code(const Dialect& dialect, Message& message, std::string_view code) {
    message.set(39, to_wire(dialect.response_codes, code, message.mti()[1]).view());
}

void put_network_code(const Dialect& dialect, Message& message, unsigned code) {
    message.set(wire_field(dialect.edition, 70), to_wire(dialect.network_codes, fmt::format("{:03}", code)).view());
}

void put_function(const Dialect& dialect, Message& message, Function function) {
    constexpr unsigned kFunctionField = 24;
    if (dialect.edition == Edition::y1987 || !dialect.fields[kFunctionField].defined()) return;
    message.set_number(kFunctionField, static_cast<std::uint64_t>(function), 3);
}

namespace {
constexpr unsigned kReasonField = 25;

const FixedText<4>& code_of(const Dialect& dialect, MessageReason reason) noexcept {
    return dialect.reason_codes[static_cast<std::size_t>(reason)];
}
}  // namespace

void put_reason(const Dialect& dialect, Message& message, MessageReason reason) {
    const FixedText<4>& other = code_of(dialect, MessageReason::other);
    if (reason == MessageReason::none || other.empty()) return;
    const FixedText<4>& code = code_of(dialect, reason);
    message.set(kReasonField, (code.empty() ? other : code).view());
}

MessageReason reason_of(const Dialect& dialect, const Message& message) noexcept {
    if (code_of(dialect, MessageReason::other).empty() || !message.has(kReasonField)) return MessageReason::none;
    for (std::size_t i = static_cast<std::size_t>(MessageReason::other) + 1; i < kMessageReasons; ++i)
        if (dialect.reason_codes[i].view() == message.field(kReasonField)) return static_cast<MessageReason>(i);
    return MessageReason::other;
}

bool put_reversal_amounts(const Dialect& dialect, Message& message, MinorUnits original, Currency currency,
                          MinorUnits stands) {
    const bool in_part = stands != 0;
    put_function(dialect, message, in_part ? Function::partial_reversal : Function::full_reversal);
    put_amount(dialect, message, original, currency);
    if (!in_part) return true;
    switch (dialect.partial_reversal) {
        case PartialReversal::none:
            return false;
        case PartialReversal::replacement:  // transaction n 12, settlement n 12, two fees x+n 8
            message.set(95, fmt::format("{:012}{:012}C{:08}C{:08}", stands, 0, 0, 0));
            return true;
        case PartialReversal::amount_stands:
            put_amount(dialect, message, stands, currency);
            break;
        case PartialReversal::amount_reversed:
            if (stands > original) return false;
            put_amount(dialect, message, original - stands, currency);
            break;
    }
    // Transaction, reconciliation: in 2003 each with currency and decimals, as DE4 has them.
    const std::string unit = dialect.edition == Edition::y2003 ? fmt::format("{:03}{}", currency, kMinorDigits) : "";
    message.set(30, fmt::format("{}{:012}{}{:012}", unit, original, unit, 0));
    return true;
}

std::optional<Amount> original_amount(const Dialect& dialect, const Message& message) {
    const std::size_t unit = dialect.edition == Edition::y2003 ? 4 : 0;
    constexpr std::size_t kDigits = 12;
    const std::string_view text = message.field(30);
    if (text.size() != 2 * (unit + kDigits)) return std::nullopt;
    Amount out;
    const auto read = [&](std::size_t from, std::size_t size, auto& value) {
        const std::string_view digits = text.substr(from, size);
        const auto parsed = std::from_chars(digits.data(), digits.data() + size, value);
        return parsed.ec == std::errc() && parsed.ptr == digits.data() + size && digits[0] != '-';
    };
    if (!read(unit, kDigits, out.minor)) return std::nullopt;
    unsigned decimals = kMinorDigits;
    if (unit != 0 && (!read(0, 3, out.currency) || !read(3, 1, decimals))) return std::nullopt;
    return decimals == kMinorDigits ? std::optional(out) : std::nullopt;
}

void put_original(const Dialect& dialect, Message& message, const Original& original, std::uint64_t wall_ns) {
    if (dialect.edition == Edition::y1987)
        return message.set(90, fmt::format("{}{:06}{}{:0>11}{:0>11}", original.mti, original.stan,
                                           original.transmission, original.acquirer, ""));
    const std::string local = dated(dialect.edition, original.local_time, original.local_date, wall_ns);
    const auto version = static_cast<int>(dialect.edition);
    if (dialect.edition == Edition::y2003)
        return message.set(56, fmt::format("{}{}{:012}{}{:0>11}", version, original.mti.substr(1), original.stan, local,
                                           original.acquirer));
    message.set(56, fmt::format("{}{}{:06}{}{:02}{}", version, original.mti.substr(1), original.stan, local,
                                original.acquirer.size(), original.acquirer));
}

FixedText<4> to_wire(const CodeMap& map, std::string_view canonical, char mti_class) noexcept {
    if (map.pairs.empty()) return FixedText<4>(canonical);
    const CodeMap::Pair* general = nullptr;
    for (const auto& pair : map.pairs) {
        const std::string_view listed = pair.canonical.view();
        if (listed == canonical) general = &pair;
        const bool of_class =
            listed.size() == canonical.size() + 2 && listed.starts_with(canonical) && listed.back() == mti_class;
        if (of_class) return pair.wire;
    }
    return general == nullptr ? map.other : general->wire;
}

std::optional<FixedText<4>> from_wire(const CodeMap& map, std::string_view wire) noexcept {
    if (map.pairs.empty()) return FixedText<4>(wire);
    for (const auto& pair : map.pairs) {
        const std::string_view listed = pair.canonical.view();
        if (pair.wire.view() == wire) return FixedText<4>(listed.substr(0, listed.find('@')));
    }
    return std::nullopt;
}

}  // namespace giro::iso8583
