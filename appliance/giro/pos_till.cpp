#include "appliance/giro/pos_till.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_args.hpp"
#include "appliance/giro/pos_once.hpp"
#include "appliance/giro/wallet_file.hpp"
#include "payment/pin_device.hpp"
#include "qr/mpm.hpp"
#include "util/bytes.hpp"

namespace giro::cli {

namespace {
using namespace pos;

constexpr std::uint64_t kCardIndexMax = 9'999'999;  // digits between the shortest BIN and the check digit

std::filesystem::path till_file(const Args& args) { return args.paths().demo() / "till.jsonl"; }

// --- giro pos buy, giro pos reverse ---------------------------------------------------------------
struct Till : Outfit {
    Trace record;
};

Result<Till> open_till(const Args& args) {
    auto outfit = outfit_of(args);
    if (!outfit) return tl::unexpected(outfit.error());
    auto record = Trace::open(till_file(args));
    if (!record) return tl::unexpected(record.error());
    return Till{std::move(*outfit), std::move(*record)};
}

Result<Purchase> purchase_of(const Args& args, Till& till, const Identity& who) {
    Purchase purchase;
    const auto amount = number_of(args, "--amount", 1, kAmountDigitsMax);
    if (!amount) return tl::unexpected(amount.error());
    purchase.amount = static_cast<MinorUnits>(*amount);
    if (args.given("--qr")) {
        purchase.qr = args.text("--qr");
        return purchase;
    }
    if (args.given("--wallet")) {
        auto wallet = customer::WalletFile::open(args.paths(), args.text("--wallet"));
        if (!wallet) return tl::unexpected(wallet.error());
        auto code = wallet->present(who.merchant, {purchase.amount, who.currency}, till.equipment->clock, till.equipment->random);
        if (!code) return tl::unexpected(code.error());
        purchase.qr = std::move(*code);
        return purchase;
    }
    const auto bins = own_bins(till.equipment->config);
    purchase.card.bin = args.given("--bin") ? args.text("--bin") : bins.empty() ? "" : bins[0];
    const auto index = number_of(args, "--card-index", 1, kCardIndexMax);
    if (!index) return tl::unexpected(index.error());
    purchase.card.index = static_cast<std::uint32_t>(*index);
    const auto pan = purchase.card.bin.size() < 6 || purchase.card.bin.size() > 8
                         ? std::nullopt : Pan::parse(demo::pan(purchase.card.bin, purchase.card.index));
    if (!pan) return fail(Failure::Kind::config, fmt::format("--bin '{}' is not a BIN of 6 to 8 digits", purchase.card.bin));
    purchase.pan = *pan;
    if (!args.given("--pin")) return purchase;
    purchase.pin = args.text("--pin") == "own" ? demo::pin(purchase.card.bin, purchase.card.index) : args.text("--pin");
    if (!payment::is_pin(purchase.pin)) return fail(Failure::Kind::config, "--pin: 4 to 12 digits, or own");
    if (!args.flag("--dukpt")) return fail(Failure::Kind::config, "--pin: only terminals with DUKPT keys have one for PINs; give --dukpt");
    return purchase;
}

// One line for the till: "APPROVED 12.50 auth 123456 rrn …"; with --json the same as an object.
Result<void> show(const Args& args, const OnceResult& result, const Identity& who, const char* word) {
    const bool reversal = std::string_view(word) == "REVERSED";
    const std::string_view code = result.outcome.code.view();
    const bool done = result.outcome.approved() && (reversal || !result.reversed);
    const std::string amount = qr::format_amount(result.sale.amount, who.currency);
    const char* verdict = result.reversed ? "NOT TAKEN" : !done ? "DECLINED" : word;
    if (args.json()) {
        fmt::print(R"({{"verdict":"{}","response_code":"{}","why":"{}","amount":{},"currency":{},"auth_code":"{}",)"
                   R"("rrn":"{}","stan":{},"terminal":"{}","latency_ms":{:.3f}}})" "\n",
                   verdict, code, response_words(code), result.sale.amount, who.currency, result.outcome.auth_code.view(),
                   result.sale.rrn.view(), result.sale.stan, who.terminal.view(),
                   static_cast<double>(result.outcome.latency_ns) / 1e6);
    } else if (result.reversed) {
        fmt::print("{} {}: no answer in time, so it was reversed  rrn {}\n", verdict, amount, result.sale.rrn.view());
    } else if (done) {
        fmt::print("{} {}{}{}  rrn {}\n", verdict, amount, result.outcome.auth_code.empty() ? "" : " auth ",
                   result.outcome.auth_code.view(), result.sale.rrn.view());
    } else {
        fmt::print("{} {}: {} ({})  rrn {}\n", verdict, amount, response_words(code), code, result.sale.rrn.view());
    }
    std::fflush(stdout);
    // The line for the till has said it; beside an object it is said to people too.
    if (result.reversed) return fail(Failure::Kind::try_again, args.json() ? "the box did not answer in time; nothing was paid" : "");
    if (!done) return fail(Failure::Kind::refused, args.json() ? fmt::format("{} {}", code, response_words(code)) : "");
    return {};
}

}  // namespace

Result<void> pos_buy(const Args& args) {
    auto till = open_till(args);
    if (!till) return tl::unexpected(till.error());
    const auto terminal = terminal_of(args);
    if (!terminal) return tl::unexpected(terminal.error());
    const Identity who = identity_of(till->equipment->config, *terminal, args.flag("--dukpt"));
    const auto purchase = purchase_of(args, *till, who);
    if (!purchase) return tl::unexpected(purchase.error());
    const auto result = buy_once(*till->equipment, till->address, who, till->timeout_ms, *purchase, &till->record);
    if (!result) return tl::unexpected(result.error());
    return show(args, *result, who, "APPROVED");
}

namespace {
struct Found {
    FoundSale original;
    Identity who;
};

// The payment that --rrn names, from the till's record or --from.
Result<Found> find_original(const Args& args, const Till& till, std::optional<Form> form) {
    if (!args.given("--rrn")) return fail(Failure::Kind::config, "--rrn is required");
    const std::filesystem::path file = args.given("--from") ? std::filesystem::path(args.text("--from")) : till_file(args);
    const auto found = find_sale(file, args.text("--rrn"), form);
    if (!found) return tl::unexpected(found.error());
    if (!*found)
        return fail(Failure::Kind::refused,
                    fmt::format("{} has no {} with RRN {}; payments of a run are in its --trace file: give --from FILE", file.string(),
                                form ? "authorisation" : "payment", args.text("--rrn")));
    Found out{**found, identity_of(till.equipment->config, (*found)->terminal)};
    out.original.sale.stamp.wall_ns = till.equipment->clock.wall_ns();  // its date's year is the nearest: the record has none
    const CardName& card = out.original.card;
    if (!card.bin.empty()) {
        const auto pan = Pan::parse(demo::pan(card.bin, card.index));
        if (!pan) return fail(Failure::Kind::config, fmt::format("{} does not name a demo card", file.string()));
        out.original.sale.pan = *pan;
    }
    out.who.currency = out.original.currency;
    return out;
}

Result<void> follow(const Args& args, Form form, const char* word) {
    auto till = open_till(args);
    if (!till) return tl::unexpected(till.error());
    const auto found = find_original(args, *till, Form::authorisation);
    if (!found) return tl::unexpected(found.error());
    const auto amount = number_of(args, "--amount", 1, kAmountDigitsMax);
    if (!amount) return tl::unexpected(amount.error());
    Purchase purchase;
    purchase.card = found->original.card;
    purchase.amount = static_cast<MinorUnits>(*amount);
    const auto result = follow_once(*till->equipment, till->address, found->who, till->timeout_ms, found->original.sale, form, purchase, &till->record);
    if (!result) return tl::unexpected(result.error());
    return show(args, *result, found->who, word);
}
}  // namespace

Result<void> pos_authorise(const Args& args) {
    auto till = open_till(args);
    if (!till) return tl::unexpected(till.error());
    const auto terminal = terminal_of(args);
    if (!terminal) return tl::unexpected(terminal.error());
    const Identity who = identity_of(till->equipment->config, *terminal, args.flag("--dukpt"));
    const auto purchase = purchase_of(args, *till, who);
    if (!purchase) return tl::unexpected(purchase.error());
    if (purchase->pan.empty()) return fail(Failure::Kind::config, "only cards are authorised: leave --qr and --wallet out");
    const auto result = authorise_once(*till->equipment, till->address, who, till->timeout_ms, *purchase, &till->record);
    if (!result) return tl::unexpected(result.error());
    return show(args, *result, who, "AUTHORISED");
}

Result<void> pos_raise(const Args& args) { return follow(args, Form::authorisation, "RAISED"); }
Result<void> pos_complete(const Args& args) { return follow(args, Form::completion, "COMPLETED"); }

Result<void> pos_reverse(const Args& args) {
    auto till = open_till(args);
    if (!till) return tl::unexpected(till.error());
    const auto found = find_original(args, *till, std::nullopt);
    if (!found) return tl::unexpected(found.error());
    Sale original = found->original.sale;
    if (args.given("--amount")) original.amount = args.number("--amount");
    const auto stands = number_of(args, "--stands", 0, kAmountDigitsMax);
    if (!stands) return tl::unexpected(stands.error());
    ReversalForm form{.stands = static_cast<MinorUnits>(*stands), .advice = args.flag("--advice")};
    if (args.given("--reason")) {
        const auto why = message_reason(args.text("--reason"));
        if (!why) return fail(Failure::Kind::config, "--reason: a word of [reason_codes] of the dialect, such as timeout");
        form.why = *why;
    }
    const auto result = reverse_once(*till->equipment, till->address, found->who, till->timeout_ms, original, &till->record, form);
    if (!result) return tl::unexpected(result.error());
    return show(args, *result, found->who, "REVERSED");
}

Result<void> pos_upload(const Args& args) {
    auto till = open_till(args);
    if (!till) return tl::unexpected(till.error());
    const auto found = find_original(args, *till, std::nullopt);
    if (!found) return tl::unexpected(found.error());
    Sale sale = found->original.sale;
    if (args.given("--amount")) {
        const auto amount = number_of(args, "--amount", 1, kAmountDigitsMax);
        if (!amount) return tl::unexpected(amount.error());
        sale.amount = static_cast<MinorUnits>(*amount);
    }
    ReversalForm form;
    form.upload = true;
    const auto result = reverse_once(*till->equipment, till->address, found->who, till->timeout_ms, sale, nullptr, form);
    if (!result) return tl::unexpected(result.error());
    return show(args, *result, found->who, "UPLOADED");
}

// --- giro pos mpm ---------------------------------------------------------------------------------
Result<void> pos_mpm(const Args& args) {
    const auto config = config::load(args.paths().config_file());
    if (!config) return tl::unexpected(config.error());
    const auto terminal = terminal_of(args);
    if (!terminal) return tl::unexpected(terminal.error());
    const Identity who = identity_of(*config, *terminal);
    qr::GiroAccount account{who.merchant, who.terminal, {}};
    SystemRandom random;
    random.fill(account.order_id);
    qr::MpmPayload payload;
    payload.initiation = args.given("--amount") ? qr::Initiation::once : qr::Initiation::many;
    payload.accounts.push_back(qr::giro_template(account));
    payload.category = "5411";  // ISO 18245: groceries
    payload.currency = config->currency;
    if (args.given("--amount")) {
        const auto amount = number_of(args, "--amount", 1, kAmountDigitsMax);
        if (!amount) return tl::unexpected(amount.error());
        payload.amount = qr::format_amount(static_cast<MinorUnits>(*amount), config->currency);
    }
    payload.country = "CH";
    payload.name = "GIRO DEMO SHOP";
    payload.city = "ZURICH";
    const auto text = qr::encode_mpm(payload);
    if (!text) return fail(Failure::Kind::config, fmt::format("the code cannot be made: {}", qr::to_string(text.error())));
    if (args.json()) fmt::print(R"({{"payload":"{}","order_id":"{}"}})" "\n", *text, to_hex(account.order_id));
    else fmt::print("{}\n", *text);
    return {};
}

}  // namespace giro::cli
