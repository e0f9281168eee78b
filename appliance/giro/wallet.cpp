// `giro wallet`: what a customer's phone does. Keys and counters lie in <dir>/demo/wallets; the box is reached through its
// HTTPS door alone, where each request is signed by the wallet's key.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "appliance/giro/command.hpp"
#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_args.hpp"
#include "appliance/giro/terminal_message.hpp"
#include "appliance/giro/wallet_door.hpp"
#include "appliance/giro/wallet_file.hpp"
#include "chain/address.hpp"
#include "qr/mpm.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"

namespace giro::cli {

namespace {
using customer::WalletDoor;
using customer::WalletFile;

struct Customer {
    config::Config config;
    WalletFile wallet;
    WalletDoor door;
    SystemClock clock;
    SystemRandom random;
};

Result<std::unique_ptr<Customer>> load_customer(const Args& args) {
    auto config = config::load(args.paths().config_file());
    if (!config) return tl::unexpected(config.error());
    auto wallet = WalletFile::open(args.paths(), args.text("name"));
    if (!wallet) return tl::unexpected(wallet.error());
    WalletDoor door(config->gate.wallets, args.paths().pub() / "ca.pem");
    return std::make_unique<Customer>(Customer{std::move(*config), std::move(*wallet), std::move(door), {}, {}});
}

void print_json(const nlohmann::ordered_json& json) {
    fmt::print("{}\n", json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
}

Result<void> show_identity(const Args& args, const WalletFile& wallet, bool made) {
    if (args.json())
        print_json({{"name", args.text("name")}, {"address", wallet.address()}, {"public_key", to_hex(wallet.key().pubkey())}});
    else if (made)
        fmt::print("{}\nkey in {}; register it with the bank: giro wallet register {}\n", wallet.address(),
                   wallet.key_file().string(), args.text("name"));
    else
        fmt::print("{}\n", wallet.address());
    return {};
}

Result<void> make(const Args& args) {
    SystemRandom random;
    const auto wallet = WalletFile::create(args.paths(), args.text("name"), random);
    if (!wallet) return tl::unexpected(wallet.error());
    return show_identity(args, *wallet, true);
}

Result<void> address(const Args& args) {
    const auto wallet = WalletFile::open(args.paths(), args.text("name"));
    if (!wallet) return tl::unexpected(wallet.error());
    return show_identity(args, *wallet, false);
}

// Shows the door's answer: `done` is what to say when it is 00.
Result<void> show(const Args& args, const customer::DoorReply& reply, const std::string& done) {
    const std::string_view words = reply.why.empty() ? pos::response_words(reply.response_code) : std::string_view(reply.why);
    if (args.json())
        print_json({{"response_code", reply.response_code}, {"rrn", reply.rrn}, {"auth_code", reply.auth_code},
                    {"balance", reply.balance}, {"currency", reply.currency}, {"why", words}});
    else if (reply.approved())
        fmt::print("{}\n", done);
    const bool passing = reply.response_code == "91" || reply.response_code == "96";
    if (!reply.approved()) return fail(passing ? Failure::Kind::try_again : Failure::Kind::refused, fmt::format("{} {}", reply.response_code, words));
    return {};
}

Result<void> ask(const Args& args, wallet::QueryKind kind) {
    const auto customer = load_customer(args);
    if (!customer) return tl::unexpected(customer.error());
    wallet::WalletQuery query;
    query.kind = kind;
    query.unix_s = (*customer)->clock.wall_ns() / 1'000'000'000U;
    (*customer)->random.fill(query.nonce);
    const auto reply = (*customer)->door.query(wallet::encode_query((*customer)->wallet.key().sign(query)));
    if (!reply) return tl::unexpected(reply.error());
    const std::string balance = qr::format_amount(reply->balance, (*customer)->config.currency);
    return show(args, *reply, kind == wallet::QueryKind::balance ? balance : fmt::format("registered, balance {}", balance));
}

// --- pay ------------------------------------------------------------------------------------------
Result<MinorUnits> amount_given(const Args& args) {
    const auto amount = number_of(args, "--amount", 1, pos::kAmountDigitsMax);
    if (!amount) return tl::unexpected(amount.error());
    return static_cast<MinorUnits>(*amount);
}

// What a shop's code asks for. The code is hostile: it was printed by anybody.
Result<wallet::PaymentOrder> order_of_code(const Args& args, Currency currency) {
    const auto payload = qr::decode_mpm(args.text("payload"));
    if (!payload) return fail(Failure::Kind::config, fmt::format("this code cannot be read: {}", qr::to_string(payload.error())));
    const auto account = qr::giro_account(*payload);
    if (!account) return fail(Failure::Kind::config, fmt::format("this code cannot be paid here: {}", qr::to_string(account.error())));
    if (payload->currency != currency)
        return fail(Failure::Kind::config, fmt::format("this code asks for currency {}, the wallet holds {}", payload->currency, currency));
    wallet::PaymentOrder order;
    order.merchant = account->merchant;
    order.order_id = account->order_id;
    order.currency = currency;
    if (!payload->amount) {
        const auto amount = amount_given(args);
        if (!amount) return fail(Failure::Kind::config, "this code names no amount; give --amount (minor units)");
        order.amount = *amount;
        return order;
    }
    const auto amount = qr::parse_amount(*payload->amount, currency);
    if (!amount) return fail(Failure::Kind::config, fmt::format("this code asks for '{}', which is no amount", *payload->amount));
    if (args.given("--amount") && args.number("--amount") != *amount)
        return fail(Failure::Kind::config, fmt::format("this code asks for {}, not for --amount", *payload->amount));
    order.amount = *amount;
    return order;
}

Result<wallet::PaymentOrder> order_of(const Args& args, Currency currency) {
    const int recipients = args.given("payload") + args.given("--merchant") + args.given("--to");
    if (recipients != 1) return fail(Failure::Kind::config, "give one of: the shop's code, --merchant, --to ADDRESS");
    if (args.given("payload")) return order_of_code(args, currency);
    const auto amount = amount_given(args);
    if (!amount) return tl::unexpected(amount.error());
    wallet::PaymentOrder order;
    order.amount = *amount;
    order.currency = currency;
    if (args.given("--merchant")) {
        if (args.text("--merchant").size() > sizeof(MerchantId::chars))
            return fail(Failure::Kind::config, "--merchant has at most 15 characters");
        order.merchant = MerchantId(args.text("--merchant"));
        return order;
    }
    constexpr std::size_t kHeadBytes = 2;  // OP_0 and the push of 20 bytes: P2WPKH (BIP141)
    const auto script = chain::decode_address(args.text("--to"));
    if (!script || script->size() != kHeadBytes + order.payee.size() || (*script)[0] != std::byte{0})
        return fail(Failure::Kind::config, fmt::format("'{}' is not a wallet's address", args.text("--to")));
    std::memcpy(order.payee.data(), script->data() + kHeadBytes, order.payee.size());
    return order;
}

Result<void> pay(const Args& args) {
    const auto customer = load_customer(args);
    if (!customer) return tl::unexpected(customer.error());
    const auto order = order_of(args, (*customer)->config.currency);
    if (!order) return tl::unexpected(order.error());
    const auto signed_order = (*customer)->wallet.sign(*order, (*customer)->clock, (*customer)->random);
    if (!signed_order) return tl::unexpected(signed_order.error());
    const auto bytes = wallet::encode_order(*signed_order);
    auto reply = (*customer)->door.order(bytes);
    // The same signed bytes once more are the same order: the switch answers as it did, and pays at most once.
    if (!reply && reply.error().kind == Failure::Kind::try_again) reply = (*customer)->door.order(bytes);
    if (!reply) return tl::unexpected(reply.error());
    const Currency currency = (*customer)->config.currency;
    return show(args, *reply, fmt::format("PAID {} auth {}  rrn {}", qr::format_amount(order->amount, currency), reply->auth_code, reply->rrn));
}

Result<void> present(const Args& args) {
    const auto customer = load_customer(args);
    if (!customer) return tl::unexpected(customer.error());
    const auto amount = amount_given(args);
    if (!amount) return tl::unexpected(amount.error());
    const std::string merchant = args.text("--merchant");
    if (merchant.empty() || merchant.size() > sizeof(MerchantId::chars))
        return fail(Failure::Kind::config, "--merchant has 1 to 15 characters");
    const auto code = (*customer)->wallet.present(MerchantId(merchant), {*amount, (*customer)->config.currency},
                                                  (*customer)->clock, (*customer)->random);
    if (!code) return tl::unexpected(code.error());
    if (args.json()) print_json({{"payload", *code}, {"valid_s", customer::kOrderValidS}});
    else fmt::print("{}\n", *code);
    return {};
}
}  // namespace

std::vector<Command> wallet_commands() {
    using enum Option::Kind;
    const Option name{"name", "the wallet", text, "", true};
    const Option amount{"--amount", "minor units", number, "", false};
    return {
        {"wallet new", "make a key", {name}, make},
        {"wallet address", "its address, to be paid at", {name}, address},
        {"wallet register", "open an account for it at the wallet bank", {name},
         [](const Args& args) { return ask(args, wallet::QueryKind::register_wallet); }},
        {"wallet balance", "what it holds", {name}, [](const Args& args) { return ask(args, wallet::QueryKind::balance); }},
        {"wallet pay",
         "pay a shop's code, a merchant or another wallet",
         {name,
          {"payload", "the text of a merchant-presented QR code", text, "", false},
          amount,
          {"--merchant", "merchant id", text, "", false},
          {"--to", "address of another wallet", text, "", false}},
         pay},
        {"wallet qr",
         "a code to show at a till: a signed order for one payment",
         {name, {"--amount", "minor units", number, "", true}, {"--merchant", "merchant id", text, std::string(demo::kMerchant), false}},
         present},
    };
}

}  // namespace giro::cli
