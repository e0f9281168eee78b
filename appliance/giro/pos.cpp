// `giro pos`: the terminal simulator. Outside the box: it speaks to it over sockets alone, with the demo terminals'
// master keys from <dir>/demo/terminals. Run by a person at a till, by the story test, and as load generator.
#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "appliance/giro/command.hpp"
#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_args.hpp"
#include "appliance/giro/pos_load.hpp"
#include "appliance/giro/pos_scenario_file.hpp"
#include "appliance/giro/pos_till.hpp"
#include "util/descriptors.hpp"

namespace giro::cli {

namespace {
using namespace pos;

constexpr unsigned kAll = 100;                 // per cent
constexpr std::size_t kOtherDescriptors = 64;  // besides the terminals' connections: loop, trace, wallets

Result<double> rate_of(const std::string& text) {
    try {
        std::size_t used = 0;
        const double rate = std::stod(text, &used);
        if (used == text.size() && rate > 0 && rate <= kRateMax) return rate;
    } catch (const std::exception&) {  // stod's way to say that it is no number
    }
    return fail(Failure::Kind::config, fmt::format("--rate '{}' is not a number of payments a second", text));
}

// --- giro pos load --------------------------------------------------------------------------------
// The file's scenario, and over it what is said beside it.
Result<Scenario> scenario_of(const Args& args) {
    Result<Scenario> read = args.given("--scenario") ? load_scenario(args.text("--scenario")) : Scenario();
    if (!read) return read;
    Scenario& s = *read;
    const auto into = [&](const char* name, std::uint64_t least, std::uint64_t most, auto& value) -> Result<void> {
        if (!args.given(name)) return {};
        const auto number = number_of(args, name, least, most);
        if (!number) return tl::unexpected(number.error());
        value = static_cast<std::remove_reference_t<decltype(value)>>(*number);
        return {};
    };
    const Result<void> numbers[] = {into("--terminals", 1, demo::kTerminalsMax, s.terminals),
                                    into("--first", 1, demo::kTerminalsMax, s.first_terminal),
                                    into("--count", 0, kCountMax, s.count),
                                    into("--seconds", 0, kSecondsMax, s.seconds),
                                    into("--timeout", kTimeoutMinMs, kTimeoutMaxMs, s.timeout_ms),
                                    into("--amount", 1, kAmountDigitsMax, s.amount),
                                    into("--cards", 1, demo::kCardsPerBin - 1, s.cards),
                                    into("--pins", 0, kAll, s.pins),
                                    into("--emv-share", 0, kAll, s.emv),
                                    into("--think", 0, kPausesMsMax, s.think_ms)};
    for (const auto& good : numbers)
        if (!good) return tl::unexpected(good.error());
    if (args.given("--amount")) s.amount_max = 0;
    if (args.given("--think")) s.rate = 0;
    if (args.given("--rate")) {
        const auto rate = rate_of(args.text("--rate"));
        if (!rate) return tl::unexpected(rate.error());
        s.rate = *rate;
        s.think_ms = 0;
    }
    if (args.given("--mix")) {
        const auto mix = parse_mix(args.text("--mix"));
        if (!mix) return tl::unexpected(mix.error());
        s.mix = *mix;
    }
    if (args.given("--pin-block")) {
        const auto block = pin_block_of(args);
        if (!block) return tl::unexpected(block.error());
        s.pin_block = *block;
    }
    const Speech said = speech_of(args);
    if (!said.port.empty() || said.tls) {
        s.speech.port = said.port;
        s.speech.tls = said.tls;
    }
    if (!said.dialect.empty()) s.speech.dialect = said.dialect;
    if (!said.framing.empty()) s.speech.framing = said.framing;
    if (args.given("--connect")) s.connect = args.text("--connect");
    if (args.given("--card-bin")) s.bins = split_list(args.text("--card-bin"));
    if (args.given("--link-bin")) s.link_bin = args.text("--link-bin");
    if (args.given("--wallet")) s.wallets = split_list(args.text("--wallet"));
    if (args.flag("--dukpt")) s.dukpt = true;
    if (args.flag("--duplicate")) s.bad.duplicate = kAll;
    if (args.flag("--bad-mac")) s.bad.wrong_mac = kAll;
    s.echo = args.flag("--echo");
    s.trace_file = args.text("--trace");
    if (s.count == 0 && s.seconds == 0) s.count = s.terminals;
    return read;
}

// What only the box's configuration tells.
Result<void> complete(Scenario& s, const Equipment& equipment) {
    const config::Config& config = equipment.config;
    s.address = equipment.address;
    if (!s.connect.empty()) {
        const auto address = parse_address(s.connect);
        if (!address) return tl::unexpected(address.error());
        s.address = *address;
    }
    if (s.bins.empty()) s.bins = own_bins(config);
    if (s.link_bin.empty() && !config.links.empty() && !config.links[0].bins.empty()) s.link_bin = config.links[0].bins[0];
    return {};
}

Result<void> check(const Scenario& s) {
    for (const std::string& bin : s.bins)
        if (bin.size() < 6 || bin.size() > 8 || !Pan::parse(bin + "00000000"))
            return fail(Failure::Kind::config, fmt::format("'{}' is not a BIN of 6 to 8 digits", bin));
    if (!s.link_bin.empty() && (s.link_bin.size() < 6 || s.link_bin.size() > 8 || !Pan::parse(s.link_bin + "00000000")))
        return fail(Failure::Kind::config, fmt::format("'{}' is not a BIN of 6 to 8 digits", s.link_bin));
    constexpr Job kOfThisBox[] = {Job::card, Job::reversal, Job::decline, Job::advice, Job::offline};
    if (s.bins.empty() && std::ranges::any_of(kOfThisBox, [&](Job job) { return s.mix.has(job); }))
        return fail(Failure::Kind::config, "no bank of this box has cards of its own; give --card-bin");
    if (s.mix.has(Job::link) && s.link_bin.empty())
        return fail(Failure::Kind::config, "the configuration has no link to another host; give --link-bin");
    if (s.mix.has(Job::qr) && s.wallets.empty())
        return fail(Failure::Kind::config, "QR payments need somebody who pays: --wallet NAME (giro wallet new NAME)");
    return {};
}

Result<void> run_scenario(const Args& args) {
    auto scenario = scenario_of(args);
    if (!scenario) return tl::unexpected(scenario.error());
    if (auto good = check_terminals(args, scenario->first_terminal, scenario->terminals, scenario->dukpt); !good) return good;
    const auto equipment = load_equipment(args.paths(), scenario->speech);
    if (!equipment) return tl::unexpected(equipment.error());
    if (auto good = complete(*scenario, **equipment); !good) return good;
    if (auto good = check(*scenario); !good) return good;
    const std::size_t connections = scenario->terminals + scenario->bad.silent + scenario->bad.cut_frames + scenario->bad.keep_alives;
    const char* what = "one for each terminal and each connection of [bad]";
    if (auto allowed = allow_descriptors(connections + kOtherDescriptors, what); !allowed) return allowed;
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
                               {"raise", pos_raise}, {"complete", pos_complete}, {"reverse", pos_reverse}, {"sign-off", pos_sign_off},
                               {"cut-over", pos_cut_over}, {"reconcile", pos_reconcile}, {"upload", pos_upload}, {"mpm", pos_mpm}};

Result<void> act(const Args& args) {
    const std::string name = args.text("action");
    const auto* action = std::ranges::find(kActions, name, &Action::name);
    if (action == std::end(kActions))
        return fail(Failure::Kind::config, fmt::format("giro pos {}: there is load, buy, authorise, raise, complete, reverse, sign-off, cut-over, reconcile, upload and mpm", name));
    return action->run(args);
}
}  // namespace

std::vector<Command> pos_commands() {
    using enum Option::Kind;
    return {{"pos",
             "terminals that pay: buy, authorise, raise, complete, reverse, sign-off, cut-over, reconcile, upload, mpm (a code to scan), or load: many at once",
             {
                 {"action", "load, buy, authorise, raise, complete, reverse, sign-off, cut-over, reconcile, upload or mpm", text, "load", false},
                 {"--port", "name of a [[port]] in the configuration: its address, dialect and framing; default: the gate's own", text, "", false},
                 {"--connect", "address:port to connect to in place of that", text, "", false},
                 {"--dialect", "name of a file in etc/dialects; default: the port's", text, "", false},
                 {"--framing", "words with commas such as ascii4,etx-lrc,counts-length; default: the port's", text, "", false},
                 {"--tls", "the gate's own TLS port: TLS 1.3 with the demo terminals' client certificate", flag, "", false},
                 {"--scenario", "load: a file that says all of this and more (firmware-config/scenarios); what stands beside it goes before it", text, "", false},
                 {"--timeout", "how long an answer may take, ms; a payment without one is reversed; default: 15000", number, "", false},
                 {"--amount", "of each payment, minor units; load: 100; upload: what stands of it, default all", number, "", false},
                 {"--wallet", "wallet that pays by QR; load: several with commas, each pays one at a time", text, "", false},
                 {"--pin", "buy, authorise: the PIN that is typed, or own: the demo card's", text, "", false},
                 {"--pin-block", "buy, authorise, load, of terminals with session keys: aes (ISO format 4) or tdes (format 0 in DE52); default: aes", text, "", false},
                 {"--emv", "buy, authorise: the demo card's chip is read, and says whether it believes the answer", flag, "", false},
                 {"--emv-share", "load: per cent of the payments by card of this box that its chip is read for", number, "", false},
                 {"--stripe", "buy, authorise: the demo card's stripe is read (track 2 with its CVV)", flag, "", false},
                 {"--cvv2", "buy, authorise: the value printed on the card, or own: the demo card's", text, "", false},
                 {"--pins", "load: per cent of the card payments for which the card's PIN is typed", number, "", false},
                 {"--dukpt", "buy, authorise, load, sign-off, cut-over, reconcile: terminals with DUKPT keys, D0000001 and on: a new key for each message; from 65 on AES-256, 69 HMAC-SHA-256, 73 TDES", flag, "", false},
                 {"--terminal", "buy, authorise, mpm, sign-off, cut-over, reconcile: number of the demo terminal", number, "1", false},
                 {"--bin", "buy: the card's BIN; default: the first of this box", text, "", false},
                 {"--card-index", "buy: number of the demo card, from 1; 200 has no money", number, "1", false},
                 {"--qr", "buy: a consumer-presented QR payload", text, "", false},
                 {"--rrn", "raise, complete, reverse, upload: retrieval reference number on the receipt", text, "", false},
                 {"--stands", "reverse: in part, so that this much of the payment stands, minor units", number, "0", false},
                 {"--net", "reconcile: what the terminal says its period came to, minor units: sales less reversals (DE97)", number, "0", false},
                 {"--checkpoint", "reconcile, in dialects of 1993 and 2003: how the period stands so far; it goes on (DE24 501)", flag, "", false},
                 {"--advice", "reverse: as an advice (0420)", flag, "", false},
                 {"--reason", "reverse, in dialects of 1993 and 2003: why, as in [reason_codes] of the dialect; default: customer-cancellation, or completed-partially", text, "", false},
                 {"--from", "raise, complete, reverse, upload: the --trace file of a run, for a payment of that run", text, "", false},
                 {"--terminals", "load: how many terminals; default: 1", number, "", false},
                 {"--first", "load: number of the first terminal; default: 1", number, "", false},
                 {"--rate", "load: payments a second in all, at their time whatever the box does; default: as fast as answered", text, "", false},
                 {"--think", "load: each terminal's pause after a payment, ms, when there is no rate", number, "", false},
                 {"--count", "load: payments in all; default: one a terminal", number, "", false},
                 {"--seconds", "load: for how long", number, "", false},
                 {"--mix", "load: shares in per cent of card, link, qr, reversal, decline, advice, offline; default: card=100", text, "", false},
                 {"--card-bin", "load: BINs of the cards, with commas; default: all of this box", text, "", false},
                 {"--cards", "load: cards per BIN; default: 199", number, "", false},
                 {"--link-bin", "load: BIN of cards kept on another host; default: the first link's", text, "", false},
                 {"--duplicate", "load: send each payment a second time, byte for byte", flag, "", false},
                 {"--bad-mac", "load: spoil the MAC of each payment", flag, "", false},
                 {"--echo", "load: echo tests in place of payments", flag, "", false},
                 {"--trace", "load: file to append each request and answer to, as JSON lines", text, "", false},
             },
             act}};
}

}  // namespace giro::cli
