// The operator's giro.toml, links', routes.toml and scenario files: whatever stands in them, what they say or one line that names the place.
#include <fmt/format.h>

#include "appliance/giro/host_scenario_file.hpp"
#include "appliance/giro/pos_scenario_file.hpp"
#include "config/config.hpp"
#include "routing/file.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"

namespace giro::fuzz {

void run_config_file(Bytes input) {
    const auto file = scratch("giro.toml", input);
    const auto config = config::load(file);
    if (config) {
        ASSERT(!config->participants.empty() && config->officers.size() >= config->settle.approvals_required);
        const std::size_t dialects = config::dialects_of(*config).size();
        for (const auto& port : config->ports) ASSERT(config::dialect_number(*config, port.dialect) < dialects);
        for (const auto& link : config->links) ASSERT(config::dialect_number(*config, link.dialect) < dialects);
        for (const std::string_view terminal : {"", "T1", "K1", "K2345678", "C0"}) {
            const auto ages = config::key_ages(*config, terminal);
            ASSERT(ages.seconds == 0 || ages.overlap_s <= ages.seconds);
        }
    } else
        ASSERT(config.error().kind == Failure::Kind::config && config.error().what.starts_with(file.string()));
}

namespace {
// The shipped file with one setting of a card product (or of the link before them) changed.
void add_card_mistakes(std::string_view shipped, Seeds& seeds) {
    constexpr std::pair<std::string_view, std::string_view> kChanges[] = {
        {"pvk = \"alpha.pvk\"", "pvk = \"Alpha!\""},       {"bins = [\"970002\"]\npin", "bins = [\"970009\"]\npin"},
        {"bins = [\"970002\"]\npin", "bins = [\"970001\"]\npin"}, {"pin = \"visa-pvv\"", ""},
        {"pin = \"visa-pvv\"", "pin = \"ibm-3624\""},      {"pin = \"ibm-3624\"", "pin = \"visa-pvv\""},
        {"table = \"0123456789012345\"", "table = \"012345678901234A\""}, {"cvn = [10]", "cvn = [10, 17]"},
        {"cvn = [10]", "cvn = []"},                        {"csu = \"00800000\"", "csu = \"00000000\""},
        {"chip_key = \"alpha.imk\"", ""},                  {"cvv_key = \"alpha.cvk\"", ""},
        {"pin_key = \"gamma.zpk\"", ""},                   {"pvki = 1", "pvki = 7"},
        {"[[link]]", "[[link]]\nid = 7\nname = \"x\"\naddress = \"127.0.0.1:1\"\nparticipant = 9\nbins = []\n[[link]]"},
        {"id = 1                       # its", "session_key_overlap_s = 60\nid = 1 # its"},
        {"[gate]", "[[link]]\nid = 1\nname = \"x\"\naddress = \"127.0.0.1:1\"\nparticipant = 3\nbins = []\n[gate]"}};
    for (const auto& [from, to] : kChanges) {
        std::string changed(shipped);
        const auto at = changed.find(from);
        ASSERT(at != std::string::npos);
        seeds.push_back(owned(changed.replace(at, from.size(), to)));
    }
}

// How long session keys serve: a link's, and what classes of terminals have of their own.
void add_key_ages(std::string_view shipped, Seeds& seeds) {
    constexpr std::string_view kTills = "[[key_class]]\nname = \"tills\"\n";
    for (const std::string_view says : {"terminals = [\"K*\"]\nsession_key_s = 600\nsession_key_requests = 10\nsession_key_overlap_s = 60\n",
                                        "terminals = [\"T1\"]\nsession_key_s = 59\n", "terminals = [\"T1\"]\nsession_key_s = 60\nsession_key_overlap_s = 61\n",
                                        "terminals = []\nsession_key_s = 60\n", "terminals = [\"T1\"]\n", "terminals = [\"*T\"]\nsession_key_s = 60\n",
                                        "terminals = [\"LNK00001\"]\nsession_key_s = 60\n", "terminals = [\"T1\", \"T1\"]\nsession_key_s = 60\n"})
        seeds.push_back(owned(std::string(shipped) + std::string(kTills) + std::string(says)));
    for (const std::string_view format : {"iso3", "iso2"}) seeds.push_back(owned(std::string(shipped) + "[pin]\ntdes_format = \"" + std::string(format) + "\"\n"));
    std::string many(shipped);
    for (std::size_t i = 0; i <= config::kKeyClassesMax; ++i)
        many += "[[key_class]]\nname = \"c" + std::to_string(i) + "\"\nterminals = [\"C" + std::to_string(i) + "\"]\nsession_key_s = 60\n";
    seeds.push_back(owned(many));
    std::string link(shipped);
    seeds.push_back(owned(link.replace(link.find("[[link]]"), 8, "[[link]]\nsession_key_s = 3600\nsession_key_requests = 100")));
}
}  // namespace

Seeds seeds_config_file() {
    const Buffer shipped = read_file(GIRO_SOURCE_DIR "/firmware-config/giro.toml").value();
    const std::string text(as_text(shipped));
    Seeds seeds{shipped, owned("box = 1\nparticipant = [1]\n"),
                owned("[box]\nname = 1\ncurrency = 1000\nofficers = [1]\n"), owned("= =")};
    // One mistake each: what stands there is replaced where it first occurs.
    constexpr std::pair<std::string_view, std::string_view> kMistakes[] = {
        {"127.0.0.1:", "0.0.0.0:"},
        {"127.0.0.1:", "127.0.0.1"},
        {"[[participant]]", "[[participants]]"},
        {"name = ", "nome = "},
        {"bins = [\"", "bins = [\"x"},
        {"approvals_required = 2", "approvals_required = 9"},
        {"id = 1", "id = 2"},
        {"wallet_participant = ", "wallet_participant = 9"},
        {"participant = ", "participant = 9"},
        {"bins = [", "bins = 7 # ["}};
    for (const auto& [from, to] : kMistakes) {
        std::string wrong = text;
        const auto at = wrong.find(from);
        if (at != std::string::npos) seeds.push_back(owned(wrong.replace(at, from.size(), to)));
    }
    for (const std::string_view port : {"address = \"127.0.0.1:7821\"\ntls = false\ndialect = \"iso1987-bcd\"\n", "address = \"0.0.0.0:7821\"\ntls = false\n",
                                        "address = \"127.0.0.1:7801\"\n", "address = \"127.0.0.1:1\"\ndialect = \"../x\"\n"})
        seeds.push_back(owned(text + "[[port]]\nname = \"p\"\n" + std::string(port)));
    constexpr std::string_view kFramings[] = {"3", "{ length = \"ascii4\", trailer = \"etx-lrc\", counts_length = true, keep_alive_ms = 500 }",
                                              "{ length = \"ascii9\", keep_alive_ms = 1 }"};
    for (const std::string_view framing : kFramings)
        seeds.push_back(owned(text + "[[port]]\nname = \"p\"\naddress = \"127.0.0.1:7821\"\ndialect = \"iso2003\"\nframing = " + std::string(framing) + "\n"));
    seeds.push_back(owned(text + "[vault]\nmodule = \"x.so\"\n[mac]\nx9_19 = [\"T0000001\"]\nhmac_sha_256 = [\"LNK00001\"]\n"));
    seeds.push_back(owned(text + "[mac]\nx9_19 = [\"T0000001\", \"\"]\n"));
    seeds.push_back(owned(text + "[mac]\nx9_19 = [\"T0000001\"]\nhmac_sha_256 = [\"T0000001\"]\n"));
    add_card_mistakes(text, seeds);
    add_key_ages(text, seeds);
    return seeds;
}

void run_routes_file(Bytes input) {
    static const config::Config config = config::load(GIRO_SOURCE_DIR "/firmware-config/giro.toml").value();
    const auto file = scratch("routes.toml", input);
    const auto routing = routing::load(config, file);
    if (!routing) {
        // A table that is refused for one of giro.toml's own BINs names that file.
        const std::string& what = routing.error().what;
        ASSERT(routing.error().kind == Failure::Kind::config && (what.starts_with(file.string()) || what.find("giro.toml: route") != std::string::npos));
        return;
    }
    const auto& table = routing->table;
    ASSERT(table.rules().size() >= 3 && table.ranges() >= 3 && routing->minute_of_day(0) < routing::kMinutesOfDay);
    for (const auto& rule : table.rules())
        for (const auto& range : rule.ranges) {
            ASSERT(routing::parse_range(routing::to_string(range)) == range);
            const std::string pan = fmt::format("{:0{}}", range.first, routing::kRangeDigits);
            for (const MinorUnits amount : {MinorUnits{1}, kAmountMax}) {
                // What some rule has a range for always has a way, and the explanation ends at it.
                const routing::Query query{pan, {amount, 963}, "M1", 0};
                const auto steps = table.explain(query);
                ASSERT(!steps.empty() && steps.back().rule == table.find(query) && steps.back().why_not.empty());
            }
        }
}

Seeds seeds_routes_file() {
    constexpr std::string_view kRoute = "[[route]]\nname='a'\nbins=['4']\nto=['gamma-host']\n";
    const std::string with_conditions =
        "[[route]]\nname='b'\nbins=['4']\ncurrency=[963,978]\namount={from=1,to=5}\nmerchants=['A','B*']\nhours='22:00-06:00'\nto=['decline']\n";
    Seeds seeds{read_file(GIRO_SOURCE_DIR "/firmware-config/routes.toml").value(),
                owned("utc_offset='-03:30'\n[[scheme]]\nname='s'\nbins=['41','42-43']\n[[route]]\nname='x'\nscheme='s'\nto=['gamma-host']\n" + with_conditions + std::string(kRoute)),
                owned("#\n[[route]]\nname='f'\nbins_file='routes.toml'\nto=['decline']\n"),
                owned("#[[route]]\n41\n42-43 # x\n"),
                owned(with_conditions), owned(std::string(kRoute) + std::string(kRoute)), owned("route=[1]\n"), owned("= =")};
    // One mistake each, in place of what stands there.
    constexpr std::pair<std::string_view, std::string_view> kMistakes[] = {
        {"'4'", "'4x'"}, {"'4'", "'4','4'"}, {"'4'", "'970001'"}, {"['4']", "[]"}, {"name='b'", "name='B'"}, {"963,978", "0"}, {"[963,978]", "3"}, {"[963,978]", "[]"},
        {"{from=1,to=5}", "5"}, {"from=1", "from=9"}, {"['A','B*']", "[]"}, {"B*", "*B"}, {"22:00", "24:00"}, {"22:00", "2200"}, {"22:00-06:00", "22:00"},
        {"'decline'", "'x'"}, {"'decline'", "'decline','decline'"}, {"'decline'", "'decline','gamma-host'"}, {"['decline']", "[]"},
        {"bins=['4']", "scheme='s'"}, {"bins=['4']", "bins_file='/x'"}, {"bins=['4']", "bins_file='x'"}, {"bins=['4']", "bins=['40-45','43-47']"}};
    for (const auto& [from, to] : kMistakes) {
        std::string wrong = with_conditions + std::string(kRoute);
        seeds.push_back(owned(wrong.replace(wrong.find(from), from.size(), to)));
    }
    for (const std::string_view offset : {"utc_offset='7'\n", "utc_offset='+15:00'\n", "utc_offset=7\n"}) seeds.push_back(owned(offset));
    return seeds;
}

void run_config_link(Bytes input) {
    static const auto main_file = scratch("links/giro.toml", read_file(GIRO_SOURCE_DIR "/firmware-config/giro.toml").value());
    const auto file = scratch("links/conf.d/one.toml", input);
    const auto config = config::load(main_file);
    if (!config) {
        ASSERT(config.error().kind == Failure::Kind::config && config.error().what.starts_with(file.string()));
        return;
    }
    const config::Link& link = config->links.at(0);
    ASSERT(config->links.size() == 1 && config::find_link(*config, link.number) == &link && !link.addresses.empty());
    ASSERT(config::dialect_number(*config, link.dialect) < config::dialects_of(*config).size());
}

Seeds seeds_config_link() {
    const Buffer shipped = read_file(GIRO_SOURCE_DIR "/firmware-config/conf.d/gamma-host.toml").value();
    Seeds seeds{shipped, owned("= ="), owned("[link]\n"), owned("[[link]]\n")};
    const std::string text(as_text(shipped));
    for (const std::string_view more :
         {"dialect = \"iso2003\"\nframing = { length = \"bcd2\" }\nsession_key_s = 86_400\nsession_key_overlap_s = 7\n",
          "session_key_requests = 9\n", "sign_on = false\necho_ms = 0\n", "echo_ms = 50\n", "connections = 2\n", "connections = 65\n", "mode = \"primary\"\n", "listen = \"127.0.0.1:1\"\n", "peer = \"a\"\n", "echo_timeout_ms = 50\ndown_after = 1\nup_after = 1\nin_flight_max = 1\n", "session_key_overlap_s = 7\n", "more = 1\n"})
        seeds.push_back(owned(text + std::string(more)));
    constexpr std::pair<std::string_view, std::string_view> kMistakes[] = {
        {"id = 1", "id = 0"},         {"gamma-host", "alpha"},         {"participant = 3", "participant = 9"}, {"970003", "970001"},
        {"127.0.0.1:7810", "gamma"}, {"[\"127.0.0.1:7810\"]", "[]"}, {"gamma.zpk", ".zpk"},                   {"iso0", "iso1"},
        {"[4, 37, 41]", "[41]"},      {"[4, 37, 41, 95]", "[4, 37]"}};
    constexpr std::pair<std::string_view, std::string_view> kOthers[] = {
        {"addresses = [\"127.0.0.1:7810\"]", "listen = \"127.0.0.1:7811\""},
        {"addresses = [\"127.0.0.1:7810\"]", "listen = \"0.0.0.0:7811\""},
        {"addresses = [\"127.0.0.1:7810\"]", "listen = \"127.0.0.1:7801\""},
        {"[\"127.0.0.1:7810\"]", "[\"127.0.0.1:7810\", \"127.0.0.1:7810\"]"},
        {"[\"127.0.0.1:7810\"]", "[\"127.0.0.1:7810\", \"127.0.0.1:7811\"]\nmode = \"primary\"\nconnections = 2"},
        {"tls = false", "peer = \"a.b\""},
        {"tls = false", "peer = \"a b\""},
        {"tls = false", "peer = \"a\"\nca = \"x.pem\""},
        {"tls = false", "peer = \"a\"\nca = \"/x\""},
        {"tls = false", "tls = true"}};
    const auto changed = [&](std::string_view from, std::string_view to) {
        std::string other = text;
        seeds.push_back(owned(other.replace(other.find(from), from.size(), to)));
    };
    for (const auto& [from, to] : kMistakes) changed(from, to);
    for (const auto& [from, to] : kOthers) changed(from, to);
    return seeds;
}

void run_pos_scenario(Bytes input) {
    const auto file = scratch("scenario.toml", input);
    const auto scenario = pos::load_scenario(file);
    if (!scenario) {
        ASSERT(scenario.error().kind == Failure::Kind::config && scenario.error().what.starts_with(file.string()));
        return;
    }
    unsigned sum = 0;
    for (const unsigned share : scenario->mix.percent) sum += share;
    ASSERT(sum == 100 && scenario->terminals >= 1 && scenario->amount >= 1);
    for (const std::uint64_t n : {std::uint64_t{0}, std::uint64_t{1} << 60}) {
        const MinorUnits amount = pos::amount_of(*scenario, n);
        ASSERT(amount >= scenario->amount && amount <= std::max(scenario->amount, scenario->amount_max));
    }
}

Seeds seeds_pos_scenario() {
    Seeds seeds{owned("[terminals]\nport = 'old'\nconnect = '127.0.0.1:7900'\ndialect = 'iso1993'\nframing = 'bcd2,etx-lrc,counts-length'\n"
                      "mac = 'x9_19'\nfirst = 2\n[cards]\nbins = ['970001']\nlink_bin = '970003'\nwallets = ['ann']\n"),
                owned("[load]\nrate = 0\nthink_ms = 1\namount = [5, 1]\n"), owned("[load]\nrate = 1\nthink_ms = 1\namount = 0\n"),
                owned("[mix]\ncash = 1\n"), owned("[terminals]\ntls = true\nport = 'a'\nconnect = 'x'\nframing = 'x'\n"), owned("load = 1\n"), owned("= =")};
    for (const char* name : {"shop", "peak", "trouble", "chip"})
        seeds.push_back(read_file(GIRO_SOURCE_DIR "/firmware-config/scenarios/" + std::string(name) + ".toml").value());
    return seeds;
}

void run_host_scenario(Bytes input) {
    const auto file = scratch("host.toml", input);
    const auto scenario = host::load_scenario(file);
    if (!scenario) {
        ASSERT(scenario.error().kind == Failure::Kind::config && scenario.error().what.starts_with(file.string()));
        return;
    }
    constexpr std::uint64_t kFar_ns = std::uint64_t{1} << 60;
    for (const std::uint64_t n : {std::uint64_t{0}, kFar_ns}) {
        const host::Conduct conduct = host::conduct_of(*scenario, n, n);
        ASSERT(conduct.copies >= 1 && conduct.delay_ns <= 2 * host::kPauseMsMax * 1'000'000);
        for (const host::Kind kind : {host::Kind::payment, host::Kind::advice, host::Kind::reversal})
            static_cast<void>(host::decide(*scenario, {kind, 51, "9700030000000018", "M1", "T1", n}));
    }
}

Seeds seeds_host_scenario() {
    Seeds seeds{owned("seed = 3\n[[rule]]\nmessage = 'advice'\namount = [1, 5]\ncents = 5\ncard = ['970003', '970004']\nmerchant = 'M'\nterminal = 'T'\n"
                      "percent = 5\ncode = '51'\n[[rule]]\namount = 5\ncard = '97'\ncode = 'silent'\n[network]\nsign_on = '05'\nsign_off = 'silent'\n"
                      "cut_over = '00'\nkey_exchange = '00'\n[delay]\nshape = 'exponential'\nmean_ms = 5\nmost_ms = 9\n")};
    constexpr std::string_view kMistakes[] = {"= =", "rule = 1\n", "rule = [1]\n", "[[rule]]\nmessage = 'x'\ncode = '5'\n", "[[rule]]\namount = 'x'\n",
                                              "[[rule]]\ncard = ['x']\nmerchant = ''\npercent = nan\ncode = '05'\n", "seed = -1\n", "delay = 1\n",
                                              "[delay]\nshape = 'uniform'\nleast_ms = 9\n", "[delay]\nshape = 'uniform'\nleast_ms = 9\nmost_ms = 1\n",
                                              "[delay]\nshape = 'lognormal'\nmedian_ms = 9\n", "[delay]\nshape = 'lognormal'\nmedian_ms = 9\np99_ms = 1\n",
                                              "[silence]\nspans_s = 1\n", "[silence]\nspans_s = [[1]]\n", "[silence]\nspans_s = [[5, 1]]\n", "[delay]\n"};
    for (const std::string_view mistake : kMistakes) seeds.push_back(owned(mistake));
    for (const char* name : {"bank", "silent", "slow", "trouble"})
        seeds.push_back(read_file(GIRO_SOURCE_DIR "/firmware-config/scenarios/host-" + std::string(name) + ".toml").value());
    return seeds;
}

}  // namespace giro::fuzz
