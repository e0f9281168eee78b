// Scenario files: what they say is what is done, and a mistake is named with its line.
#include "appliance/giro/pos_scenario_file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "util/file.hpp"

using namespace giro;
using namespace giro::pos;

namespace {
Result<Scenario> read(std::string_view text) {
    const auto file =
        std::filesystem::temp_directory_path() / ("giro-scenario-" + std::to_string(::getpid()) + ".toml");
    REQUIRE(write_file_atomic(file, as_bytes(text)));
    auto scenario = load_scenario(file);
    std::filesystem::remove(file);
    return scenario;
}
// The line and the words of the mistake, without the file's name.
std::string mistake(std::string_view text) {
    const auto scenario = read(text);
    REQUIRE_FALSE(scenario);
    CHECK(scenario.error().kind == Failure::Kind::config);
    const std::string& what = scenario.error().what;
    return what.substr(what.find(".toml:") + 6);
}
}  // namespace

TEST_CASE("scenario: every shipped file is read, and an empty one is the default") {
    std::size_t shipped = 0;
    for (const auto& entry : std::filesystem::directory_iterator(GIRO_SOURCE_DIR "/firmware-config/scenarios")) {
        if (entry.path().filename().string().starts_with("host-")) continue;  // of giro host: host_scenario_test.cpp
        const auto scenario = load_scenario(entry.path());
        CHECK_MESSAGE(scenario, (scenario ? std::string() : scenario.error().what));
        ++shipped;
    }
    CHECK(shipped == 7);
    const auto empty = read("");
    REQUIRE(empty);
    CHECK(empty->terminals == 1);
    CHECK(empty->mix.percent == Mix().percent);
}

TEST_CASE("scenario: what stands in the file is what the run is told") {
    const auto s = read(
        "[terminals]\ncount = 3\nfirst = 2\nport = 'old'\nconnect = '127.0.0.1:7900'\ndialect = 'iso1993'\n"
        "framing = 'bcd2,etx'\nmac = 'x9_19'\ntimeout_ms = 700\n"
        "[load]\nthink_ms = 40\ncount = 9\nseconds = 8\namount = [5, 7]\n"
        "[mix]\ncard = 60\nadvice = 40\n"
        "[cards]\nbins = ['970001']\nper_bin = 2\nlink_bin = '970003'\nwallets = ['ann', 'bo']\nemv = 8\n"
        "[bad]\nwrong_chip = 9\nwrong_mac = 1\nduplicate = 2\nlate_reversal = 3\nlate_ms = 4\nsilent = 5\ncut_frames = 6\nkeep_alives "
        "= 7\n"
        "keep_alives_per_second = 8\n");
    REQUIRE(s);
    CHECK(s->terminals == 3);
    CHECK(s->first_terminal == 2);
    CHECK(s->speech.port == "old");
    CHECK(s->connect == "127.0.0.1:7900");
    CHECK(s->speech.dialect == "iso1993");
    CHECK(s->speech.framing == "bcd2,etx");
    CHECK(s->mac == vault::MacKind::x9_19);
    CHECK(s->timeout_ms == 700);
    CHECK(s->think_ms == 40);
    CHECK(s->count == 9);
    CHECK(s->seconds == 8);
    CHECK(s->amount == 5);
    CHECK(s->amount_max == 7);
    CHECK(s->mix.percent == std::array<unsigned, kJobs>{60, 0, 0, 0, 0, 40, 0});
    CHECK(s->bins == std::vector<std::string>{"970001"});
    CHECK(s->cards == 2);
    CHECK(s->link_bin == "970003");
    CHECK(s->wallets == std::vector<std::string>{"ann", "bo"});
    CHECK(s->emv == 8);
    CHECK(s->bad.wrong_chip == 9);
    CHECK(s->bad.wrong_mac == 1);
    CHECK(s->bad.duplicate == 2);
    CHECK(s->bad.late_reversal == 3);
    CHECK(s->bad.late_ms == 4);
    CHECK(s->bad.silent == 5);
    CHECK(s->bad.cut_frames == 6);
    CHECK(s->bad.keep_alives == 7);
    CHECK(s->bad.keep_alives_per_second == 8);
    CHECK_FALSE(s->dukpt);
    CHECK(read("[terminals]\ndukpt = true\n")->dukpt);
    CHECK(read("[load]\nrate = 2.5\n")->rate == doctest::Approx(2.5));
    CHECK(read("[load]\nrate = 200\n")->rate == doctest::Approx(200));
}

TEST_CASE("scenario: a mistake is named with its line") {
    constexpr std::pair<std::string_view, std::string_view> kMistakes[] = {
        {"[load]\nrat = 5\n", "2: 'rat' is not a setting"},
        {"[laod]\nrate = 5\n", "1: 'laod' is not a setting"},
        {"[load]\nrate = 0\n", "2: 'rate' must be a number"},
        {"[load]\nrate = 'fast'\n", "2: 'rate' must be a number"},
        {"[load]\nrate = 5\nthink_ms = 5\n", "3: 'think_ms' is for a closed loop"},
        {"[load]\n\namount = [7, 5]\n", "3: 'amount' must be"},
        {"[load]\namount = 0\n", "2: 'amount' must be"},
        {"[load]\namount = [1]\n", "2: 'amount' must be"},
        {"[mix]\ncard = 50\n", "1: the shares add up to 50"},
        {"[mix]\ncard = 101\n", "2: 'card' = 101 is outside 0..100"},
        {"[mix]\ncard = 50\ncash = 50\n", "3: 'cash' is not a kind of payment: card link qr"},
        {"[terminals]\ncount = 0\n", "2: 'count' = 0 is outside"},
        {"[terminals]\nmac = 'des'\n", "2: 'mac' must be one of: aes_cmac x9_19 hmac_sha_256"},
        {"[terminals]\nframing = 'ascii5'\n", "2: 'framing' is words"},
        {"[terminals]\nconnect = '7801'\n", "2: 'connect' is not address:port"},
        {"[terminals]\nport = 'a'\ntls = true\n", "3: 'tls' is for the gate's own"},
        {"[terminals]\nmac = 'x9_19'\ndukpt = true\n", "2: 'mac' is for terminals without 'dukpt'"},
        {"[terminals]\ntls = 1\n", "2: 'tls' must be true or false"},
        {"[cards]\nbins = 5\n", "1: 'bins' must be given, as a list"},
        {"[bad]\nsilent = -1\n", "2: 'silent' = -1 is outside"},
        {"bad = 5\n", "[bad] is missing"},
        {"[load\n", "1: "},
    };
    for (const auto& [text, words] : kMistakes) {
        const std::string said = mistake(text);  // Clang 14 captures no structured binding
        CHECK_MESSAGE(said.find(words) != std::string::npos, said);
    }
}

TEST_CASE("scenario: shares of what goes wrong are exact in each hundred, and amounts stay between their bounds") {
    for (const std::uint64_t salt : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}})
        for (const unsigned percent : {0U, 1U, 37U, 100U}) {
            unsigned struck = 0;
            for (std::uint64_t n = 500; n < 600; ++n) struck += Bad::strikes(percent, n, salt) ? 1 : 0;
            CHECK(struck == percent);
        }
    Scenario s;
    s.amount = 10;
    CHECK(amount_of(s, 99) == 10);
    s.amount_max = 12;
    unsigned seen[3] = {};
    for (std::uint64_t n = 0; n < 300; ++n) ++seen[amount_of(s, n) - 10];
    for (const unsigned count : seen) CHECK(count > 50);
}

TEST_CASE("scenario: PINs are typed at terminals with DUKPT keys alone") {
    const auto s = read("[terminals]\ndukpt = true\n[cards]\npins = 80\n[bad]\nwrong_pin = 5\n");
    REQUIRE(s);
    CHECK(s->pins == 80);
    CHECK(s->bad.wrong_pin == 5);
    CHECK(read("[cards]\npins = 80\n")->pin_block == vault::PinKeyKind::aes);
    CHECK(read("[terminals]\npin_block = \"tdes\"\n[cards]\npins = 80\n")->pin_block == vault::PinKeyKind::tdes);
    CHECK(mistake("[terminals]\npin_block = \"des\"\n").starts_with("2: 'pin_block' must be one of: aes tdes"));
    CHECK(mistake("[terminals]\ndukpt = true\npin_block = \"tdes\"\n").starts_with("3: 'pin_block' is for terminals without 'dukpt'"));
    CHECK(mistake("[terminals]\ndukpt = true\n[cards]\npins = 101\n").starts_with("4: 'pins' = 101 is outside 0..100"));
}
