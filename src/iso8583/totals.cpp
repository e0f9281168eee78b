#include "iso8583/totals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "iso8583/canonical.hpp"

namespace giro::iso8583 {

namespace {

struct Row {
    Total total;
    unsigned field_1987, field_1993;  // 0: none
    unsigned digits;
};
constexpr Row kRows[] = {
    {Total::credits, 74, 74, 10},        {Total::credit_reversals, 75, 75, 10},
    {Total::debits, 76, 76, 10},         {Total::debit_reversals, 77, 77, 10},
    {Total::authorisations, 81, 81, 10}, {Total::authorisation_reversals, 0, 90, 10},
    {Total::credits_amount, 86, 86, 16}, {Total::credit_reversals_amount, 87, 87, 16},
    {Total::debits_amount, 88, 88, 16},  {Total::debit_reversals_amount, 89, 89, 16},
};
constexpr unsigned kNetField = 97, kNetDigits = 16;
static_assert(std::size(kRows) + 1 == kTotals, "one row each; the net is signed");

unsigned field_of(Edition edition, const Row& row) noexcept {
    return edition == Edition::y1987 ? row.field_1987 : edition == Edition::y1993 ? row.field_1993 : 0;
}

bool fits(std::uint64_t value, unsigned digits) noexcept {
    std::uint64_t bound = 1;
    for (unsigned i = 0; i < digits; ++i) bound *= 10;
    return value < bound;
}

std::uint64_t magnitude(std::int64_t value) noexcept {
    return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
}

// Before the amount, 2003 says currency and decimals, as in DE4.
std::string unit_of(const Dialect& dialect, Currency currency) {
    return dialect.edition == Edition::y2003 ? fmt::format("{:03}{}", currency, kMinorDigits) : std::string();
}

std::optional<std::int64_t> read_net(const Dialect& dialect, std::string_view text, Currency currency) {
    const std::string unit = unit_of(dialect, currency);
    if (text.size() != 1 + unit.size() + kNetDigits || (text[0] != 'C' && text[0] != 'D')) return std::nullopt;
    if (text.substr(1, unit.size()) != unit) return std::nullopt;
    const std::string_view digits = text.substr(1 + unit.size());
    std::int64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || value < 0) return std::nullopt;
    return text[0] == 'C' ? -value : value;
}

// Whether it is a checkpoint; nothing for another function or currency.
std::optional<bool> read_function(const Dialect& dialect, const Message& message, Currency currency) {
    constexpr unsigned kFunctionField = 24, kCurrencyField = 50;
    struct Known {
        std::string_view code;
        bool checkpoint, says_currency;
    };
    static constexpr Known kKnown[] = {{"", false, false}, {"500", false, false}, {"501", true, false}, {"502", false, true}, {"503", true, true}};
    if (dialect.edition == Edition::y1987) return false;
    const auto* known = std::ranges::find(kKnown, message.field(kFunctionField), &Known::code);
    if (known == std::end(kKnown)) return std::nullopt;
    if (dialect.edition == Edition::y1993 && (known->says_currency || message.has(kCurrencyField)) &&
        message.field(kCurrencyField) != fmt::format("{:03}", currency))
        return std::nullopt;
    return known->checkpoint;
}

}  // namespace

bool put_totals(const Dialect& dialect, Message& message, const Claim& claim, Currency currency) {
    for (const Row& row : kRows) {
        const unsigned field = field_of(dialect.edition, row);
        const std::int64_t value = claim.totals[row.total];
        if (field == 0 || !dialect.fields[field].defined() || !claim.has(row.total) || value < 0) continue;
        if (fits(static_cast<std::uint64_t>(value), row.digits))
            message.set_number(field, static_cast<std::uint64_t>(value), row.digits);
    }
    if (claim.checkpoint && dialect.edition == Edition::y1987) return false;
    if (claim.checkpoint) put_function(dialect, message, Function::checkpoint_reconciliation);
    const std::int64_t net = claim.totals[Total::net];
    if (!claim.has(Total::net) || !dialect.fields[kNetField].defined() || !fits(magnitude(net), kNetDigits)) return true;
    message.set(kNetField, fmt::format("{}{}{:016}", net < 0 ? 'C' : 'D', unit_of(dialect, currency), magnitude(net)));
    return true;
}

std::optional<Claim> read_totals(const Dialect& dialect, const Message& message, Currency currency) {
    Claim claim;
    for (const Row& row : kRows) {
        const unsigned field = field_of(dialect.edition, row);
        if (field == 0 || !message.has(field)) continue;
        const auto value = message.number(field);
        if (!value) return std::nullopt;
        claim.say(row.total, static_cast<std::int64_t>(*value));  // at most 18 digits
    }
    const auto net = read_net(dialect, message.field(kNetField), currency);
    if (!net) return std::nullopt;
    claim.say(Total::net, *net);
    const auto checkpoint = read_function(dialect, message, currency);
    if (!checkpoint) return std::nullopt;
    claim.checkpoint = *checkpoint;
    return claim;
}

void put_settlement_code(const Dialect& dialect, Message& message, bool in_balance) {
    if (dialect.edition == Edition::y1987 && dialect.fields[66].defined()) message.set(66, in_balance ? "1" : "2");
}

}  // namespace giro::iso8583
