// One rule of the routing table: which card payments it is for, and where they go. Declared by the operator (etc/routes.toml
// and the BINs of etc/giro.toml), so a mistake in it is told with file:line; what it is asked about comes from terminals.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "giro/types.hpp"

namespace giro::routing {

// Card numbers by their first digits, the issuer identification number (ISO/IEC 7812-1) and as much of the account's range
// as issuers publish.
inline constexpr unsigned kRangeDigits = 11;

// Card numbers whose first kRangeDigits digits, shorter ones filled with zeros, lie from `first` to `last`.
struct Range {
    std::uint64_t first = 0, last = 0;
    bool operator==(const Range&) const = default;
    [[nodiscard]] bool holds(std::uint64_t digits) const noexcept { return first <= digits && digits <= last; }
    [[nodiscard]] bool holds(const Range& other) const noexcept { return first <= other.first && other.last <= last; }
};
// "4", "970001" or "510000-559999": 1 to kRangeDigits digits, of both ends the same number, the first not above the last.
[[nodiscard]] std::optional<Range> parse_range(std::string_view text) noexcept;
// The shortest form that parse_range() takes.
[[nodiscard]] std::string to_string(const Range& range);
// What a card number (decimal digits) is compared by.
[[nodiscard]] std::uint64_t range_digits(std::string_view pan) noexcept;

// Schemes of customers' codes (EMVCo CPM) by their application identifier (ISO/IEC 7816-4): the registered provider, five
// bytes, and any part of what follows, as upper-case hexadecimal digits.
inline constexpr std::size_t kAidDigitsMin = 10, kAidDigitsMax = 32;
// "A000000677": an even number of digits within these bounds. Lower-case ones are taken too.
[[nodiscard]] std::optional<std::string> parse_aid(std::string_view text);

inline constexpr std::uint16_t kMinutesOfDay = 1440;
// A time of day as "22:30". Nothing: it is none.
[[nodiscard]] std::optional<std::uint16_t> parse_clock(std::string_view text) noexcept;
[[nodiscard]] std::string clock_text(std::uint16_t minute_of_day);

struct Query {
    std::string_view pan;  // decimal digits; empty: it is paid by a code
    Amount amount;
    std::string_view merchant;        // DE42, without the blanks at its end; may be empty
    std::uint16_t minute_of_day = 0;  // local, below kMinutesOfDay
    std::string_view aid{};           // of a code, as parse_aid() gives it
};

// All that is said must hold; what is not said holds always.
struct Conditions {
    std::vector<Currency> currencies;  // one of them; none: any
    MinorUnits amount_from = 0, amount_to = kAmountMax;  // both included
    std::vector<std::string> merchants;  // DE42; with '*' at its end, all that begin so; none: any
    std::uint16_t minute_from = 0, minute_to = 0;  // local, from .. to (excluded), also across midnight; the same: all day
    bool operator==(const Conditions&) const = default;
    [[nodiscard]] bool always() const { return *this == Conditions{}; }
    // Empty when all holds; else the first that does not, for a person: "currency 840 is not one of 963".
    [[nodiscard]] std::string why_not(const Query& query) const;
    [[nodiscard]] bool hold(const Query& query) const noexcept;
    // Whether whatever fits `other` fits these too.
    [[nodiscard]] bool cover(const Conditions& other) const;
};

struct Target {
    enum class Kind : std::uint8_t { decline, on_us, link };
    Kind kind = Kind::decline;
    std::uint32_t participant = 0;  // the issuer that owes what is approved
    std::uint16_t link = 0;         // the link's number, for Kind::link
    int product = -1;               // index in Config::card_products, for Kind::on_us; -1: none
    int stand_in = kOfLink;         // index in Config::stand_ins: who stands in while no link of the rule is up
    static constexpr int kOfLink = -1, kNobody = -2;
    bool operator==(const Target&) const = default;
};

struct Rule {
    std::string name;    // as the operator calls it
    std::string origin;  // file:line
    std::vector<Range> ranges;       // of cards,
    Conditions when;
    std::vector<Target> to;          // at least one; more than one are links, in the order in which they are tried
    bool implied = false;            // made of a BIN of giro.toml: it may well be that routes before it take all that it would
    std::vector<std::string> aids{}; // or of codes: parse_aid()
};

}  // namespace giro::routing
