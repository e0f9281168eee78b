// `giro pos`: the terminal simulator. Outside the box: it speaks to it over sockets alone, with the demo terminals'
// master keys from <dir>/demo/terminals. Run by a person at a till, by the story test, and as load generator.
#include <fmt/format.h>

#include <algorithm>

#include "appliance/giro/command.hpp"
#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_args.hpp"
#include "appliance/giro/pos_load.hpp"
#include "appliance/giro/pos_till.hpp"
#include "util/descriptors.hpp"

namespace giro::cli {

namespace {
using namespace pos;

constexpr double kRateMax = 1e6;
constexpr std::size_t kOtherDescriptors = 64;  // besides the terminals' connections: loop, trace, wallets

Result<double> rate_of(const Args& args) {
    if (!args.given("--rate")) return 0.0;
    try {
        std::size_t used = 0;
        const std::string text = args.text("--rate");
        const double rate = std::stod(text, &used);
        if (used == text.size() && rate > 0 && rate <= kRateMax) return rate;
    } catch (const std::exception&) {  // stod's way to say that it is no number
    }
    return fail(Failure::Kind::config, fmt::format("--rate '{}' is not a number of payments a second", args.text("--rate")));
}

// --- giro pos -------------------------------------------------------------------------------------
Result<Scenario> scenario_of(const Args& args, const Equipment& equipment) {
    const config::Config& config = equipment.config;
    struct Bound {
        const char* name;
        std::uint64_t least, most;
        std::uint64_t value;
    };
    Bound bounds[] = {{"--terminals", 1, demo::kTerminalsMax, 0},
                      {"--count", 0, 1'000'000'000, 0},
                      {"--seconds", 0, 86'400, 0},
                      {"--timeout", kTimeoutMinMs, kTimeoutMaxMs, 0},
                      {"--amount", 0, kAmountDigitsMax, 0},
                      {"--cards", 1, demo::kCardsPerBin - 1, 0}};
    for (Bound& bound : bounds) {
        const auto value = number_of(args, bound.name, bound.least, bound.most);
        if (!value) return tl::unexpected(value.error());
        bound.value = *value;
    }
    const auto first = terminals_from(args, "--first", bounds[0].value);
    if (!first) return tl::unexpected(first.error());
    const auto address = address_of(args, equipment);
    if (!address) return tl::unexpected(address.error());
    const auto rate = rate_of(args);
    if (!rate) return tl::unexpected(rate.error());
    const auto mix = parse_mix(args.text("--mix"));
    if (!mix) return tl::unexpected(mix.error());
    Scenario s;
    s.address = *address;
    s.terminals = static_cast<std::uint32_t>(bounds[0].value);
    s.first_terminal = *first;
    s.dukpt = args.flag("--dukpt");
    s.count = bounds[1].value;
    s.seconds = bounds[2].value;
    s.timeout_ms = bounds[3].value;
    if (bounds[4].value != 0) s.amount = static_cast<MinorUnits>(bounds[4].value);
    s.cards = static_cast<std::uint32_t>(bounds[5].value);
    s.rate = *rate;
    s.mix = *mix;
    if (s.count == 0 && s.seconds == 0) s.count = s.terminals;
    s.bins = args.given("--card-bin") ? split_list(args.text("--card-bin")) : own_bins(config);
    s.link_bin = args.text("--link-bin");
    if (s.link_bin.empty() && !config.links.empty() && !config.links[0].bins.empty()) s.link_bin = config.links[0].bins[0];
    s.wallets = split_list(args.text("--wallet"));
    s.duplicate = args.flag("--duplicate");
    s.bad_mac = args.flag("--bad-mac");
    s.echo = args.flag("--echo");
    s.trace_file = args.text("--trace");
    return s;
}

Result<void> check(const Scenario& s) {
    for (const std::string& bin : s.bins)
        if (bin.size() < 6 || bin.size() > 8 || !Pan::parse(bin + "00000000"))
            return fail(Failure::Kind::config, fmt::format("'{}' is not a BIN of 6 to 8 digits", bin));
    if (!s.link_bin.empty() && (s.link_bin.size() < 6 || s.link_bin.size() > 8 || !Pan::parse(s.link_bin + "00000000")))
        return fail(Failure::Kind::config, fmt::format("'{}' is not a BIN of 6 to 8 digits", s.link_bin));
    if (s.bins.empty() && (s.mix.has(Job::card) || s.mix.has(Job::reversal) || s.mix.has(Job::decline)))
        return fail(Failure::Kind::config, "no bank of this box has cards of its own; give --card-bin");
    if (s.mix.has(Job::link) && s.link_bin.empty())
        return fail(Failure::Kind::config, "the configuration has no link to another host; give --link-bin");
    if (s.mix.has(Job::qr) && s.wallets.empty())
        return fail(Failure::Kind::config, "QR payments need somebody who pays: --wallet NAME (giro wallet new NAME)");
    return {};
}

Result<void> run_scenario(const Args& args) {
    const auto equipment = load_equipment(args.paths(), speech_of(args));
    if (!equipment) return tl::unexpected(equipment.error());
    const auto scenario = scenario_of(args, **equipment);
    if (!scenario) return tl::unexpected(scenario.error());
    if (auto good = check(*scenario); !good) return good;
    if (auto allowed = allow_descriptors(scenario->terminals + kOtherDescriptors, "one for each of --terminals"); !allowed) return allowed;
    const auto report = run_load(*scenario, **equipment);
    if (!report) return tl::unexpected(report.error());
    fmt::print("{}{}", args.json() ? to_json(*report) : to_text(*report), args.json() ? "\n" : "");
    if (!report->sound()) return fail(Failure::Kind::integrity, "some answers cannot be right: wrong MAC, wrong payment, or a repeat answered otherwise");
    if (report->unresolved != 0 || report->answered == 0)
        return fail(Failure::Kind::try_again, fmt::format("{} payments were left without an answer", report->sent - report->answered));
    return {};
}

struct Action {
    std::string_view name;
    Result<void> (*run)(const Args&);
};
constexpr Action kActions[] = {{"load", run_scenario}, {"buy", pos_buy}, {"authorise", pos_authorise},
                               {"raise", pos_raise}, {"complete", pos_complete}, {"reverse", pos_reverse}, {"mpm", pos_mpm}};

Result<void> act(const Args& args) {
    const std::string name = args.text("action");
    const auto* action = std::ranges::find(kActions, name, &Action::name);
    if (action == std::end(kActions))
        return fail(Failure::Kind::config, fmt::format("giro pos {}: there is load, buy, authorise, raise, complete, reverse and mpm", name));
    return action->run(args);
}
}  // namespace

std::vector<Command> pos_commands() {
    using enum Option::Kind;
    return {{"pos",
             "terminals that pay: buy, authorise, raise, complete, reverse, mpm (a code to scan), or load: many at once",
             {
                 {"action", "load, buy, authorise, raise, complete, reverse or mpm", text, "load", false},
                 {"--port", "name of a [[port]] in the configuration: its address, dialect and framing; default: the gate's own", text, "", false},
                 {"--connect", "address:port to connect to in place of that", text, "", false},
                 {"--dialect", "name of a file in etc/dialects; default: the port's", text, "", false},
                 {"--framing", "words with commas such as ascii4,etx-lrc,counts-length; default: the port's", text, "", false},
                 {"--tls", "the gate's own TLS port: TLS 1.3 with the demo terminals' client certificate", flag, "", false},
                 {"--timeout", "how long an answer may take, ms; a payment without one is reversed", number, "15000", false},
                 {"--amount", "of each payment, minor units; load: 100", number, "", false},
                 {"--wallet", "wallet that pays by QR; load: several with commas, each pays one at a time", text, "", false},
                 {"--dukpt", "buy, load: terminals with DUKPT keys, D0000001 and on: a new key for each message", flag, "", false},
                 {"--terminal", "buy, mpm: number of the demo terminal", number, "1", false},
                 {"--bin", "buy: the card's BIN; default: the first of this box", text, "", false},
                 {"--card-index", "buy: number of the demo card, from 1; 200 has no money", number, "1", false},
                 {"--qr", "buy: a consumer-presented QR payload", text, "", false},
                 {"--rrn", "raise, complete, reverse: retrieval reference number on the receipt", text, "", false},
                 {"--stands", "reverse: in part, so that this much of the payment stands (DE95), minor units", number, "0", false},
                 {"--advice", "reverse: as an advice (0420)", flag, "", false},
                 {"--from", "raise, complete, reverse: the --trace file of a run, for a payment of that run", text, "", false},
                 {"--terminals", "load: how many terminals", number, "1", false},
                 {"--first", "load: number of the first terminal", number, "1", false},
                 {"--rate", "load: payments a second in all, at their time whatever the box does; default: as fast as answered", text, "", false},
                 {"--count", "load: payments in all; default: one a terminal", number, "0", false},
                 {"--seconds", "load: for how long", number, "0", false},
                 {"--mix", "load: shares in per cent of card, link, qr, reversal, decline", text, "card=100", false},
                 {"--card-bin", "load: BINs of the cards, with commas; default: all of this box", text, "", false},
                 {"--cards", "load: cards per BIN", number, "199", false},
                 {"--link-bin", "load: BIN of cards kept on another host; default: the first link's", text, "", false},
                 {"--duplicate", "load: send each payment a second time, byte for byte", flag, "", false},
                 {"--bad-mac", "load: spoil the MAC of each payment", flag, "", false},
                 {"--echo", "load: echo tests in place of payments", flag, "", false},
                 {"--trace", "load: file to append each request and answer to, as JSON lines", text, "", false},
             },
             act}};
}

}  // namespace giro::cli
