// Purchases: by card on us, by card through an issuer's host, and by a wallet's QR code at a terminal.
#include "switching/core.hpp"

#include <fmt/format.h>


#include "qr/cpm.hpp"
#include "switching/accounts.hpp"
#include "switching/core_record.hpp"
#include "switching/freshness.hpp"
#include "wallet/key.hpp"

namespace giro::switching {

using entry::Outcome;
using entry::Reason;

namespace {


// The ledger's refusals that a terminal is told apart; the rest is ours to explain.
Reason reason_of(ledger::TransferResult result) {
    using R = ledger::TransferResult;
    switch (result) {
        case R::ok:
            return Reason::none;
        case R::debit_account_frozen:
        case R::credit_account_frozen:
        case R::debit_account_closed:
        case R::credit_account_closed:
            return Reason::account_frozen;
        case R::exceeds_credits:
            return Reason::insufficient_funds;
        default:
            return Reason::ledger_refused;
    }
}

}  // namespace

Core::Core(State& state, Policy policy, Random& random, PaymentSource journal)
    : m_state(state),
      m_policy(std::move(policy)),
      m_routing(m_policy.routing ? std::move(*m_policy.routing) : routing::from_bins(m_policy.config)),
      m_random(random),
      m_journal(std::move(journal)) {}

entry::Salt Core::new_salt() {
    entry::Salt salt;
    m_random.fill(salt);
    return salt;
}

AuthCode Core::new_auth_code() {
    ByteArray<4> bytes;
    m_random.fill(bytes);
    return AuthCode(fmt::format("{:06}", load_le<std::uint32_t>(bytes.data()) % 1'000'000));
}

// A terminal speaks for its own merchant and acquirer only.
bool Core::is_at_home(const PaymentRequest& request) const {
    const Terminal* terminal = m_state.terminal(request.terminal);
    ASSERT(terminal != nullptr);  // its MAC was verified
    return request.acquirer == terminal->acquirer &&
           (request.merchant.empty() || request.merchant == terminal->merchant);
}

Answer Core::purchase(const PaymentRequest& request, const entry::SealedPan* sealed, std::uint64_t now_ns,
                      const CardChecks& checks) {
    if (!is_at_home(request)) return {.code = kInvalidMerchant, .auth_code = {}};
    const auto key = key_of(request);
    const Remembered* before = m_state.find(RequestClass::payment, key);
    if (before != nullptr && before->what != Remembered::What::reversed_before) {
        if (differs(*before, request, sealed)) return {.code = kDuplicateTransmission, .auth_code = {}};
        return repeat(*before);
    }
    if (too_old(request, now_ns)) return {.code = response_code(Reason::stale), .auth_code = {}};
    entry::Payment payment = start_payment(request, now_ns);
    if (sealed != nullptr) payment.pan = *sealed;
    if (before != nullptr) return decline(payment, Reason::reversed_before);
    return decide(payment, request, sealed, checks);
}

bool Core::knows(const PaymentRequest& request) const {
    const Mti mti = without_repeat(request.mti);
    const Mti group = mti >> 8;
    const RequestClass kind = group == 0x03   ? RequestClass::upload
                              : group == 0x04 ? RequestClass::reversal
                              : group == 0x05 ? RequestClass::reconciliation
                                              : class_of(mti);
    const Remembered* before = m_state.find(kind, key_of(request));
    return before != nullptr && before->what != Remembered::What::reversed_before;
}

// Its first answer may be forgotten: it leaves no entry, for nobody knows whether it was decided before.
bool Core::too_old(const PaymentRequest& request, std::uint64_t now_ns) const {
    const auto day = local_day(request.local_date, now_ns);
    if (!day || !is_fresh(*day, now_ns, m_policy.config.switching.remember_s)) return true;
    return *day <= m_state.forgotten_day();  // whatever the clock or the setting was then
}

// The same key, but another amount or payer: not a repeat, and no reason to hear that something was approved.
bool Core::differs(const Remembered& before, const PaymentRequest& request, const entry::SealedPan* sealed) const {
    if (request.amount != before.amount || request.currency != before.currency) return true;
    if (sealed != nullptr) return payer_mark(sealed->token) != before.payer;
    const auto payload = qr::decode_cpm(as_text(request.qr));
    const auto order = payload ? wallet::decode_order(payload->order) : tl::unexpected(wallet::OrderError::bad_size);
    // What does not decode was declined then, without a payer.
    return before.payer != 0 && (!order || payer_mark(wallet::pubkey_hash(order->order.payer_pubkey)) != before.payer);
}

Answer Core::repeat(const Remembered& before) const {
    Answer answer;
    answer.action = before.what == Remembered::What::forwarded ? Answer::Action::wait : Answer::Action::reply;
    answer.payment = before.seq;
    answer.code = before.response_code;
    answer.auth_code = before.auth_code;
    return answer;
}

entry::Payment Core::start_payment(const PaymentRequest& request, std::uint64_t now_ns) {
    entry::Payment p;
    p.channel = request.qr.empty() ? entry::Channel::card : entry::Channel::qr;
    p.time_ns = now_ns;
    p.key = key_of(request);
    p.merchant = request.merchant;
    p.amount = {request.amount, request.currency};
    p.processing_code = request.processing_code;
    p.salt = new_salt();
    return p;
}

// The rejections in the order of entry::Reason, then the way it goes.
Answer Core::decide(entry::Payment& payment, const PaymentRequest& request, const entry::SealedPan* sealed,
                    const CardChecks& checks) {
    if (const Reason why = check_request(payment, request); why != Reason::none) return decline(payment, why);
    const Terminal* terminal = m_state.terminal(request.terminal);
    ASSERT(terminal != nullptr);  // its MAC was verified
    payment.credit = terminal->account;

    if (payment.channel == entry::Channel::qr) {
        const auto payload = qr::decode_cpm(as_text(request.qr));
        const auto order =
            payload ? wallet::decode_order(payload->order) : tl::unexpected(wallet::OrderError::bad_size);
        if (!order || order->order.way != wallet::Way::shown || !wallet::verify(*order))
            return decline(payment, Reason::wallet_order_bad);
        if (const Reason why = check_order(payment, *order, terminal->merchant); why != Reason::none)
            return decline(payment, why);
        return approve(payment);
    }

    if (sealed == nullptr) return decline(payment, Reason::card_unknown);
    const routing::Target way = way_of(request);
    if (way.kind == routing::Target::Kind::decline) return decline(payment, Reason::no_route);
    if (way.kind == routing::Target::Kind::link) {
        if (const Reason why = pin_reason(checks.pin); why != Reason::none) return decline(payment, why);
        // Its link went down, or the table changed, while its PIN was translated: the till asks again.
        if (checks.pin == PinCheck::good && checks.pin_link != way.link) return decline(payment, Reason::link_down);
        return forward(payment, way);
    }
    const Card* card = m_state.card(sealed->token);
    if (card == nullptr) return decline(payment, Reason::card_unknown);
    payment.debit = card->account;
    if (const Reason why = card_reason(checks, sealed->token, payment.time_ns); why != Reason::none)
        return decline(payment, why);
    if (payment.amount.minor > m_policy.config.switching.payment_max) return decline(payment, Reason::limit_exceeded);
    if (const Reason why = check_ledger(payment, false); why != Reason::none) return decline(payment, why);
    return approve(payment);
}

// What can be said without looking at who pays.
Reason Core::check_request(const entry::Payment& payment, const PaymentRequest& request) const {
    const std::uint64_t deadline_ns = m_policy.config.switching.request_deadline_ms * 1'000'000;
    if (payment.time_ns > request.received_ns && payment.time_ns - request.received_ns > deadline_ns) return Reason::stale;
    if (signed_off(request)) return Reason::signed_off;
    if (!is_purchase(payment)) return Reason::not_a_purchase;
    return check_amount(payment.amount);
}

Reason Core::check_amount(const Amount& amount) const {
    if (amount.minor <= 0 || amount.minor > kAmountMax) return Reason::amount_invalid;
    if (amount.currency != m_policy.config.currency) return Reason::currency_unknown;
    return Reason::none;
}

// A verified order against what is asked to be paid; fills in the payer.
Reason Core::check_order(entry::Payment& payment, const wallet::SignedOrder& signed_order, const MerchantId& merchant) {
    const wallet::PaymentOrder& order = signed_order.order;
    payment.wallet = wallet::pubkey_hash(order.payer_pubkey);
    payment.order_id = order.order_id;
    payment.order_counter = order.counter;
    const Wallet* payer = m_state.wallet(payment.wallet);
    if (payer == nullptr) return Reason::wallet_unknown;
    payment.debit = payer->account;
    if (order.amount != payment.amount.minor || order.currency != payment.amount.currency || order.merchant != merchant)
        return Reason::wallet_mismatch;
    const std::uint64_t now_s = payment.time_ns / 1'000'000'000;
    if (order.expiry_unix_s < now_s || order.expiry_unix_s - now_s > kOrderLifeMax_s) return Reason::wallet_expired;
    if (order.counter <= payer->counter) return Reason::wallet_replayed;
    if (payment.amount.minor > m_policy.config.switching.payment_max) return Reason::limit_exceeded;
    return check_ledger(payment, false);
}

Reason Core::check_ledger(const entry::Payment& payment, bool hold) const {
    ledger::Transfer t;
    t.id = {hold ? entry::kForwardTransfer : entry::kPaymentTransfer, m_state.last_seq() + 1};
    t.debit_account = payment.debit;
    t.credit_account = payment.credit;
    t.amount = payment.amount.minor;
    t.currency = payment.amount.currency;
    t.flags = hold ? ledger::kPending : 0;
    t.timestamp_ns = payment.time_ns;
    return reason_of(m_state.ledger().check(t));
}

// Nothing refuses it any more.
Answer Core::approve(entry::Payment& payment) {
    payment.outcome = Outcome::approved;
    payment.reason = Reason::none;
    payment.response_code = kApproved;
    payment.auth_code = new_auth_code();
    record(entry::Kind::payment, payment);
    return {.code = payment.response_code, .auth_code = payment.auth_code, .payment = m_state.last_seq()};
}

bool Core::may_leave_idle_entry(const entry::Payment& payment) {
    if (payment.channel == entry::Channel::wallet) return m_idle_of_wallets.take(payment.wallet, payment.time_ns);
    return m_idle_of_terminals.take(payment.key.terminal, payment.time_ns);
}

Answer Core::decline(entry::Payment& payment, Reason reason) {
    if (!may_leave_idle_entry(payment)) return {.code = kMalfunction, .auth_code = {}};
    payment.outcome = Outcome::declined;
    payment.reason = reason;
    payment.response_code = response_code(reason);
    record(entry::Kind::payment, payment);
    return {.code = payment.response_code, .auth_code = {}, .payment = m_state.last_seq()};
}

Answer Core::forward(entry::Payment& payment, const routing::Target& way) {
    if (!link_takes(way.link) || m_state.all_outstanding().size() >= kOutstandingMax)
        return decline(payment, Reason::link_down);
    if (payment.amount.minor > m_policy.config.switching.payment_max) return decline(payment, Reason::limit_exceeded);
    payment.debit = reserve_account(way.participant);
    // What its host would approve beyond the bank's cover on tier 1 could never be settled.
    if (const Reason why = check_ledger(payment, true); why != Reason::none)
        return decline(payment, why == Reason::insufficient_funds ? Reason::limit_exceeded : why);
    payment.outcome = Outcome::forwarded;
    payment.reason = Reason::none;
    payment.link = way.link;
    payment.link_stan = m_state.next_link_stan(way.link);
    record(entry::Kind::payment, payment);
    Answer answer;
    answer.action = Answer::Action::forward;
    answer.payment = m_state.last_seq();
    answer.link = payment.link;
    answer.link_stan = payment.link_stan;
    return answer;
}

Core::KeyExchange Core::key_exchange(const PaymentRequest& request, std::uint64_t now_ns) const {
    const Terminal* terminal = m_state.terminal(request.terminal);
    ASSERT(terminal != nullptr);
    // DE7 has no year, so it must be of this day or its neighbours, and the last one is read as the latest that it can be:
    // neither keeps a terminal out, nor makes a recording good, for longer than a day.
    constexpr std::int64_t kDay_s = 86'400;
    const auto now_s = static_cast<std::int64_t>(now_ns / 1'000'000'000);
    const auto said = latest_moment(request.transmission_time, now_s + kDay_s);
    if (!said) return KeyExchange::malformed;
    if (*said < now_s - kDay_s) return KeyExchange::replay;
    const auto last = latest_moment(terminal->exchanged_at, now_s + kDay_s);
    if (!last || *said > *last) return KeyExchange::fresh;
    if (*said < *last) return KeyExchange::replay;
    // Within a second the STAN tells which came later: two late copies of earlier exchanges would otherwise each count as
    // fresh, and the key that the terminal has would be gone.
    if (request.stan == terminal->exchange_stan)
        return request.network_code == terminal->exchange_code ? KeyExchange::repeat : KeyExchange::replay;
    return request.stan > terminal->exchange_stan ? KeyExchange::fresh : KeyExchange::replay;
}

void Core::session_key(const PaymentRequest& request, const ByteArray<16>& nonce, const ByteArray<3>& kcv,
                       std::uint64_t now_ns) {
    const bool expired = key_expired(request.terminal, now_ns);
    record(entry::Kind::session_key_set,
           entry::SessionKeySet{request.terminal, nonce, kcv, request.transmission_time, request.stan, now_ns});
    // An expired key is not taken as the one before either: a recorded exchange would bring it back for the overlap.
    if (expired) record(entry::Kind::session_key_used, entry::SessionKeyUsed{request.terminal});
}

void Core::key_used(const TerminalId& id, const ByteArray<16>& nonce) {
    const Terminal* terminal = m_state.terminal(id);
    ASSERT(terminal != nullptr);
    if (terminal->has_previous && terminal->nonce == nonce)
        record(entry::Kind::session_key_used, entry::SessionKeyUsed{id});
}

}  // namespace giro::switching
