#include "appliance/giro/pos_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace giro::pos {

namespace {
constexpr std::uint64_t kSpread = 37;  // coprime with 100: visits each slot of a hundred once, neighbours far apart

std::optional<std::uint64_t> number(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}
}  // namespace

Job Mix::of(std::uint64_t n) const noexcept {
    std::uint64_t slot = n % 100 * kSpread % 100;
    for (std::size_t i = 0; i < kJobs; ++i) {
        if (slot < percent[i]) return static_cast<Job>(i);
        slot -= percent[i];
    }
    return Job::card;
}

bool Bad::strikes(unsigned percent, std::uint64_t n, std::uint64_t salt) noexcept {
    constexpr std::uint64_t kSpreads[] = {61, 73, 89, 41, 29, 53, 67};  // coprime with 100
    return n % 100 * kSpreads[salt % std::size(kSpreads)] % 100 < percent;
}

MinorUnits amount_of(const Scenario& scenario, std::uint64_t n) noexcept {
    if (scenario.amount_max <= scenario.amount) return scenario.amount;
    constexpr std::uint64_t kGolden = 0x9E37'79B9'7F4A'7C15;  // Knuth's multiplier: neighbours far apart, each run the same
    const auto span = static_cast<std::uint64_t>(scenario.amount_max - scenario.amount) + 1;
    return scenario.amount + static_cast<MinorUnits>((n * kGolden >> 11) % span);
}

std::vector<std::string> split_list(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        if (comma != at) parts.push_back(text.substr(at, comma - at));
        at = comma + 1;
    }
    return parts;
}

Result<Mix> parse_mix(const std::string& text) {
    Mix mix;
    mix.percent.fill(0);
    std::uint64_t sum = 0;
    for (const std::string& part : split_list(text)) {
        const std::size_t equals = part.find('=');
        const auto name = std::ranges::find(kJobNames, part.substr(0, equals));
        constexpr std::uint64_t kNone = 101;
        const std::string_view digits = equals == std::string::npos ? std::string_view() : std::string_view(part).substr(equals + 1);
        const std::uint64_t share = number(digits).value_or(kNone);
        if (name == kJobNames.end() || share > 100)
            return fail(Failure::Kind::config,
                        fmt::format("--mix: '{}' is not a share such as card=70; kinds: {}", part, fmt::join(kJobNames, " ")));
        mix.percent[static_cast<std::size_t>(name - kJobNames.begin())] = static_cast<unsigned>(share);
    }
    for (const unsigned share : mix.percent) sum += share;
    if (sum != 100) return fail(Failure::Kind::config, fmt::format("--mix: the shares add up to {}, not 100", sum));
    return mix;
}

std::uint64_t meant_after_ns(std::uint64_t n, double rate) noexcept {
    return static_cast<std::uint64_t>(static_cast<double>(n) * 1e9 / rate);
}

std::uint64_t payments_in(std::uint64_t seconds, double rate) noexcept {
    return static_cast<std::uint64_t>(static_cast<double>(seconds) * rate);
}

Result<config::Address> parse_address(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    const auto port = colon == std::string::npos ? std::nullopt : number(std::string_view(text).substr(colon + 1));
    if (!port || *port == 0 || *port > 65535 || colon == 0)
        return fail(Failure::Kind::config, fmt::format("'{}' is not an address and port such as 127.0.0.1:7801", text));
    std::string host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    return config::Address{host, static_cast<std::uint16_t>(*port)};
}

}  // namespace giro::pos
