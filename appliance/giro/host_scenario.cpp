#include "appliance/giro/host_scenario.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace giro::host {

namespace {
constexpr std::uint64_t kSecond_ns = 1'000'000'000;
constexpr double kNsPerMs = 1e6;
constexpr double kNormal99 = 2.3263478740408408;  // the standard normal distribution's 99th percentile

// SplitMix64 (Steele, Lea, Flood 2014): one step from any state is well mixed.
std::uint64_t mixed(std::uint64_t z) noexcept {
    z += 0x9E37'79B9'7F4A'7C15;
    z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
    z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
    return z ^ (z >> 31);
}

bool in_range(const Rule& rule, std::string_view pan) noexcept {
    if (rule.pan_from.empty()) return true;
    return pan.substr(0, rule.pan_from.size()) >= rule.pan_from && pan.substr(0, rule.pan_to.size()) <= rule.pan_to;
}

bool fits(const Rule& rule, const Asked& asked) noexcept {
    constexpr MinorUnits kHundred = 100;
    const bool kind = rule.kind ? *rule.kind == asked.kind : asked.kind != Kind::reversal;
    return kind && asked.amount >= rule.amount_min && asked.amount <= rule.amount_max &&
           (!rule.cents || asked.amount % kHundred == static_cast<MinorUnits>(*rule.cents)) && in_range(rule, asked.pan) &&
           (rule.merchant.empty() || rule.merchant == asked.merchant) && (rule.terminal.empty() || rule.terminal == asked.terminal);
}

bool strikes(double percent, std::uint64_t seed, Purpose purpose, std::uint64_t number) noexcept {
    return percent > 0 && draw(seed, purpose, number) * 100 < percent;
}
}  // namespace

Scenario bank() {
    Scenario scenario;
    const auto by_cents = [&](unsigned cents, std::optional<ResponseCode> code) {
        Rule& rule = scenario.rules.emplace_back();
        rule.cents = cents;
        rule.code = code;
    };
    by_cents(5, ResponseCode("05"));
    by_cents(51, ResponseCode("51"));
    by_cents(91, std::nullopt);
    return scenario;
}

double draw(std::uint64_t seed, Purpose purpose, std::uint64_t number) noexcept {
    constexpr int kMantissaBits = 53;
    const std::uint64_t bits = mixed(mixed(mixed(seed) ^ static_cast<std::uint64_t>(purpose)) ^ number);
    return std::ldexp(static_cast<double>(bits >> (64 - kMantissaBits)), -kMantissaBits);
}

std::optional<ResponseCode> decide(const Scenario& scenario, const Asked& asked) noexcept {
    for (std::size_t i = 0; i < scenario.rules.size(); ++i) {
        const Rule& rule = scenario.rules[i];
        if (!fits(rule, asked)) continue;
        if (rule.percent < 100 && !strikes(rule.percent, scenario.seed + i, Purpose::rule, asked.number)) continue;
        return rule.code;
    }
    return ResponseCode("00");
}

std::uint64_t delay_ns(const Delay& delay, std::uint64_t seed, std::uint64_t number) noexcept {
    const double even = draw(seed, Purpose::delay, number);
    double ms = delay.ms;
    switch (delay.shape) {
        case Delay::Shape::fixed: break;
        case Delay::Shape::uniform: ms = delay.ms + even * (delay.most_ms - delay.ms); break;
        case Delay::Shape::exponential: ms = -delay.ms * std::log1p(-even); break;
        case Delay::Shape::lognormal: {
            // Box and Muller (1958): a normal value of two even ones.
            const double radius = std::sqrt(-2 * std::log1p(-even));
            const double normal = radius * std::cos(2 * std::numbers::pi * draw(seed, Purpose::delay_turn, number));
            const double sigma = delay.p99_ms > delay.ms ? std::log(delay.p99_ms / delay.ms) / kNormal99 : 0;
            ms = delay.ms * std::exp(sigma * normal);
        }
    }
    return static_cast<std::uint64_t>(std::clamp(ms, 0.0, delay.most_ms) * kNsPerMs);
}

bool is_silent_at(const Silence& silence, std::uint64_t since_start_ns) noexcept {
    std::uint64_t at_s = since_start_ns / kSecond_ns;
    if (silence.repeat_s != 0) at_s %= silence.repeat_s;
    return std::ranges::any_of(silence.spans, [&](const auto& span) { return at_s >= span.from_s && at_s < span.until_s; });
}

Conduct conduct_of(const Scenario& scenario, std::uint64_t number, std::uint64_t since_start_ns) noexcept {
    const Bad& bad = scenario.bad;
    const auto hit = [&](double percent, Purpose purpose) { return strikes(percent, scenario.seed, purpose, number); };
    Conduct conduct;
    conduct.silent = is_silent_at(scenario.silence, since_start_ns) || hit(scenario.silence.percent, Purpose::silence);
    conduct.hang_up = bad.disconnect_every != 0 && (number + 1) % bad.disconnect_every == 0;
    conduct.half = hit(bad.half, Purpose::half);
    conduct.wrong_mac = hit(bad.wrong_mac, Purpose::wrong_mac);
    conduct.copies = hit(bad.duplicate, Purpose::duplicate) ? 2 : 1;
    conduct.delay_ns = delay_ns(scenario.delay, scenario.seed, number);
    if (hit(bad.late, Purpose::late)) conduct.delay_ns += bad.late_ms * 1'000'000;
    return conduct;
}

}  // namespace giro::host
