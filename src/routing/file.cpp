#include "routing/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/checker.hpp"
#include "qr/cpm.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"

namespace giro::routing {

namespace {

constexpr std::string_view kDecline = "decline", kNobody = "none";
constexpr std::size_t kFileBytesMax = 16U << 20;
constexpr int kOffsetMax_min = 14 * 60;  // UTC+14:00 is the most that is used

// `folder`: of giro.toml, by which mistakes are told.
std::vector<Rule> rules_of_bins(const config::Config& config, const std::filesystem::path& folder) {
    std::map<std::string_view, int> products;
    for (std::size_t i = 0; i < config.card_products.size(); ++i)
        for (const auto& bin : config.card_products[i].bins) products[bin] = static_cast<int>(i);
    std::vector<Rule> rules;
    const auto add = [&](const std::string& name, const std::string& bin, const Target& target) {
        const std::string origin = (folder / (target.kind == Target::Kind::link ? "conf.d" : "giro.toml")).string();
        const auto same = [&](const Rule& rule) { return rule.name == name && rule.to.front() == target; };
        auto rule = std::ranges::find_if(rules, same);
        if (rule == rules.end()) rule = rules.insert(rules.end(), Rule{name, origin, {}, {}, {target}, true});
        const auto range = parse_range(bin);
        ASSERT(range.has_value());
        rule->ranges.push_back(*range);
    };
    for (const auto& bank : config.participants)
        for (const auto& bin : bank.bins) {
            const auto product = products.find(bin);
            add(bank.name, bin, {Target::Kind::on_us, bank.id, 0, product == products.end() ? -1 : product->second});
        }
    for (const auto& link : config.links)
        for (const auto& bin : link.bins) add(link.name, bin, {Target::Kind::link, link.participant, link.number, -1});
    return rules;
}

struct Reading {
    config::Checker& check;
    const config::Config& config;
    std::filesystem::path folder;
    std::map<std::string, std::vector<Range>> schemes{};
    std::set<std::string> names{};
    std::vector<Rule> rules{};

    std::string name_of(const toml::table& t) {
        constexpr std::size_t kCharsMax = 32;
        std::string name = check.text(t, "name");
        const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
        if (name.empty() || name.size() > kCharsMax || !std::ranges::all_of(name, good))
            check.wrong(t.source(), fmt::format("name '{}': 1 to {} of a-z 0-9 -", name, kCharsMax));
        if (!names.insert(name).second) check.wrong(t.source(), fmt::format("name '{}' is given twice", name));
        return name;
    }

    // bins, bins_file and scheme, any of them, at least one.
    std::vector<Range> ranges_of(const toml::table& t, bool may_name_scheme) {
        std::vector<Range> ranges;
        if (t.contains("bins"))
            for (const auto& bin : check.texts(t, "bins")) {
                if (const auto range = parse_range(bin)) ranges.push_back(*range);
                else check.wrong(t.get("bins")->source(), fmt::format("bin '{}': 1 to {} digits, or from-to of as many", bin, kRangeDigits));
            }
        if (t.contains("bins_file")) read_bins(t, ranges);
        if (may_name_scheme && t.contains("scheme")) {
            const auto scheme = schemes.find(check.text(t, "scheme"));
            if (scheme == schemes.end()) check.wrong(t.get("scheme")->source(), "'scheme' must be the name of a [[scheme]]");
            else ranges.insert(ranges.end(), scheme->second.begin(), scheme->second.end());
        }
        if (ranges.empty()) check.wrong(t.source(), "there is no range of card numbers: give bins, bins_file or scheme");
        std::ranges::sort(ranges, {}, [](const Range& r) { return std::pair(r.first, r.last); });
        const auto twice = std::ranges::adjacent_find(ranges);
        if (twice != ranges.end()) check.wrong(t.source(), fmt::format("range {} is given twice", to_string(*twice)));
        return ranges;
    }

    void read_bins(const toml::table& t, std::vector<Range>& ranges) {
        const std::string name = check.text(t, "bins_file");
        if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos)
            return check.wrong(t.get("bins_file")->source(), fmt::format("bins_file '{}': the name of a file beside this one", name));
        const auto bytes = read_file(folder / name);
        if (!bytes) return check.wrong(t.get("bins_file")->source(), fmt::format("bins_file '{}' cannot be read", name));
        std::string_view rest = as_text(*bytes);
        for (unsigned line = 1; !rest.empty(); ++line) {
            const auto end = std::min(rest.find('\n'), rest.size());
            std::string_view text = rest.substr(0, end);
            text = text.substr(0, text.find('#'));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
            if (text.empty()) continue;
            const auto range = parse_range(text);
            if (!range)
                return check.wrong(t.get("bins_file")->source(),
                                   fmt::format("{}:{}: 1 to {} digits, or from-to of as many", name, line, kRangeDigits));
            ranges.push_back(*range);
        }
    }

    void scheme(const toml::table& t) {
        check.only(t, {"name", "bins", "bins_file"});
        const std::string name = name_of(t);
        schemes[name] = ranges_of(t, false);
    }

    void route(const toml::table& t) {
        check.only(t, {"name", "bins", "bins_file", "scheme", "qr", "currency", "amount", "merchants", "hours", "to", "stand_in"});
        Rule rule;
        rule.name = name_of(t);
        rule.origin = check.at(t.source());
        if (t.contains("qr")) codes(t, rule.aids);
        else rule.ranges = ranges_of(t, true);
        currencies(t, rule.when);
        amounts(t, rule.when);
        merchants(t, rule.when);
        hours(t, rule.when);
        targets(t, rule.to);
        stand_in(t, rule.to);
        rules.push_back(std::move(rule));
    }

    // Customers' codes by their application identifiers; such a route is for no card.
    void codes(const toml::table& t, std::vector<std::string>& aids) {
        const auto where = t.get("qr")->source();
        const auto own = parse_aid(to_hex(qr::kGiroApplication));
        ASSERT(own.has_value());
        for (const char* other : {"bins", "bins_file", "scheme"})
            if (t.contains(other)) check.wrong(where, fmt::format("a route is for codes (qr) or for cards ({}), not for both", other));
        for (const auto& one : check.texts(t, "qr")) {
            const auto aid = parse_aid(one);
            if (!aid) check.wrong(where, fmt::format("qr '{}': an application identifier is {} to {} hexadecimal digits", one, kAidDigitsMin, kAidDigitsMax));
            else if (own->starts_with(*aid)) check.wrong(where, fmt::format("qr '{}' is this box's own scheme: its codes are paid here", one));
            else if (std::ranges::find(aids, *aid) != aids.end()) check.wrong(where, fmt::format("qr '{}' is given twice", one));
            else aids.push_back(*aid);
        }
        if (aids.empty()) check.wrong(where, "'qr' names no scheme");
    }

    void currencies(const toml::table& t, Conditions& when) {
        const auto* node = t.get("currency");
        if (node == nullptr) return;
        const auto* list = node->as_array();
        if (list == nullptr || list->empty()) return check.wrong(node->source(), "'currency' must be a list of numbers of ISO 4217");
        for (const auto& item : *list) {
            const auto value = item.value_exact<std::int64_t>().value_or(0);
            if (value < 1 || value > 999) check.wrong(item.source(), "'currency': a number of ISO 4217 is 1 to 999");
            else when.currencies.push_back(static_cast<Currency>(value));
        }
        std::ranges::sort(when.currencies);
    }

    void amounts(const toml::table& t, Conditions& when) {
        const auto* node = t.get("amount");
        if (node == nullptr) return;
        const auto* range = node->as_table();
        if (range == nullptr) return check.wrong(node->source(), "'amount' must be { from = 1, to = 5000 }, in minor units");
        check.only(*range, {"from", "to"});
        if (range->contains("from")) when.amount_from = check.number<MinorUnits>(*range, "from", 0, kAmountMax);
        if (range->contains("to")) when.amount_to = check.number<MinorUnits>(*range, "to", 0, kAmountMax);
        if (when.amount_from > when.amount_to) check.wrong(node->source(), "'amount': from is above to");
    }

    void merchants(const toml::table& t, Conditions& when) {
        if (!t.contains("merchants")) return;
        when.merchants = check.texts(t, "merchants");
        if (when.merchants.empty()) check.wrong(t.get("merchants")->source(), "'merchants' names none: leave it out for all");
        for (const auto& one : when.merchants) {
            const auto star = one.find('*');
            const bool good = !one.empty() && one.size() <= MerchantId{}.chars.size() && (star == std::string::npos || star + 1 == one.size());
            if (!good) check.wrong(t.get("merchants")->source(), fmt::format("merchant '{}': at most 15 characters, '*' only at the end", one));
        }
    }

    void hours(const toml::table& t, Conditions& when) {
        if (!t.contains("hours")) return;
        const std::string text = check.text(t, "hours");
        const std::string_view view = text;
        const auto dash = view.find('-');
        const auto from = parse_clock(view.substr(0, dash));
        const auto to = dash == std::string_view::npos ? std::nullopt : parse_clock(view.substr(dash + 1));
        if (!from || !to || *from == *to)
            return check.wrong(t.get("hours")->source(), fmt::format("'hours' = \"{}\" is not from-to as in \"22:00-06:00\"", text));
        when.minute_from = *from;
        when.minute_to = *to;
    }

    void targets(const toml::table& t, std::vector<Target>& to) {
        for (const auto& name : check.texts(t, "to")) {
            const auto link = std::ranges::find(config.links, name, &config::Link::name);
            if (name != kDecline && link == config.links.end()) {
                check.wrong(t.get("to")->source(), fmt::format("to '{}': neither a link (etc/conf.d) nor \"{}\"", name, kDecline));
                continue;
            }
            const Target one = name == kDecline ? Target{} : Target{Target::Kind::link, link->participant, link->number, -1};
            if (std::ranges::find(to, one) != to.end()) check.wrong(t.get("to")->source(), fmt::format("to '{}' is given twice", name));
            to.push_back(one);
        }
        const auto declines = [](const Target& one) { return one.kind == Target::Kind::decline; };
        if (to.empty()) check.wrong(t.source(), "'to' names no way: links, or \"decline\"");
        if (to.size() > 1 && std::ranges::any_of(to, declines)) check.wrong(t.get("to")->source(), "\"decline\" stands alone");
    }

    void stand_in(const toml::table& t, std::vector<Target>& to) {
        if (!t.contains("stand_in")) return;
        const std::string name = check.text(t, "stand_in");
        const auto policy = std::ranges::find(config.stand_ins, name, &config::StandIn::name);
        const bool links = !to.empty() && to.front().kind == Target::Kind::link;
        if (name != kNobody && policy == config.stand_ins.end())
            check.wrong(t.get("stand_in")->source(), fmt::format("stand_in '{}': neither a [[stand_in]] of giro.toml nor \"{}\"", name, kNobody));
        if (!links) check.wrong(t.get("stand_in")->source(), "'stand_in' is for routes to links");
        for (Target& one : to)
            one.stand_in = name == kNobody ? Target::kNobody : static_cast<int>(policy - config.stand_ins.begin());
    }

    int utc_offset(const toml::table& root) {
        if (!root.contains("utc_offset")) return 0;
        const std::string text = check.text(root, "utc_offset");
        const auto minutes = text.size() == 6 && (text[0] == '+' || text[0] == '-') ? parse_clock(std::string_view(text).substr(1)) : std::nullopt;
        if (!minutes || static_cast<int>(*minutes) > kOffsetMax_min) {
            check.wrong(root.get("utc_offset")->source(), fmt::format("'utc_offset' = \"{}\" is not like \"+07:00\"", text));
            return 0;
        }
        return text[0] == '-' ? -static_cast<int>(*minutes) : static_cast<int>(*minutes);
    }
};

}  // namespace

std::filesystem::path routes_file(const config::Paths& paths) { return paths.config_file().parent_path() / "routes.toml"; }

std::uint16_t Routing::minute_of_day(std::uint64_t unix_ns) const noexcept {
    constexpr std::int64_t kMinute_ns = 60'000'000'000;
    const auto minutes = static_cast<std::int64_t>(unix_ns / kMinute_ns) + utc_offset_min + kMinutesOfDay;
    return static_cast<std::uint16_t>(minutes % kMinutesOfDay);
}

Hash256 Routing::digest() const {
    Buffer bytes;
    Writer out(bytes);
    out.bytes(table.digest());
    out.i64(utc_offset_min);
    return sha256(bytes);
}

Routing from_bins(const config::Config& config) {
    auto table = Table::build(rules_of_bins(config, {}));
    ASSERT(table.has_value());  // each BIN is given once, and BINs do not cross
    return {std::move(*table), 0, {}};
}

Result<Routing> load(const config::Config& config, const std::filesystem::path& file) {
    std::error_code error;
    if (!std::filesystem::exists(file, error)) return from_bins(config);
    const auto bytes = read_file(file, kFileBytesMax);
    if (!bytes) return fail(Failure::Kind::config, bytes.error().what);
    const auto parsed = parse_toml(as_text(*bytes), file.string());
    if (!parsed) return tl::unexpected(parsed.error());
    const toml::table& root = *parsed;
    config::Checker check(file);
    Reading reading{check, config, file.parent_path()};
    check.only(root, {"utc_offset", "scheme", "route"});
    const int utc_offset_min = reading.utc_offset(root);
    check.each(root, "scheme", [&](const toml::table& t) { reading.scheme(t); });
    check.each(root, "route", [&](const toml::table& t) { reading.route(t); });
    if (!check.mistake().empty()) return fail(Failure::Kind::config, check.mistake());
    auto rules = std::move(reading.rules);
    auto implied = rules_of_bins(config, file.parent_path());
    rules.insert(rules.end(), std::make_move_iterator(implied.begin()), std::make_move_iterator(implied.end()));
    auto table = Table::build(std::move(rules));
    if (!table) return tl::unexpected(table.error());
    return Routing{std::move(*table), utc_offset_min, std::string(as_text(*bytes))};
}

}  // namespace giro::routing
