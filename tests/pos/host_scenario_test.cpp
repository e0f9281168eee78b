// What the bank of `giro host` is told to do: files, rules, delays, silences and what goes wrong, always the same for a seed.
#include "appliance/giro/host_scenario_file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

#include "util/file.hpp"

using namespace giro;
using namespace giro::host;

namespace {
constexpr std::uint64_t kMillisecond = 1'000'000, kSecond = 1'000 * kMillisecond;

Result<Scenario> read(std::string_view text) {
    const auto file = std::filesystem::temp_directory_path() / ("giro-host-scenario-" + std::to_string(::getpid()) + ".toml");
    REQUIRE(write_file_atomic(file, as_bytes(text)));
    auto scenario = load_scenario(file);
    std::filesystem::remove(file);
    return scenario;
}
Result<Scenario> shipped(const std::string& name) {
    return load_scenario(GIRO_SOURCE_DIR "/firmware-config/scenarios/host-" + name + ".toml");
}
std::string code_of(const Scenario& scenario, const Asked& asked) {
    const auto code = decide(scenario, asked);
    return code ? code->str() : "silent";
}
Asked payment(MinorUnits amount, std::uint64_t number = 0) { return {Kind::payment, amount, "9700030000000018", "M1", "T1", number}; }

std::vector<double> delays_ms(const Scenario& scenario) {
    std::vector<double> all;
    for (std::uint64_t n = 0; n < 10'000; ++n) all.push_back(static_cast<double>(delay_ns(scenario.delay, scenario.seed, n)) / 1e6);
    std::ranges::sort(all);
    return all;
}
}  // namespace

TEST_CASE("host scenario: every shipped file is read, and host-bank.toml is what a host does without any") {
    for (const char* name : {"silent", "slow", "trouble"}) {
        const auto scenario = shipped(name);
        CHECK_MESSAGE(scenario, (scenario ? std::string() : scenario.error().what));
    }
    const auto file = shipped("bank");
    REQUIRE(file);
    for (MinorUnits amount = 1; amount < 250; ++amount) {
        CHECK(code_of(*file, payment(amount)) == code_of(bank(), payment(amount)));
        const std::string wanted = amount % 100 == 5 ? "05" : amount % 100 == 51 ? "51" : amount % 100 == 91 ? "silent" : "00";
        CHECK(code_of(bank(), payment(amount)) == wanted);
    }
    const auto empty = read("");
    REQUIRE(empty);
    CHECK(code_of(*empty, payment(51)) == "00");
}

TEST_CASE("host scenario: the first rule that fits decides, by message, amount, card, merchant and terminal") {
    const auto s = read(
        "[[rule]]\nmessage = 'advice'\namount = [100, 200]\ncode = '51'\n"
        "[[rule]]\nmessage = 'reversal'\ncode = '96'\n"
        "[[rule]]\ncard = ['970003', '970004']\namount = 7\ncode = '61'\n"
        "[[rule]]\ncard = '97000300'\nmerchant = 'M2'\ncode = '57'\n"
        "[[rule]]\nterminal = 'T9'\ncode = 'silent'\n");
    REQUIRE(s);
    const auto say = [&](Asked asked) { return code_of(*s, asked); };
    CHECK(say({Kind::advice, 99, "9700050000000018", "M1", "T1", 0}) == "00");
    CHECK(say({Kind::advice, 100, "9700050000000018", "M1", "T1", 0}) == "51");
    CHECK(say({Kind::advice, 200, "9700050000000018", "M1", "T1", 0}) == "51");
    CHECK(say({Kind::payment, 200, "9700050000000018", "M1", "T1", 0}) == "00");
    CHECK(say({Kind::reversal, 200, "9700050000000018", "M1", "T1", 0}) == "96");
    CHECK(say({Kind::payment, 7, "9700030000000018", "M1", "T1", 0}) == "61");
    CHECK(say({Kind::payment, 7, "9700049999999999", "M1", "T1", 0}) == "61");
    CHECK(say({Kind::payment, 7, "9700050000000018", "M1", "T1", 0}) == "00");
    CHECK(say({Kind::payment, 8, "9700030000000018", "M2", "T1", 0}) == "57");
    CHECK(say({Kind::payment, 8, "9700031000000018", "M2", "T1", 0}) == "00");
    CHECK(say({Kind::payment, 8, "9700031000000018", "M1", "T9", 0}) == "silent");
    const auto reversals = read("[[rule]]\ncode = '05'\n");
    REQUIRE(reversals);
    CHECK(code_of(*reversals, {Kind::advice, 1, "", "", "", 0}) == "05");
    CHECK(code_of(*reversals, {Kind::reversal, 1, "", "", "", 0}) == "00");
}

TEST_CASE("host scenario: what is left to chance is as often as it says, and the same for a seed") {
    const auto s = read("seed = 3\n[[rule]]\npercent = 20\ncode = '51'\n[[rule]]\npercent = 50\ncode = '05'\n");
    const auto other = read("seed = 4\n[[rule]]\npercent = 20\ncode = '51'\n[[rule]]\npercent = 50\ncode = '05'\n");
    REQUIRE(s);
    REQUIRE(other);
    int first = 0, second = 0, differ = 0;
    for (std::uint64_t n = 0; n < 10'000; ++n) {
        const std::string said = code_of(*s, payment(1, n));
        CHECK(said == code_of(*s, payment(1, n)));
        first += said == "51";
        second += said == "05";
        differ += said != code_of(*other, payment(1, n));
    }
    CHECK(first > 1'800);
    CHECK(first < 2'200);
    CHECK(second > 3'800);  // half of the other eighty
    CHECK(second < 4'200);
    CHECK(differ > 3'000);
}

TEST_CASE("host scenario: delays are of the shape that is asked for") {
    CHECK(delays_ms(*read("[delay]\nshape = 'fixed'\nms = 20\n")) == std::vector<double>(10'000, 20.0));
    CHECK(delays_ms(*read("")) == std::vector<double>(10'000, 0.0));
    const auto uniform = delays_ms(*read("[delay]\nshape = 'uniform'\nleast_ms = 10\nmost_ms = 30\n"));
    CHECK(uniform.front() >= 10);
    CHECK(uniform.back() <= 30);
    CHECK(uniform[5'000] == doctest::Approx(20).epsilon(0.03));
    const auto exponential = delays_ms(*read("[delay]\nshape = 'exponential'\nmean_ms = 100\nmost_ms = 400\n"));
    CHECK(exponential[5'000] == doctest::Approx(69.3).epsilon(0.05));  // the median is ln 2 of the mean
    CHECK(exponential.back() == 400);
    const auto lognormal = delays_ms(*read("[delay]\nshape = 'lognormal'\nmedian_ms = 60\np99_ms = 2_000\n"));
    CHECK(lognormal[5'000] == doctest::Approx(60).epsilon(0.05));
    CHECK(lognormal[9'900] == doctest::Approx(2'000).epsilon(0.15));
}

TEST_CASE("host scenario: silence lasts from its first second until its last, and comes again") {
    const auto once = read("[silence]\nspans_s = [[5, 7], [9, 10]]\n");
    REQUIRE(once);
    const auto silent = [&](const Scenario& s, std::uint64_t ms) { return conduct_of(s, 0, ms * kMillisecond).silent; };
    for (const std::uint64_t ms : {0U, 4'999U, 7'000U, 8'999U, 10'000U, 65'000U}) CHECK_FALSE(silent(*once, ms));
    for (const std::uint64_t ms : {5'000U, 6'999U, 9'000U}) CHECK(silent(*once, ms));
    const auto again = read("[silence]\nspans_s = [[5, 7]]\nrepeat_s = 60\n");
    REQUIRE(again);
    CHECK(silent(*again, 65'000));
    CHECK_FALSE(silent(*again, 67'000));
    const auto always = shipped("silent");
    REQUIRE(always);
    for (std::uint64_t n = 0; n < 1'000; ++n) CHECK(conduct_of(*always, n, n * kSecond).silent);
    CHECK_FALSE(is_silent_at(always->silence, 0));  // sign-on and echoes are answered
}

TEST_CASE("host scenario: what goes wrong does so as often as it says") {
    const auto s = read(
        "[bad]\nhalf = 10\nwrong_mac = 20\nduplicate = 30\nlate = 40\nlate_ms = 500\ndisconnect_every = 100\n[silence]\npercent = 50\n");
    REQUIRE(s);
    int half = 0, mac = 0, twice = 0, late = 0, hung_up = 0, silent = 0;
    for (std::uint64_t n = 0; n < 10'000; ++n) {
        const Conduct c = conduct_of(*s, n, 0);
        half += c.half;
        mac += c.wrong_mac;
        twice += c.copies == 2;
        late += c.delay_ns == 500 * kMillisecond;
        hung_up += c.hang_up;
        silent += c.silent;
    }
    const auto about = [](int count, int percent) { return count > percent * 100 - 250 && count < percent * 100 + 250; };
    CHECK(about(half, 10));
    CHECK(about(mac, 20));
    CHECK(about(twice, 30));
    CHECK(about(late, 40));
    CHECK(about(silent, 50));
    CHECK(hung_up == 100);
    CHECK(conduct_of(*s, 99, 0).hang_up);
}

TEST_CASE("host scenario: a mistake is named with its line") {
    constexpr std::pair<std::string_view, std::string_view> kMistakes[] = {
        {"rules = 1\n", "1: 'rules' is not a setting"},
        {"rule = 1\n", "1: a rule begins with [[rule]]"},
        {"seed = -1\n", "1: 'seed' = -1 is outside"},
        {"[[rule]]\ncode = '05'\n[[rule]]\ncents = 5\n", "3: 'code' must be given"},
        {"[[rule]]\ncode = '5'\n", "1: 'code' must be DE39"},
        {"[[rule]]\ncode = '05'\nmessage = 'sale'\n", "3: 'message' must be one of: payment advice reversal"},
        {"[[rule]]\ncode = '05'\namount = [5, 1]\n", "3: 'amount' must be"},
        {"[[rule]]\ncode = '05'\ncents = 100\n", "3: 'cents' = 100 is outside"},
        {"[[rule]]\ncode = '05'\ncard = 970003\n", "3: 'card' must be"},
        {"[[rule]]\ncode = '05'\ncard = ['97', '970']\n", "3: 'card' must be"},
        {"[[rule]]\ncode = '05'\ncard = '97x'\n", "3: 'card' must be"},
        {"[[rule]]\ncode = '05'\npercent = 101\n", "3: 'percent' must be a number 0..100"},
        {"[[rule]]\ncode = '05'\npercent = '5'\n", "3: 'percent' must be a number"},
        {"[[rule]]\ncode = '05'\nmerchant = ''\n", "3: 'merchant' is text of 1 to 15"},
        {"[[rule]]\ncode = '05'\nbin = '97'\n", "3: 'bin' is not a setting"},
        {"[delay]\nms = 5\nmean_ms = 5\n", "3: 'mean_ms' is not a setting"},
        {"[delay]\nshape = 'uniform'\nleast_ms = 5\n", "1: 'most_ms' must be given"},
        {"[delay]\nshape = 'uniform'\nleast_ms = 5\nmost_ms = 4\n", "4: 'most_ms' is less than 'least_ms'"},
        {"[delay]\nshape = 'lognormal'\nmedian_ms = 5\n", "1: 'p99_ms' must be given"},
        {"[delay]\nshape = 'lognormal'\nmedian_ms = 5\np99_ms = 4\n", "4: 'p99_ms' is less than"},
        {"[delay]\nshape = 'normal'\n", "2: 'shape' must be one of: fixed uniform exponential lognormal"},
        {"[delay]\nms = 600_001\n", "2: 'ms' must be a number 0..600000"},
        {"[silence]\nspans_s = [[7, 5]]\n", "2: 'spans_s' must be"},
        {"[silence]\nspans_s = [5, 7]\n", "2: 'spans_s' must be"},
        {"[silence]\nrepeat_s = 0\n", "2: 'repeat_s' = 0 is outside"},
        {"[bad]\nhalf = nan\n", "2: 'half' must be a number"},
        {"[bad]\ndisconnect_every = 0\n", "2: 'disconnect_every' = 0 is outside"},
        {"[network]\necho = 'no'\nsign_in = '00'\n", "3: 'sign_in' is not a setting"},
        {"[network]\necho = 0\n", "1: 'echo' must be given, as text"},
        {"network = 0\n", "[network] is missing"},
        {"[bad\n", "1: "},
    };
    for (const auto& mistake : kMistakes) {  // Clang 14 captures no structured binding
        const std::string text(mistake.first), wanted(mistake.second);
        const auto scenario = read(text);
        REQUIRE_FALSE_MESSAGE(scenario, text);
        CHECK(scenario.error().kind == Failure::Kind::config);
        const std::string said = scenario.error().what.substr(scenario.error().what.find(".toml:") + 6);
        CHECK_MESSAGE(said.find(wanted) != std::string::npos, said);
    }
}
