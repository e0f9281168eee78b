#include "routing/rule.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace giro::routing {

namespace {

// `text` with its end filled up to kRangeDigits. Nothing: not 1 to kRangeDigits decimal digits.
std::optional<std::uint64_t> filled(std::string_view text, char fill) noexcept {
    if (text.empty() || text.size() > kRangeDigits) return std::nullopt;
    std::uint64_t value = 0;
    for (unsigned i = 0; i < kRangeDigits; ++i) {
        const char c = i < text.size() ? text[i] : fill;
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
}

// Whether each merchant that `pattern` names is named by `by`.
bool is_named(std::string_view pattern, std::string_view by) noexcept {
    if (!by.ends_with('*')) return pattern == by;
    return pattern.starts_with(by.substr(0, by.size() - 1));
}

bool in_hours(const Conditions& when, unsigned minute) noexcept {
    if (when.minute_from == when.minute_to) return true;
    const bool after = minute >= when.minute_from, before = minute < when.minute_to;
    return when.minute_from < when.minute_to ? after && before : after || before;
}

// Two digits, "00" to `most`.
std::optional<unsigned> two_digits(std::string_view text, unsigned most) noexcept {
    if (text.size() != 2 || text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') return std::nullopt;
    const auto value = static_cast<unsigned>((text[0] - '0') * 10 + (text[1] - '0'));
    return value <= most ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<Range> parse_range(std::string_view text) noexcept {
    const auto dash = text.find('-');
    const std::string_view from = text.substr(0, dash);
    const std::string_view to = dash == std::string_view::npos ? from : text.substr(dash + 1);
    if (from.size() != to.size()) return std::nullopt;
    const auto first = filled(from, '0'), last = filled(to, '9');
    if (!first || !last || *first > *last) return std::nullopt;
    return Range{*first, *last};
}

std::string to_string(const Range& range) {
    std::string from = fmt::format("{:0{}}", range.first, kRangeDigits), to = fmt::format("{:0{}}", range.last, kRangeDigits);
    while (from.size() > 1 && from.back() == '0' && to.back() == '9') {
        from.pop_back();
        to.pop_back();
    }
    return from == to ? from : from + "-" + to;
}

std::uint64_t range_digits(std::string_view pan) noexcept {
    return filled(pan.substr(0, kRangeDigits), '0').value_or(0);
}

std::optional<std::string> parse_aid(std::string_view text) {
    if (text.size() < kAidDigitsMin || text.size() > kAidDigitsMax || text.size() % 2 != 0) return std::nullopt;
    std::string aid(text);
    for (char& c : aid) {
        if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'))) return std::nullopt;
    }
    return aid;
}

std::optional<std::uint16_t> parse_clock(std::string_view text) noexcept {
    if (text.size() != 5 || text[2] != ':') return std::nullopt;
    const auto hour = two_digits(text.substr(0, 2), 23), minute = two_digits(text.substr(3), 59);
    if (!hour || !minute) return std::nullopt;
    return static_cast<std::uint16_t>(*hour * 60 + *minute);
}

std::string clock_text(std::uint16_t minute_of_day) { return fmt::format("{:02}:{:02}", minute_of_day / 60, minute_of_day % 60); }

bool Conditions::hold(const Query& query) const noexcept {
    const auto named = [&](const std::string& pattern) { return is_named(query.merchant, pattern); };
    return (currencies.empty() || std::ranges::find(currencies, query.amount.currency) != currencies.end()) &&
           amount_from <= query.amount.minor && query.amount.minor <= amount_to &&
           (merchants.empty() || std::ranges::any_of(merchants, named)) && in_hours(*this, query.minute_of_day);
}

std::string Conditions::why_not(const Query& query) const {
    if (!currencies.empty() && std::ranges::find(currencies, query.amount.currency) == currencies.end())
        return fmt::format("currency {:03} is not one of {:03}", query.amount.currency, fmt::join(currencies, " "));
    if (query.amount.minor < amount_from) return fmt::format("amount {} is below {}", query.amount.minor, amount_from);
    if (query.amount.minor > amount_to) return fmt::format("amount {} is above {}", query.amount.minor, amount_to);
    const auto named = [&](const std::string& pattern) { return is_named(query.merchant, pattern); };
    if (!merchants.empty() && std::ranges::none_of(merchants, named))
        return fmt::format("merchant '{}' is not one of {}", query.merchant, fmt::join(merchants, " "));
    if (!in_hours(*this, query.minute_of_day))
        return fmt::format("{} is not within {}-{}", clock_text(query.minute_of_day), clock_text(minute_from), clock_text(minute_to));
    return {};
}

bool Conditions::cover(const Conditions& other) const {
    const auto has = [&](Currency one) { return std::ranges::find(currencies, one) != currencies.end(); };
    if (!currencies.empty() && (other.currencies.empty() || !std::ranges::all_of(other.currencies, has))) return false;
    if (other.amount_from < amount_from || other.amount_to > amount_to) return false;
    const auto named = [&](const std::string& theirs) {
        return std::ranges::any_of(merchants, [&](const std::string& ours) { return is_named(theirs, ours); });
    };
    if (!merchants.empty() && (other.merchants.empty() || !std::ranges::all_of(other.merchants, named))) return false;
    if (minute_from == minute_to) return true;
    if (other.minute_from == other.minute_to) return false;
    // Counted from when these begin, theirs begin and end within.
    const auto after = [this](unsigned minute) { return (minute + kMinutesOfDay - minute_from) % kMinutesOfDay; };
    const unsigned length = after(minute_to), from = after(other.minute_from), to = after(other.minute_to);
    return from < to && to <= length;
}

}  // namespace giro::routing
