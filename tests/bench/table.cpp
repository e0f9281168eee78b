#include "tests/bench/table.hpp"

#include <fmt/format.h>

#include <optional>

#include "tests/bench/table_rows.hpp"

namespace bench {

namespace {
using nlohmann::json;

std::optional<double> number_at(std::string_view pointer, const json& results) {
    const json::json_pointer at{std::string(pointer)};
    if (!results.contains(at) || !results.at(at).is_number()) return std::nullopt;
    return results.at(at).get<double>();
}

std::string with_commas(double value) {
    std::string digits = fmt::format("{:.0f}", value);
    for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
    return digits;
}

std::string show(double value) {
    if (value >= 999'950) return fmt::format("{:.1f} M", value / 1e6);
    if (value >= 99.95) return with_commas(value);
    if (value >= 0.995) return fmt::format("{:.1f}", value);
    return fmt::format("{:.2f}", value);
}

// "2*/a|/b"
std::optional<double> value_of(std::string_view expression, const json& results) {
    double factor = 1;
    if (const std::size_t star = expression.find('*'); star != std::string_view::npos) {
        factor = std::stod(std::string(expression.substr(0, star)));
        expression.remove_prefix(star + 1);
    }
    const std::size_t bar = expression.find('|');
    const auto value = number_at(expression.substr(0, bar), results);
    if (!value || bar == std::string_view::npos) return value ? std::optional(factor * *value) : std::nullopt;
    const auto yardstick = number_at(expression.substr(bar + 1), results);
    return yardstick && *yardstick > 0 ? std::optional(factor * *value / *yardstick) : std::nullopt;
}

std::string replace_all(std::string text, std::string_view what, std::string_view by) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
        text.replace(at, what.size(), by);
    return text;
}

// What stands between two braces; empty when it was not measured.
std::string expand(const std::string& expression, const json& results) {
    if (expression.starts_with('~'))
        return fill_in(replace_all("p50 {@/p50_ms}, p99 {@/p99_ms}, p99.9 {@/p999_ms}, max {@/max_ms} ms", "@",
                                   expression.substr(1)),
                       results);
    const std::size_t open = expression.find('['), close = expression.find(']');
    if (open == std::string::npos) {
        const auto value = value_of(expression, results);
        return value ? show(*value) : std::string();
    }
    std::string out;
    for (std::size_t at = open + 1; at < close;) {
        const std::size_t end = std::min(expression.find(',', at), close);
        const std::string one = expand(
            expression.substr(0, open) + expression.substr(at, end - at) + expression.substr(close + 1), results);
        if (one.empty()) return {};
        out += (out.empty() ? "" : " / ") + one;
        at = end + 1;
    }
    return out;
}

std::string verdict(const Row& row, const json& results) {
    for (const Wanted& w : row.wanted) {
        const auto value = number_at(w.pointer, results);
        if (!value) return row.asked;
        if (w.at_least ? *value < w.value : *value > w.value) return fmt::format("{}: MISSED", row.asked);
    }
    return row.wanted.empty() ? row.asked : fmt::format("{}: met", row.asked);
}

// `place` and `smallest` stand for "@" and "%", in the rows that are made for each size.
std::string line(const Row& row, const json& results, std::string_view place = {}, std::string_view smallest = {}) {
    const auto text = [&](const char* form) {
        return fill_in(place.empty() ? std::string(form) : replace_all(replace_all(form, "@", place), "%", smallest),
                       results);
    };
    const std::string measured = text(row.measured);
    if (measured.empty()) return {};
    return fmt::format("| {} | {} | {} | {} | `./dev bench {}` |\n", text(row.name), measured, verdict(row, results),
                       text(row.ratio), row.parts);
}

std::string growth_lines(const json& results) {
    std::string out;
    const auto sizes = results.value("/growth/sizes"_json_pointer, json::object());
    for (std::uint64_t n = 10'000; sizes.contains(std::to_string(n)); n *= 10)
        for (const Row& row : growth_rows())
            out += line(row, results, fmt::format("/growth/sizes/{}", n), "/growth/sizes/10000");
    return out;
}

std::string heading(const json& results) {
    const json& m = results["machine"];
    std::string out =
        fmt::format("{}, {} cores, {} GB, {}, {}.", m["cpu"].get<std::string>(), m["cores"].get<int>(),
                    m["memory_gb"].get<int>(), m["kernel"].get<std::string>(), m["disk"].get<std::string>());
    for (const auto& [name, version] : results["versions"].items())
        out += fmt::format(" {} {},", name, version.get<std::string>());
    out.back() = '.';
    if (results.contains("/postgres/version"_json_pointer))
        out += fmt::format(" {}.", results["postgres"]["version"].get<std::string>());
    return out + (results["quick"].get<bool>() ? "\nQUICK: one short run of each; not for comparison.\n"
                                               : "\nMedians of five runs.\n");
}
}  // namespace

std::string fill_in(std::string_view text, const json& results) {
    std::string out;
    while (!text.empty()) {
        const std::size_t open = text.find('{'), close = text.find('}', open);
        out += text.substr(0, open);
        if (open == std::string_view::npos) break;
        const std::string value = expand(std::string(text.substr(open + 1, close - open - 1)), results);
        if (value.empty()) return {};
        out += value;
        text.remove_prefix(close + 1);
    }
    return out;
}

std::string markdown(const json& results) {
    std::string out =
        heading(results) + "\n| figure | measured | asked for | ratio | again with |\n|---|---|---|---|---|\n";
    for (const Section& section : sections()) {
        std::string lines;
        if (&section == &sections().back()) lines = growth_lines(results);
        for (const Row& row : section.rows) lines += line(row, results);
        if (!lines.empty()) out += fmt::format("| **{}** | | | | |\n", section.title) + lines;
    }
    return out;
}

}  // namespace bench
