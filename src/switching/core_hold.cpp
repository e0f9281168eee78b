// Pre-authorisations of cards on us: 0100 holds an amount, a further 0100 that names it in DE90 raises the hold, 0220
// completes it or, naming nothing, posts a sale that was approved at the till without us. An advice is not asked but
// told: within what was authorised (or the till's own limit, offline_max) it is posted even when the card's account does
// not have the money any more; then the card's bank pays it from its reserve. The table, by what is known of the original:
//
//                                0100 that names it             0220 that names it
//   nothing, declined, reversed  25                             25, no entry
//   held, of another card        25                             12, no entry
//   held, enough money           held is raised          00     up to what is held: posted, the rest released      00
//   .. up to the tolerance       -                              what is beyond is a transfer of its own       00
//   .. that the card has not     51                             51, no entry: it was never authorised
//   .. beyond the tolerance      -                              13, no entry
//   expired                      25                             posted from the card's account, or its bank's reserve  00
//   completed                    25                             94, no entry
//
// A sale without an original that the bank would have to pay is 61, no entry, beyond kUnpaidSalesOfCard and ..OfTerminal.
// What leaves no entry may be asked again. Neither card's account nor reserve has the money: 96, and the advice repeats.
#include "switching/accounts.hpp"
#include "switching/core.hpp"
#include "switching/core_record.hpp"

namespace giro::switching {

using entry::Outcome;
using entry::Reason;
using What = Remembered::What;

namespace {

constexpr MinorUnits kPercent = 100;

Answer refused(const ResponseCode& code) { return {.code = code, .auth_code = {}}; }

// What a completion may come to: what was authorised, and the tolerance for a tip.
MinorUnits most_of(MinorUnits authorised, std::uint32_t tolerance_percent) {
    static_assert(kAmountMax <= std::numeric_limits<MinorUnits>::max() / (2 * kPercent));
    return authorised + authorised * tolerance_percent / kPercent;
}

}  // namespace

// Holds end by the clock, and whoever asks about one must find it ended.
bool Core::expire_holds(std::uint64_t now_ns) {
    if (!m_state.hold_due(now_ns)) return false;
    record(entry::Kind::holds_expired, entry::HoldsExpired{now_ns, kExpirePerCall});
    return true;
}

// The card's account, or why there is none here.
tl::expected<Id128, Reason> Core::card_on_us(const PaymentRequest& request, const entry::SealedPan* sealed) const {
    if (sealed == nullptr || !request.qr.empty()) return tl::unexpected(Reason::not_on_us);
    const routing::Target way = way_of(request);
    if (way.kind == routing::Target::Kind::decline) return tl::unexpected(Reason::no_route);
    if (way.kind == routing::Target::Kind::link) return tl::unexpected(Reason::not_on_us);
    const Card* card = m_state.card(sealed->token);
    if (card == nullptr) return tl::unexpected(Reason::card_unknown);
    return card->account;
}

Answer Core::authorisation(const PaymentRequest& request, const entry::SealedPan* sealed, std::uint64_t now_ns,
                           const CardChecks& checks) {
    if (!is_at_home(request)) return refused(kInvalidMerchant);
    while (expire_holds(now_ns)) {}
    const auto key = key_of(request);
    const Remembered* before = m_state.find(RequestClass::authorisation, key);
    if (before != nullptr && before->what != What::reversed_before) {
        if (differs(*before, request, sealed)) return refused(kDuplicateTransmission);
        return repeat(*before);
    }
    if (too_old(request, now_ns)) return refused(response_code(Reason::stale));
    entry::Authorised e;
    e.payment = start_payment(request, now_ns);
    if (sealed != nullptr) e.payment.pan = *sealed;
    e.lifetime_s = m_policy.config.switching.hold_lifetime_s;
    const Reason why = before != nullptr ? Reason::reversed_before : check_authorisation(e, request, sealed, checks);
    if (why != Reason::none && !may_leave_idle_entry(e.payment)) return refused(kMalfunction);
    e.payment.outcome = why == Reason::none ? Outcome::approved : Outcome::declined;
    e.payment.reason = why;
    e.payment.response_code = response_code(why);
    if (why == Reason::none) e.payment.auth_code = new_auth_code();
    record(entry::Kind::authorised, e);
    return {.code = e.payment.response_code, .auth_code = e.payment.auth_code, .payment = m_state.last_seq()};
}

// Fills in accounts and what will be held.
Reason Core::check_authorisation(entry::Authorised& e, const PaymentRequest& request, const entry::SealedPan* sealed,
                                 const CardChecks& checks) {
    entry::Payment& payment = e.payment;
    if (const Reason why = check_request(payment, request); why != Reason::none) return why;
    const auto account = card_on_us(request, sealed);
    if (!account) return account.error();
    payment.debit = *account;
    payment.credit = m_state.terminal(request.terminal)->account;
    if (m_state.blocked(sealed->token)) return Reason::card_blocked;
    if (const Reason why_card = card_reason(checks); why_card != Reason::none) return why_card;
    e.total = payment.amount.minor;
    if (!request.original.empty()) {
        const auto original = original_key(request);
        const Remembered* held = original ? m_state.find(RequestClass::authorisation, *original) : nullptr;
        if (held == nullptr || held->what != What::held || held->payer != payer_mark(sealed->token))
            return Reason::original_not_held;
        e.original = held->seq;
        e.total += held->stands;
    }
    if (e.total > m_policy.config.switching.payment_max) return Reason::limit_exceeded;
    return check_ledger(payment, true);  // of a raise: the difference alone is new
}

Answer Core::completion(const PaymentRequest& request, const entry::SealedPan* sealed, std::uint64_t now_ns,
                        const CardChecks& checks) {
    if (!is_at_home(request)) return refused(kInvalidMerchant);
    while (expire_holds(now_ns)) {}
    const auto key = key_of(request);
    const Remembered* before = m_state.find(RequestClass::advice, key);
    if (before != nullptr) {
        if (before->what == What::reversed_before) return refused(response_code(Reason::reversed_before));
        // What differs is what a repeat is known by; that it completes another authorisation is the key's own doing.
        if (differs(*before, request, sealed)) return refused(kDuplicateTransmission);
        return repeat(*before);
    }
    entry::Completed e;
    e.payment = start_payment(request, now_ns);
    e.why = request.reason;
    e.payment.credit = m_state.terminal(request.terminal)->account;
    if (const Reason why = check_amount(e.payment.amount); why != Reason::none) return refused(response_code(why));
    if (!is_purchase(e.payment)) return refused(kInvalidTransaction);
    const auto account = card_on_us(request, sealed);
    if (!account) return refused(response_code(account.error()));
    if (checks.chip == ChipCheck::refused) return refused(response_code(Reason::chip_refused));
    e.payment.pan = *sealed;
    e.payment.debit = *account;
    const auto original = original_key(request);
    const ResponseCode code = request.original.empty() ? check_offline(e, request)
                              : original               ? check_completion(e, *original)
                                                       : kFormatError;
    if (code != kApproved) return refused(code);
    e.payment.outcome = Outcome::approved;
    e.payment.reason = taken_although(*sealed);
    e.payment.response_code = kApproved;
    record(entry::Kind::completed, e);
    const std::uint64_t seq = m_state.last_seq();
    record_chip(checks);
    return {.code = kApproved, .auth_code = e.payment.auth_code, .payment = seq};
}

// A sale that the till approved by itself: within its limit it stands, whatever the account says, for as many as a bank pays.
ResponseCode Core::check_offline(entry::Completed& e, const PaymentRequest& request) {
    if (too_old(request, e.payment.time_ns)) return response_code(Reason::stale);
    if (e.payment.amount.minor > m_policy.config.switching.offline_max) return response_code(Reason::limit_exceeded);
    e.payment.auth_code = request.auth_code;
    const Id128 card = e.payment.debit;
    if (!pay_anyway(e.payment)) return kMalfunction;
    const bool reserve_pays = e.payment.debit != card;
    if (reserve_pays && !(m_unpaid_of_cards.take(e.payment.pan.token, e.payment.time_ns) &&
                          m_unpaid_of_terminals.take(request.terminal, e.payment.time_ns)))
        return response_code(Reason::limit_exceeded);
    return kApproved;
}

ResponseCode Core::check_completion(entry::Completed& e, const entry::RequestKey& original) const {
    const Remembered* authorised = m_state.find(RequestClass::authorisation, original);
    if (authorised != nullptr && authorised->what == What::completed) return kDuplicateTransmission;
    if (authorised == nullptr || (authorised->what != What::held && authorised->what != What::expired)) return kOriginalNotFound;
    if (authorised->payer != payer_mark(e.payment.pan.token)) return kInvalidTransaction;
    const MinorUnits beyond = e.payment.amount.minor - authorised->stands;
    if (e.payment.amount.minor > most_of(authorised->stands, m_policy.config.switching.completion_tolerance_percent))
        return kInvalidAmount;
    e.authorisation = authorised->seq;
    e.original = original;
    e.payment.auth_code = authorised->auth_code;
    if (authorised->what == What::expired && beyond <= 0) return pay_anyway(e.payment) ? kApproved : kMalfunction;
    if (beyond <= 0) return kApproved;  // held: it cannot be refused
    entry::Payment asked = e.payment;
    if (authorised->what == What::held) asked.amount.minor = beyond;
    return response_code(check_ledger(asked, false));
}

// What a till approved by itself, or what was authorised, was done: a refusal would only make the merchant pay for it. Of a
// blocked card it is marked, for its bank to look at.
Reason Core::taken_although(const entry::SealedPan& card) const {
    return m_state.blocked(card.token) ? Reason::card_blocked : Reason::none;
}

// From the card's account, or else from its bank's reserve; false when neither has it.
bool Core::pay_anyway(entry::Payment& payment) const {
    if (check_ledger(payment, false) == Reason::none) return true;
    const ledger::Account* account = m_state.ledger().account(payment.debit);
    ASSERT(account != nullptr);
    payment.debit = reserve_account(account->participant);
    return check_ledger(payment, false) == Reason::none;
}

}  // namespace giro::switching
