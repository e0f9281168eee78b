#include "appliance/giro/host_scenario_file.hpp"

#include <algorithm>

#include "appliance/giro/scenario_parts.hpp"

namespace giro::host {

namespace {
constexpr std::string_view kSilent = "silent";
constexpr std::size_t kPanDigitsMax = Pan::kDigitsMax;

bool all_digits(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

class Reading {
  public:
    Reading(config::Checker& check, Scenario& out) : m_check(check), m_out(out) {}

    void seed(const toml::table& root) {
        constexpr std::int64_t kSeedMax = std::int64_t{1} << 62;
        m_out.seed = m_check.number<std::uint64_t>(root, "seed", 0, kSeedMax);
    }

    void rules(const toml::table& root) {
        if (root.get_as<toml::array>("rule") == nullptr) m_check.wrong(root.get("rule")->source(), "a rule begins with [[rule]]");
        m_check.each(root, "rule", [this](const toml::table& t) { rule(t); });
    }

    void rule(const toml::table& t) {
        m_check.only(t, {"message", "amount", "cents", "card", "merchant", "terminal", "percent", "code"});
        if (m_out.rules.size() == kRulesMax) return m_check.wrong(t.source(), fmt::format("more than {} rules", kRulesMax));
        Rule& rule = m_out.rules.emplace_back();
        static constexpr std::pair<std::string_view, Kind> kKinds[] = {
            {"payment", Kind::payment}, {"advice", Kind::advice}, {"reversal", Kind::reversal}};
        if (t.contains("message")) rule.kind = m_check.word(t, "message", kKinds);
        amounts(t, rule);
        if (t.contains("cents")) rule.cents = m_check.number<unsigned>(t, "cents", 0, 99);
        cards(t, rule);
        rule.merchant = text(t, "merchant", std::tuple_size_v<decltype(MerchantId::chars)>);
        rule.terminal = text(t, "terminal", std::tuple_size_v<decltype(TerminalId::chars)>);
        decimal(t, "percent", 100, rule.percent);
        if (!t.contains("code")) return m_check.wrong(t.source(), "'code' must be given: DE39, or \"silent\"");
        rule.code = code(t, "code");
    }

    void delay(const toml::table& t) {
        using enum Delay::Shape;
        static constexpr std::pair<std::string_view, Delay::Shape> kShapes[] = {
            {"fixed", fixed}, {"uniform", uniform}, {"exponential", exponential}, {"lognormal", lognormal}};
        Delay& delay = m_out.delay;
        delay.shape = m_check.word(t, "shape", kShapes);
        switch (delay.shape) {
            case fixed: m_check.only(t, {"shape", "ms"}); break;
            case uniform: m_check.only(t, {"shape", "least_ms", "most_ms"}); break;
            case exponential: m_check.only(t, {"shape", "mean_ms", "most_ms"}); break;
            case lognormal: m_check.only(t, {"shape", "median_ms", "p99_ms", "most_ms"}); break;
        }
        constexpr std::string_view kFirst[] = {"ms", "least_ms", "mean_ms", "median_ms"};
        const std::string_view first = kFirst[static_cast<std::size_t>(delay.shape)];
        if (!t.contains(first)) m_check.wrong(t.source(), fmt::format("'{}' must be given, milliseconds", first));
        decimal(t, first, kPauseMsMax, delay.ms);
        if (delay.shape == lognormal && !t.contains("p99_ms")) m_check.wrong(t.source(), "'p99_ms' must be given, milliseconds");
        if (delay.shape == uniform && !t.contains("most_ms")) m_check.wrong(t.source(), "'most_ms' must be given, milliseconds");
        decimal(t, "p99_ms", kPauseMsMax, delay.p99_ms);
        decimal(t, "most_ms", kPauseMsMax, delay.most_ms);
        if (delay.most_ms < delay.ms) m_check.wrong(t.get("most_ms")->source(), fmt::format("'most_ms' is less than '{}'", first));
        if (delay.shape == lognormal && delay.p99_ms < delay.ms && t.contains("p99_ms"))
            m_check.wrong(t.get("p99_ms")->source(), "'p99_ms' is less than 'median_ms'");
    }

    void silence(const toml::table& t) {
        m_check.only(t, {"percent", "spans_s", "repeat_s"});
        decimal(t, "percent", 100, m_out.silence.percent);
        whole(t, "repeat_s", 1, kDaySeconds, m_out.silence.repeat_s);
        if (const auto* node = t.get("spans_s")) spans(*node);
    }

    void bad(const toml::table& t) {
        m_check.only(t, {"half", "wrong_mac", "duplicate", "late", "late_ms", "disconnect_every", "disconnect_each_s"});
        Bad& bad = m_out.bad;
        decimal(t, "half", 100, bad.half);
        decimal(t, "wrong_mac", 100, bad.wrong_mac);
        decimal(t, "duplicate", 100, bad.duplicate);
        decimal(t, "late", 100, bad.late);
        whole(t, "late_ms", 1, kPauseMsMax, bad.late_ms);
        whole(t, "disconnect_every", 1, 1'000'000'000, bad.disconnect_every);
        whole(t, "disconnect_each_s", 1, kDaySeconds, bad.disconnect_each_s);
    }

    void network(const toml::table& t) {
        m_check.only(t, {"sign_on", "sign_off", "echo", "cut_over", "key_exchange"});
        Network& n = m_out.network;
        for (const auto& [key, into] : {std::pair{"sign_on", &n.sign_on}, {"sign_off", &n.sign_off}, {"echo", &n.echo},
                                        {"cut_over", &n.cut_over}, {"key_exchange", &n.key_exchange}})
            if (t.contains(key)) *into = code(t, key);
    }

  private:
    void whole(const toml::table& t, std::string_view key, std::int64_t least, std::uint64_t most, std::uint64_t& into) {
        if (t.contains(key)) into = m_check.number<std::uint64_t>(t, key, least, static_cast<std::int64_t>(most));
    }
    // From 0 to `most`, with or without a fraction.
    void decimal(const toml::table& t, std::string_view key, double most, double& into) {
        const auto* node = t.get(key);
        if (node == nullptr) return;
        const auto value = node->value<double>();
        if (node->is_number() && value && *value >= 0 && *value <= most) into = *value;
        else m_check.wrong(node->source(), fmt::format("'{}' must be a number 0..{}", key, most));
    }
    std::string text(const toml::table& t, std::string_view key, std::size_t most) {
        if (!t.contains(key)) return {};
        std::string value = m_check.text(t, key);
        if (value.empty() || value.size() > most)
            m_check.wrong(t.get(key)->source(), fmt::format("'{}' is text of 1 to {} characters", key, most));
        return value;
    }
    std::optional<ResponseCode> code(const toml::table& t, std::string_view key) {
        const std::string value = m_check.text(t, key);
        if (value == kSilent) return std::nullopt;
        if (value.size() != std::tuple_size_v<decltype(ResponseCode::chars)>)
            m_check.wrong(t.source(), fmt::format("'{}' must be DE39, two characters as in 1987, or \"silent\"", key));
        return ResponseCode(value);
    }
    // amount = 1_250, or amount = [100, 5_000].
    void amounts(const toml::table& t, Rule& rule) {
        const auto* node = t.get("amount");
        if (node == nullptr) return;
        const auto* both = node->as_array();
        const auto one = node->value_exact<std::int64_t>();
        const auto least = both == nullptr ? one : both->size() == 2 ? (*both)[0].value_exact<std::int64_t>() : std::nullopt;
        const auto most = both == nullptr ? one : both->size() == 2 ? (*both)[1].value_exact<std::int64_t>() : std::nullopt;
        if (!least || !most || *least < 0 || *least > *most || *most > kAmountMax)
            return m_check.wrong(node->source(), "'amount' must be minor units, or [least, most]");
        rule.amount_min = *least;
        rule.amount_max = *most;
    }
    // card = "970003", or card = ["970003", "970004"]: from .. to, by as many digits as stand there.
    void cards(const toml::table& t, Rule& rule) {
        const auto* node = t.get("card");
        if (node == nullptr) return;
        const auto* both = node->as_array();
        const auto one = node->value_exact<std::string>();
        const auto from = both == nullptr ? one : both->size() == 2 ? (*both)[0].value_exact<std::string>() : std::nullopt;
        const auto to = both == nullptr ? one : both->size() == 2 ? (*both)[1].value_exact<std::string>() : std::nullopt;
        const bool good = from && to && !from->empty() && from->size() <= kPanDigitsMax && from->size() == to->size() && *from <= *to &&
                          all_digits(*from) && all_digits(*to);
        if (!good) return m_check.wrong(node->source(), "'card' must be a card number's first digits in quotes, or [from, to] of as many digits");
        rule.pan_from = *from;
        rule.pan_to = *to;
    }
    void spans(const toml::node& node) {
        const auto wrong = [&] { m_check.wrong(node.source(), "'spans_s' must be [[from, until], …] in seconds, each until after its from"); };
        const auto* list = node.as_array();
        if (list == nullptr || list->size() > kSpansMax) return wrong();
        for (const auto& item : *list) {
            const auto* both = item.as_array();
            if (both == nullptr || both->size() != 2) return wrong();
            const auto from = (*both)[0].value_exact<std::int64_t>(), until = (*both)[1].value_exact<std::int64_t>();
            if (!from || !until || *from < 0 || *until <= *from || *until > static_cast<std::int64_t>(kDaySeconds)) return wrong();
            m_out.silence.spans.push_back({static_cast<std::uint64_t>(*from), static_cast<std::uint64_t>(*until)});
        }
    }

    config::Checker& m_check;
    Scenario& m_out;
};
}  // namespace

Result<Scenario> load_scenario(const std::filesystem::path& file) {
    constexpr Part<Reading> kParts[] = {{"seed", &Reading::seed, true},       {"rule", &Reading::rules, true}, {"delay", &Reading::delay},
                                        {"silence", &Reading::silence}, {"bad", &Reading::bad},          {"network", &Reading::network}};
    return read_scenario<Scenario>(file, kParts);
}

}  // namespace giro::host
