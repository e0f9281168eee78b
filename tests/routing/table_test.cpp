// Which rule takes a payment, and which tables are refused.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "routing/table.hpp"

using namespace giro;
using namespace giro::routing;

namespace {

Rule rule(std::string name, std::initializer_list<std::string_view> ranges, Conditions when = {}) {
    Rule made{std::move(name), "routes.toml:1", {}, std::move(when), {Target{Target::Kind::link, 3, 0, -1}}};
    for (const auto text : ranges) made.ranges.push_back(parse_range(text).value());
    return made;
}

Table table_of(std::vector<Rule> rules) {
    auto made = Table::build(std::move(rules));
    REQUIRE_MESSAGE(made.has_value(), (made ? std::string() : made.error().what));
    return std::move(*made);
}

std::string refusal(std::vector<Rule> rules) {
    const auto made = Table::build(std::move(rules));
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().kind == Failure::Kind::config);
    return made.error().what;
}

std::string taken_by(const Table& table, const Query& query) {
    const Rule* rule = table.find(query);
    return rule == nullptr ? "none" : rule->name;
}
Query of_card(std::string_view pan) { return {pan, {100, 963}, "M1", 720}; }

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

const Conditions kSmall{.currencies = {}, .amount_from = 0, .amount_to = 5'000, .merchants = {}};

}  // namespace

TEST_CASE("route: a range is a prefix or two ends of as many digits, 1 to 11") {
    CHECK(parse_range("4") == Range{40'000'000'000, 49'999'999'999});
    CHECK(parse_range("510000-559999") == Range{51'000'000'000, 55'999'999'999});
    CHECK(parse_range("97000100000") == Range{97'000'100'000, 97'000'100'000});
    CHECK(parse_range("0") == Range{0, 9'999'999'999});
    for (const auto* bad : {"", "-", "4-", "-4", "4x", "12-345", "559999-510000", "970001000001", "4-5-6", " 4"})
        CHECK_FALSE(parse_range(bad).has_value());
    for (const auto* text : {"4", "51-55", "970001", "97000100000", "0", "2221-2720"}) CHECK(to_string(parse_range(text).value()) == text);
}

TEST_CASE("route: the narrowest range goes first, whatever the order in the file") {
    const Table table = table_of({rule("visa", {"4"}), rule("bank", {"412345"}), rule("portfolio", {"41234567-41234568"})});
    CHECK(taken_by(table, of_card("4000000000000002")) == "visa");
    CHECK(taken_by(table, of_card("4123450000000002")) == "bank");
    CHECK(taken_by(table, of_card("4123456800000002")) == "portfolio");
    CHECK(taken_by(table, of_card("4123456900000002")) == "bank");
    CHECK(taken_by(table, of_card("4123460000000002")) == "visa");
    CHECK(taken_by(table, of_card("5123460000000002")) == "none");
    CHECK(taken_by(table, of_card("9999999999999999")) == "none");
    CHECK(taken_by(table, of_card("4123")) == "visa");  // what is missing counts as zeros
}

TEST_CASE("route: rules of one range are asked in their order, then those of the range around it") {
    Conditions euro;
    euro.currencies = {978};
    const Table table = table_of({rule("small", {"412345"}, kSmall), rule("euro", {"412345"}, euro), rule("all", {"4"})});
    CHECK(taken_by(table, {"4123450000000002", {5'000, 978}, "", 0}) == "small");
    CHECK(taken_by(table, {"4123450000000002", {5'001, 978}, "", 0}) == "euro");
    CHECK(taken_by(table, {"4123450000000002", {5'001, 963}, "", 0}) == "all");
}

TEST_CASE("route: conditions are currency, amount, merchant and time of day, and all must hold") {
    Conditions when{{963, 978}, 100, 200, {"M1", "SHOP*"}, 22 * 60, 6 * 60};
    const auto why = [&](MinorUnits amount, Currency currency, std::string_view merchant, unsigned minute) {
        const Query query{"4", {amount, currency}, merchant, static_cast<std::uint16_t>(minute)};
        CHECK(when.hold(query) == when.why_not(query).empty());
        return when.why_not(query);
    };
    CHECK(why(100, 963, "M1", 22 * 60).empty());
    CHECK(why(200, 978, "SHOP17", 0).empty());
    CHECK(why(200, 978, "SHOP", 6 * 60 - 1).empty());
    CHECK(why(100, 840, "M1", 0) == "currency 840 is not one of 963 978");
    CHECK(why(99, 963, "M1", 0) == "amount 99 is below 100");
    CHECK(why(201, 963, "M1", 0) == "amount 201 is above 200");
    CHECK(why(100, 963, "M12", 0) == "merchant 'M12' is not one of M1 SHOP*");
    CHECK(why(100, 963, "M1", 6 * 60) == "06:00 is not within 22:00-06:00");
    CHECK(why(100, 963, "M1", 22 * 60 - 1) == "21:59 is not within 22:00-06:00");
}

TEST_CASE("route: ranges that cross are refused, with both places") {
    auto second = rule("b", {"415-425"});
    second.origin = "routes.toml:9";
    const auto what = refusal({rule("a", {"410-420"}), second});
    CHECK(contains(what, "routes.toml:9: route 'b': range 415-425 overlaps 410-420 of route 'a' (routes.toml:1)"));
}

TEST_CASE("route: a rule that can take no payment is refused") {
    CHECK(contains(refusal({rule("a", {"4"}), rule("b", {"4"})}), "route 'b': takes no payment"));
    Conditions tiny = kSmall;
    tiny.amount_to = 10;
    CHECK(contains(refusal({rule("a", {"4"}, kSmall), rule("b", {"4"}, tiny), rule("c", {"4"})}), "route 'b': takes no payment"));
    std::vector<Rule> tenths;
    for (int i = 0; i < 10; ++i) tenths.push_back(rule(fmt::format("tenth{}", i), {fmt::format("4{}", i)}));
    tenths.push_back(rule("whole", {"4"}));
    CHECK(contains(refusal(tenths), "route 'whole': range 4 takes no payment: narrower ranges take all of it"));
    tenths.back() = rule("wider", {"4", "5"});
    CHECK(contains(refusal(tenths), "range 4 takes no payment"));
    CHECK(table_of({rule("a", {"4"}, tiny), rule("b", {"4"}, kSmall), rule("c", {"4"})}).rules().size() == 3);
}

TEST_CASE("route: whether one rule takes all of another's is said of each condition") {
    const Conditions any;
    const auto with = [](auto change) {
        Conditions made;
        change(made);
        return made;
    };
    const auto euro = with([](auto& c) { c.currencies = {978}; });
    const auto both = with([](auto& c) { c.currencies = {963, 978}; });
    const auto shops = with([](auto& c) { c.merchants = {"SHOP*"}; });
    const auto shop = with([](auto& c) { c.merchants = {"SHOP1"}; });
    const auto night = with([](auto& c) { c.minute_from = 1320, c.minute_to = 360; });
    const auto dawn = with([](auto& c) { c.minute_from = 300, c.minute_to = 360; });
    const auto day = with([](auto& c) { c.minute_from = 360, c.minute_to = 1320; });
    for (const auto& [wide, narrow] : {std::pair(any, euro), {both, euro}, {any, shop}, {shops, shop}, {any, night}, {night, dawn}, {any, kSmall}}) {
        CHECK(wide.cover(narrow));
        CHECK_FALSE(narrow.cover(wide));
        CHECK(wide.cover(wide));
    }
    CHECK_FALSE(night.cover(day));
    CHECK_FALSE(day.cover(night));
    CHECK_FALSE(euro.cover(shop));
}

TEST_CASE("route: what meets no condition must have a way, be it a decline that is said") {
    CHECK(contains(refusal({rule("a", {"4"}, kSmall)}), "route 'a': what does not meet its conditions has no way from 40000000000 on"));
    CHECK(contains(refusal({rule("inner", {"412345"}, kSmall), rule("outer", {"4123"}, kSmall)}), "has no way"));
    Rule no = rule("no", {"4"});
    no.to = {Target{}};
    const Table table = table_of({rule("a", {"4"}, kSmall), no});
    CHECK(table.find({"41", {6'000, 963}, "", 0})->to.front().kind == Target::Kind::decline);
}

TEST_CASE("route: an explanation is every rule that was asked, and why not, up to the one that takes it") {
    const Table table = table_of({rule("small", {"412345"}, kSmall), rule("all", {"4"})});
    const auto steps = table.explain({"4123450000000002", {6'000, 963}, "", 0});
    REQUIRE(steps.size() == 2);
    CHECK(steps[0].rule->name == "small");
    CHECK(steps[0].why_not == "amount 6000 is above 5000");
    CHECK(to_string(steps[0].range) == "412345");
    CHECK(steps[1].rule->name == "all");
    CHECK(steps[1].why_not.empty());
    CHECK(table.explain(of_card("5")).empty());
}

TEST_CASE("route: the digest changes with whatever decides, and with nothing else") {
    const auto digest = [](std::vector<Rule> rules) { return table_of(std::move(rules)).digest(); };
    const auto base = digest({rule("a", {"4"}, kSmall), rule("b", {"4"})});
    auto elsewhere = rule("a", {"4"}, kSmall);
    elsewhere.origin = "other.toml:77";
    CHECK(digest({elsewhere, rule("b", {"4"})}) == base);
    Conditions other = kSmall;
    other.amount_to = 5'001;
    auto other_way = rule("b", {"4"});
    other_way.to.front().link = 1;
    CHECK(digest({rule("a", {"4"}, other), rule("b", {"4"})}) != base);
    CHECK(digest({rule("a", {"4"}, kSmall), other_way}) != base);
    CHECK(digest({rule("a", {"4"}, kSmall), rule("b", {"4", "5"})}) != base);
    CHECK(digest({rule("a", {"4"}, kSmall), rule("c", {"4"})}) != base);
}

TEST_CASE("route: more than the most rules is refused") {
    std::vector<Rule> rules;
    for (std::size_t i = 0; i <= kRulesMax; ++i) rules.push_back(rule("r", {fmt::format("4{:06}", i)}));
    CHECK(contains(refusal(std::move(rules)), "more than 65536 rules"));
}

// The oracle asks every rule: of those that hold the number, the narrowest, the earliest of these, whose conditions hold.
TEST_CASE("route: a rule that a BIN made may be taken over whole by routes before it, or by narrower ones") {
    Rule bin = rule("bank", {"970003"});
    bin.implied = true;
    CHECK(taken_by(table_of({rule("all", {"970003"}), bin}), of_card("9700030000000011")) == "all");
    CHECK(taken_by(table_of({rule("low", {"9700030-9700034"}), rule("high", {"9700035-9700039"}), bin}), of_card("9700039000000011")) == "high");
    bin.implied = false;
    CHECK(contains(refusal({rule("all", {"970003"}), bin}), "takes no payment"));
    CHECK(contains(refusal({rule("low", {"9700030-9700034"}), rule("high", {"9700035-9700039"}), bin}), "takes no payment"));
}

TEST_CASE("route: a table of nested ranges drawn at random agrees with asking every rule, at each edge") {
    std::mt19937_64 random(20'261'123);
    int tables = 0;
    for (int round = 0; round < 200; ++round) {
        std::vector<Rule> rules;
        std::vector<std::string> prefixes{""};
        for (int i = 0; i < 40; ++i) {
            const std::string around = prefixes[random() % prefixes.size()];
            if (around.size() >= kRangeDigits) continue;
            const std::string prefix = around + static_cast<char>('0' + random() % 10);
            prefixes.push_back(prefix);
            if (random() % 2 == 0) rules.push_back(rule("c" + std::to_string(i), {prefix}, kSmall));
        }
        for (std::size_t i = 1; i < prefixes.size(); ++i) {
            const auto same = [&](const Rule& r) { return r.when.always() && r.ranges.front() == parse_range(prefixes[i]); };
            if (std::ranges::none_of(rules, same)) rules.push_back(rule("a" + std::to_string(i), {prefixes[i]}));
        }
        const auto built = Table::build(rules);
        if (!built) continue;  // a range all of which narrower ones take, or two equal conditions
        ++tables;
        std::vector<std::uint64_t> edges{0, 99'999'999'999};
        for (const Rule& r : rules)
            for (const std::uint64_t at : {r.ranges.front().first, r.ranges.front().last})
                for (const std::uint64_t edge : {at - 1, at, at + 1})
                    if (edge <= 99'999'999'999) edges.push_back(edge);
        for (const std::uint64_t edge : edges)
            for (const MinorUnits amount : {100, 9'000}) {
                const std::string pan = fmt::format("{:011}00012", edge);
                const Query asked{pan, {amount, 963}, "", 0};
                const Rule* expected = nullptr;
                for (const Rule& r : rules) {
                    if (!r.ranges.front().holds(edge) || !r.when.hold(asked)) continue;
                    const auto width = [](const Rule& one) { return one.ranges.front().last - one.ranges.front().first; };
                    if (expected == nullptr || width(r) < width(*expected)) expected = &r;
                }
                const Rule* found = built->find(asked);
                REQUIRE((found == nullptr) == (expected == nullptr));
                if (found != nullptr) CHECK_MESSAGE(found->name == expected->name, pan);
            }
    }
    CHECK(tables > 50);
}

TEST_CASE("route: which hours are within which is what counting minutes says") {
    std::mt19937 random(7);
    std::uniform_int_distribution<unsigned> minute(0, kMinutesOfDay - 1);
    const auto in = [](const Conditions& c, unsigned m) {
        const bool after = m >= c.minute_from, before = m < c.minute_to;
        return c.minute_from == c.minute_to || (c.minute_from < c.minute_to ? after && before : after || before);
    };
    unsigned covered = 0;
    for (int i = 0; i < 3'000; ++i) {
        Conditions one, other;
        one.minute_from = static_cast<std::uint16_t>(minute(random)), one.minute_to = static_cast<std::uint16_t>(minute(random));
        other.minute_from = i % 3 == 0 ? one.minute_from : static_cast<std::uint16_t>(minute(random));
        other.minute_to = i % 5 == 0 ? one.minute_to : static_cast<std::uint16_t>(minute(random));
        bool all = true;
        for (unsigned m = 0; m < kMinutesOfDay && all; ++m) all = !in(other, m) || in(one, m);
        CHECK(one.cover(other) == all);
        covered += all ? 1 : 0;
    }
    CHECK(covered > 300);
}

TEST_CASE("route: many routes of one list of ranges are looked at once, and too many for one card are refused") {
    std::vector<Range> ranges;
    for (std::uint64_t i = 0; i < 10'000; ++i) ranges.push_back({i * 1'000'000, i * 1'000'000 + 999});
    const auto of = [&](std::size_t conditions) {
        std::vector<Rule> rules;
        for (std::size_t i = 0; i <= conditions; ++i) {
            rules.push_back(rule(fmt::format("r{}", i), {}));
            rules.back().ranges = ranges;
            if (i < conditions) rules.back().when.currencies = {static_cast<Currency>(i + 1)};
        }
        return rules;
    };
    CHECK(Table::build(of(60)).has_value());
    const std::string why = refusal(of(kAskedMax));
    CAPTURE(why);
    CHECK(contains(why, "more than 256 routes are asked about one card number"));
}

// --- codes ------------------------------------------------------------------------------------------------------

namespace {
Rule code_rule(std::string name, std::vector<std::string> aids, Conditions when = {}) {
    Rule made = rule(std::move(name), {}, std::move(when));
    made.aids = std::move(aids);
    return made;
}
Query of_code(std::string_view aid) { return {{}, {100, 963}, "M1", 720, aid}; }
}  // namespace

TEST_CASE("route: an application identifier is 10 to 32 hexadecimal digits, an even number") {
    CHECK(parse_aid("a000000677") == "A000000677");
    CHECK(parse_aid(std::string(32, '0')).has_value());
    for (const auto* wrong : {"A00000067", "A0000006770", "A00000067G", "", "A000000677 "}) CHECK_FALSE(parse_aid(wrong));
    CHECK_FALSE(parse_aid(std::string(34, '0')));
}

TEST_CASE("route: a code goes by the longest identifier that its own begins with, and no card by any") {
    const Table table = table_of({code_rule("provider", {"A000000677"}), code_rule("product", {"A0000006770102"}), rule("cards", {"4"})});
    CHECK(taken_by(table, of_code("A000000677")) == "provider");
    CHECK(taken_by(table, of_code("A0000006770103")) == "provider");
    CHECK(taken_by(table, of_code("A000000677010203")) == "product");
    CHECK(taken_by(table, of_code("A000000678")) == "none");
    CHECK(taken_by(table, of_code("")) == "none");
    CHECK(taken_by(table, of_card("4000000000000002")) == "cards");
    const auto steps = table.explain(of_code("A0000006770102"));
    REQUIRE(steps.size() == 1);
    CHECK(steps[0].aid == "A0000006770102");
}

TEST_CASE("route: of codes too, conditions need what follows them, and a route that nothing reaches is refused") {
    CHECK(contains(refusal({code_rule("small", {"A000000677"}, kSmall)}), "no way as code A000000677"));
    CHECK(contains(refusal({code_rule("a", {"A000000677"}), code_rule("b", {"A000000677"})}), "takes no payment"));
    const Table table = table_of({code_rule("small", {"A0000006770102"}, kSmall), code_rule("rest", {"A000000677"})});
    CHECK(taken_by(table, of_code("A0000006770102")) == "small");
    Query large = of_code("A0000006770102");
    large.amount.minor = 5'001;
    CHECK(taken_by(table, large) == "rest");
    const auto steps = table.explain(large);
    REQUIRE(steps.size() == 2);
    CHECK(contains(steps[0].why_not, "above 5000"));
    CHECK(table.digest() != table_of({code_rule("small", {"A0000006770103"}, kSmall), code_rule("rest", {"A000000677"})}).digest());
}
