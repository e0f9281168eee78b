// Amounts as people and QR codes write them.
#include <algorithm>

#include <fmt/format.h>

#include "qr/mpm.hpp"

namespace giro::qr {

namespace {
// ISO 4217 table A.1: the currencies whose minor unit is not a hundredth, sorted.
struct Exception {
    Currency currency;
    unsigned digits;
};
constexpr Exception kExceptions[] = {
    {48, 3},  {108, 0}, {152, 0}, {174, 0}, {262, 0}, {324, 0}, {352, 0}, {368, 3}, {392, 0}, {400, 3},
    {410, 0}, {414, 3}, {434, 3}, {512, 3}, {548, 0}, {600, 0}, {646, 0}, {704, 0}, {788, 3}, {800, 0},
    {927, 4}, {940, 0}, {950, 0}, {952, 0}, {953, 0}, {990, 4}};

constexpr MinorUnits power_of_ten(unsigned n) noexcept { return n == 0 ? 1 : 10 * power_of_ten(n - 1); }
}  // namespace

unsigned minor_digits(Currency currency) noexcept {
    const auto* row = std::lower_bound(std::begin(kExceptions), std::end(kExceptions), currency,
                                       [](const Exception& e, Currency c) { return e.currency < c; });
    return row != std::end(kExceptions) && row->currency == currency ? row->digits : 2;
}

std::optional<MinorUnits> parse_amount(std::string_view text, Currency currency) noexcept {
    const unsigned places_max = minor_digits(currency);
    if (text.empty() || text.front() == '.') return std::nullopt;
    MinorUnits value = 0;
    unsigned places = 0;
    bool point = false;
    for (const char c : text) {
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || (point && ++places > places_max)) return std::nullopt;
        value = value * 10 + (c - '0');
        if (value > kAmountMax) return std::nullopt;
    }
    value *= power_of_ten(places_max - places);
    if (value <= 0 || value > kAmountMax) return std::nullopt;
    return value;
}

std::string format_amount(MinorUnits minor, Currency currency) {
    ASSERT(minor >= 0 && minor <= kAmountMax);
    const unsigned places = minor_digits(currency);
    if (places == 0) return fmt::format("{}", minor);
    const MinorUnits unit = power_of_ten(places);
    return fmt::format("{}.{:0{}}", minor / unit, minor % unit, places);
}

}  // namespace giro::qr
