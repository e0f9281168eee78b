#include "appliance/giro/pos_till.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/pin_key.hpp"
#include "appliance/giro/pos_args.hpp"
#include "appliance/giro/pos_chip.hpp"
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
    std::unique_ptr<ChipCards> chips{};  // of --emv,
    ChipUse use{};                       // and what the card made
};

Result<Till> open_till(const Args& args) {
    auto outfit = outfit_of(args);
    if (!outfit) return tl::unexpected(outfit.error());
    auto record = Trace::open(till_file(args));
    if (!record) return tl::unexpected(record.error());
    return Till{std::move(*outfit), std::move(*record), nullptr, {}};
}

// A card's verification value by the demo's key: of its stripe, or printed.
Result<std::string> value_of(const Till& till, const Purchase& purchase, std::string_view service_code) {
    const auto key = pos::load_pin_key(till.equipment->paths.demo(), demo::kCvvKey);
    if (!key) return tl::unexpected(key.error());
    return payment::card_verification_value(*key, purchase.pan, demo::kExpiry, service_code);
}

// How the till takes the card: its chip, its stripe, or what is printed on it.
Result<void> read_card(const Args& args, Till& till, const Identity& who, Purchase& purchase) {
    if (args.flag("--emv")) {
        till.chips = std::make_unique<ChipCards>(till.equipment->paths.demo(), till.equipment->config);
        auto use = till.chips->use(purchase.card.bin, purchase.card.index, payment::ChipAnswer::arqc, purchase.amount, who.currency,
                                   till.equipment->clock.wall_ns(), till.equipment->random);
        if (!use) return tl::unexpected(use.error());
        till.use = std::move(*use);
        purchase.data.chip = till.use.field;
    }
    if (args.flag("--stripe")) {
        constexpr std::string_view kService = "201", kBeforeCvv = "00000";  // a chip card's; cvv_at of giro.toml
        auto value = value_of(till, purchase, kService);
        if (!value) return tl::unexpected(value.error());
        purchase.data.track2 = fmt::format("{}={}{}{}{}", purchase.pan.reveal(), demo::kExpiry, kService, kBeforeCvv, *value);
    }
    if (!args.given("--cvv2")) return {};
    purchase.data.cvv2 = args.text("--cvv2");
    if (purchase.data.cvv2 != "own") return {};
    auto value = value_of(till, purchase, "000");
    if (!value) return tl::unexpected(value.error());
    purchase.data.cvv2 = std::move(*value);
    return {};
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
    if (auto read = read_card(args, till, who, purchase); !read) return tl::unexpected(read.error());
    if (!args.given("--pin")) return purchase;
    purchase.pin = args.text("--pin") == "own" ? demo::pin(purchase.card.bin, purchase.card.index) : args.text("--pin");
    if (!payment::is_pin(purchase.pin)) return fail(Failure::Kind::config, "--pin: 4 to 12 digits, or own");
    return purchase;
}

// One line for the till: "APPROVED 12.50 auth 123456 rrn …"; with --json the same as an object.
Result<void> show(const Args& args, const OnceResult& result, const Identity& who, const char* word, std::string_view card_says = {}) {
    const bool reversal = std::string_view(word) == "REVERSED";
    const std::string_view code = result.outcome.code.view();
    const bool done = result.outcome.approved() && (reversal || !result.reversed);
    const std::string amount = qr::format_amount(result.sale.amount, who.currency);
    const char* verdict = result.reversed ? "NOT TAKEN" : !done ? "DECLINED" : word;
    if (args.json()) {
        fmt::print(R"({{"verdict":"{}","response_code":"{}","why":"{}","amount":{},"currency":{},"auth_code":"{}",)"
                   R"("rrn":"{}","stan":{},"terminal":"{}","card_says":"{}","latency_ms":{:.3f}}})" "\n",
                   verdict, code, response_words(code), result.sale.amount, who.currency, result.outcome.auth_code.view(),
                   result.sale.rrn.view(), result.sale.stan, who.terminal.view(), card_says,
                   static_cast<double>(result.outcome.latency_ns) / 1e6);
    } else if (result.reversed) {
        fmt::print("{} {}: no answer in time, so it was reversed  rrn {}\n", verdict, amount, result.sale.rrn.view());
    } else if (done) {
        fmt::print("{} {}{}{}  rrn {}\n", verdict, amount, result.outcome.auth_code.empty() ? "" : " auth ",
                   result.outcome.auth_code.view(), result.sale.rrn.view());
    } else {
        fmt::print("{} {}: {} ({})  rrn {}\n", verdict, amount, response_words(code), code, result.sale.rrn.view());
    }
    if (!args.json() && !card_says.empty()) fmt::print("the card: {}\n", card_says);
    std::fflush(stdout);
    // The line for the till has said it; beside an object it is said to people too.
    if (result.reversed) return fail(Failure::Kind::try_again, args.json() ? "the box did not answer in time; nothing was paid" : "");
    if (!done) return fail(Failure::Kind::refused, args.json() ? fmt::format("{} {}", code, response_words(code)) : "");
    return {};
}

// What the card says to the answer; an approval that it cannot believe is none.
std::string_view words_of_card(const Till& till, const Purchase& purchase, const OnceResult& result) {
    if (till.use.empty() || result.reversed) return {};
    switch (till.chips->check(purchase.card.bin, purchase.card.index, till.use, result.outcome.chip, result.outcome.approved())) {
        case ChipCards::Verdict::issuer_answers: return "its issuer's answer is genuine (ARPC)";
        case ChipCards::Verdict::wrong: return "this is not its issuer's answer (ARPC wrong)";
        case ChipCards::Verdict::absent: break;
    }
    return "its issuer did not answer it (no ARPC)";
}
}  // namespace

Result<void> pos_buy(const Args& args) {
    auto till = open_till(args);
    if (!till) return tl::unexpected(till.error());
    const auto terminal = terminal_of(args);
    if (!terminal) return tl::unexpected(terminal.error());
    const auto who = identity_of(args, till->equipment->config, *terminal);
    if (!who) return tl::unexpected(who.error());
    const auto purchase = purchase_of(args, *till, *who);
    if (!purchase) return tl::unexpected(purchase.error());
    const auto result = buy_once(*till->equipment, till->address, *who, till->timeout_ms, *purchase, &till->record);
    if (!result) return tl::unexpected(result.error());
    return show(args, *result, *who, "APPROVED", words_of_card(*till, *purchase, *result));
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
    Found out{**found, pos::identity_of(till.equipment->config, (*found)->terminal)};
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
    const auto who = identity_of(args, till->equipment->config, *terminal);
    if (!who) return tl::unexpected(who.error());
    const auto purchase = purchase_of(args, *till, *who);
    if (!purchase) return tl::unexpected(purchase.error());
    if (purchase->pan.empty()) return fail(Failure::Kind::config, "only cards are authorised: leave --qr and --wallet out");
    const auto result = authorise_once(*till->equipment, till->address, *who, till->timeout_ms, *purchase, &till->record);
    if (!result) return tl::unexpected(result.error());
    return show(args, *result, *who, "AUTHORISED", words_of_card(*till, *purchase, *result));
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
    const Identity who = pos::identity_of(*config, *terminal);
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
