// What a wallet asks directly: to pay a merchant or another wallet, to be registered, its balance.
#include <fmt/format.h>

#include "switching/accounts.hpp"
#include "switching/core.hpp"
#include "switching/core_record.hpp"
#include "switching/freshness.hpp"
#include "util/hash.hpp"
#include "wallet/key.hpp"

namespace giro::switching {

using entry::Reason;

namespace {

constexpr std::uint64_t kQueryAgeMax_s = 300;  // either way: phones' clocks are off
const AcquirerId kWalletAcquirer("000000");    // wallets come by no acquirer

// The order names itself: its digest is the key of the request, so a repeat of the same order is the same request.
entry::RequestKey key_of(const wallet::PaymentOrder& order) {
    const Hash256 digest = wallet::order_digest(order);
    entry::RequestKey key;
    key.acquirer = kWalletAcquirer;
    key.rrn = Rrn(to_hex(Bytes(digest).first(6)));
    key.stan = load_le<std::uint32_t>(digest.data() + 6);
    key.local_time = FixedText<6>(to_hex(Bytes(digest).subspan(10, 3)));
    key.local_date = FixedText<4>(to_hex(Bytes(digest).subspan(13, 2)));
    return key;
}

}  // namespace

WalletAnswer Core::wallet_order(Bytes body, std::uint64_t now_ns) {
    const auto order = wallet::decode_order(body);
    if (!order)
        return {.code = kFormatError,
                .auth_code = {},
                .rrn = {},
                .balance = {},
                .why = std::string(wallet::to_string(order.error()))};
    if (const auto good = wallet::verify(*order); !good)
        return {.code = kBadMac,
                .auth_code = {},
                .rrn = {},
                .balance = {},
                .why = std::string(wallet::to_string(good.error()))};
    // Whoever saw the code at the till could post it here, and the till would hear that it was paid already.
    if (order->order.way != wallet::Way::sent)
        return {.code = kFormatError, .auth_code = {}, .rrn = {}, .balance = {}, .why = "this order is to be shown at a till"};
    const auto key = key_of(order->order);
    const Hash160 payer = wallet::pubkey_hash(order->order.payer_pubkey);
    const Remembered* before = m_state.find(RequestClass::payment, key);
    Answer answer;
    if (before != nullptr) {
        answer = repeat(*before);
    } else if (const std::int64_t day = first_day_of_order(order->order.expiry_unix_s);
               !is_fresh(day, now_ns, m_policy.config.switching.remember_s) || day <= m_state.forgotten_day()) {
        // As with a till's request: its first answer may be forgotten, so it is not decided, and leaves no entry.
        return {.code = response_code(Reason::stale),
                .auth_code = {},
                .rrn = key.rrn,
                .balance = {},
                .why = "this order is too old, or of a day to come"};
    } else {
        entry::Payment payment;
        payment.channel = entry::Channel::wallet;
        payment.time_ns = now_ns;
        payment.key = key;
        payment.merchant = order->order.merchant;
        payment.amount = {order->order.amount, order->order.currency};
        payment.salt = new_salt();
        const Id128* merchant =
            order->order.merchant.empty() ? nullptr : m_state.merchant_account(order->order.merchant);
        const Wallet* payee = order->order.merchant.empty() ? m_state.wallet(order->order.payee) : nullptr;
        if (merchant != nullptr)
            payment.credit = *merchant;
        else if (payee != nullptr)
            payment.credit = payee->account;
        payment.wallet = payer;
        Reason why = check_amount(payment.amount);
        // An unknown wallet leaves no entry: strangers could fill the journal with them.
        if (m_state.wallet(payer) == nullptr)
            return {.code = response_code(Reason::wallet_unknown),
                    .auth_code = {},
                    .rrn = {},
                    .balance = {},
                    .why = "this wallet is not registered"};
        if (why == Reason::none && payment.credit.is_zero()) why = Reason::wallet_mismatch;
        if (why == Reason::none) why = check_order(payment, *order, order->order.merchant);
        answer = why == Reason::none ? approve(payment) : decline(payment, why);
    }
    // No balance: the order's bytes are in other hands too. A wallet asks for it with a query of its own.
    return {.code = answer.code, .auth_code = answer.auth_code, .rrn = key.rrn, .balance = {}, .why = {}};
}

WalletAnswer Core::wallet_query(Bytes body, std::uint64_t now_ns) {
    const auto query = wallet::decode_query(body);
    if (!query)
        return {.code = kFormatError,
                .auth_code = {},
                .rrn = {},
                .balance = {},
                .why = std::string(wallet::to_string(query.error()))};
    if (const auto good = wallet::verify(*query); !good)
        return {.code = kBadMac,
                .auth_code = {},
                .rrn = {},
                .balance = {},
                .why = std::string(wallet::to_string(good.error()))};
    const std::uint64_t now_s = now_ns / 1'000'000'000;
    const std::uint64_t asked_s = query->query.unix_s;
    if (asked_s > now_s + kQueryAgeMax_s || asked_s + kQueryAgeMax_s < now_s)
        return {.code = response_code(Reason::stale),
                .auth_code = {},
                .rrn = {},
                .balance = {},
                .why = "the wallet's clock is off by more than five minutes"};
    if (query->query.kind == wallet::QueryKind::register_wallet) return register_wallet(query->query);
    return balance_of(wallet::pubkey_hash(query->query.pubkey), kApproved, {});
}

// Registering again is no error: the answer is the balance.
WalletAnswer Core::register_wallet(const wallet::WalletQuery& query) {
    const Hash160 address = wallet::pubkey_hash(query.pubkey);
    if (m_state.wallet(address) == nullptr) {
        entry::WalletRegistered e;
        e.pubkey = query.pubkey;
        e.participant = m_policy.config.wallet_participant;
        e.currency = m_policy.config.currency;
        e.account = wallet_account(address);
        if (const Done done = admin(entry::Kind::wallet_registered, e); !done)
            return balance_of(address, kMalfunction, done.error());
    }
    return balance_of(address, kApproved, {});
}

WalletAnswer Core::balance_of(const Hash160& address, ResponseCode code, std::string why) const {
    WalletAnswer out;
    const Wallet* wallet = m_state.wallet(address);
    if (wallet == nullptr) {
        out.code = code == kApproved ? response_code(Reason::wallet_unknown) : code;
        out.why = why.empty() ? "this wallet is not registered" : std::move(why);
        return out;
    }
    const ledger::Account* account = m_state.ledger().account(wallet->account);
    ASSERT(account != nullptr);
    out.code = code;
    out.why = std::move(why);
    out.balance = {account->available(), account->currency};
    return out;
}

}  // namespace giro::switching
