// How each entry changes the state. Every `on` checks first and then only writes: a refusal has changed nothing.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "switching/accounts.hpp"
#include "switching/freshness.hpp"
#include "switching/network.hpp"
#include "switching/state.hpp"
#include "util/archive.hpp"
#include "util/hash.hpp"

namespace giro::switching {

using entry::Kind;
using entry::Outcome;

namespace {
constexpr std::size_t kAccountsOfParticipant = 2;  // its reserve, and the issuance of a new currency
}  // namespace

template <typename E>
State::Refusal State::decoded(Bytes body) {
    const auto e = giro::decode<E>(body);
    if (!e) return "its bytes do not decode";
    return on(*e);
}

State::Refusal State::dispatch(Kind kind, Bytes body) {
    switch (kind) {
        case Kind::participant_opened:
            return decoded<entry::ParticipantOpened>(body);
        case Kind::account_opened:
            return decoded<entry::AccountOpened>(body);
        case Kind::card_issued:
            return decoded<entry::CardIssued>(body);
        case Kind::card_pin_set:
            return decoded<entry::CardPinSet>(body);
        case Kind::card_unlocked:
            return decoded<entry::CardUnlocked>(body);
        case Kind::card_blocked:
            return decoded<entry::CardBlocked>(body);
        case Kind::card_unblocked:
            return decoded<entry::CardUnblocked>(body);
        case Kind::link_set:
            return decoded<entry::LinkSet>(body);
        case Kind::link_cut_over:
            return decoded<entry::LinkCutOver>(body);
        case Kind::terminal_added:
            return decoded<entry::TerminalAdded>(body);
        case Kind::session_key_set:
            return decoded<entry::SessionKeySet>(body);
        case Kind::session_key_used:
            return decoded<entry::SessionKeyUsed>(body);
        case Kind::terminal_dukpt_set:
            return decoded<entry::TerminalDukptSet>(body);
        case Kind::terminal_signed:
            return decoded<entry::TerminalSigned>(body);
        case Kind::terminal_cut_over:
            return decoded<entry::TerminalCutOver>(body);
        case Kind::wallet_registered:
            return decoded<entry::WalletRegistered>(body);
        case Kind::funds_paid_in:
            return decoded<entry::FundsPaidIn>(body);
        case Kind::routes_changed:
            return decoded<entry::RoutesChanged>(body);
        case Kind::payment:
            return decoded<entry::Payment>(body);
        case Kind::forward_answered:
            return decoded<entry::ForwardAnswered>(body);
        case Kind::reversal:
            return decoded<entry::Reversal>(body);
        case Kind::link_reversal_answered:
            return decoded<entry::LinkReversalAnswered>(body);
        case Kind::stood_in:
            return decoded<entry::StoodIn>(body);
        case Kind::saf_answered:
            return decoded<entry::SafAnswered>(body);
        case Kind::saf_parked:
            return decoded<entry::SafParked>(body);
        case Kind::saf_retried:
            return decoded<entry::SafRetried>(body);
        case Kind::saf_expired:
            return decoded<entry::SafExpired>(body);
        case Kind::saf_closed:
            return decoded<entry::SafClosed>(body);
        case Kind::authorised:
            return decoded<entry::Authorised>(body);
        case Kind::completed:
            return decoded<entry::Completed>(body);
        case Kind::chip_checked:
            return decoded<entry::ChipChecked>(body);
        case Kind::holds_expired:
            return decoded<entry::HoldsExpired>(body);
        case Kind::reconciled:
            return decoded<entry::Reconciled>(body);
        case Kind::uploaded:
            return decoded<entry::Uploaded>(body);
        case Kind::window_closed:
            return decoded<entry::WindowClosed>(body);
        case Kind::settlement_proposed:
            return decoded<entry::SettlementProposed>(body);
        case Kind::settlement_approved:
            return decoded<entry::SettlementApproved>(body);
        case Kind::settlement_confirmed:
            return decoded<entry::SettlementConfirmed>(body);
        case Kind::settlement_withdrawn:
            return decoded<entry::SettlementWithdrawn>(body);
        case Kind::forgotten:
            return decoded<entry::Forgotten>(body);
    }
    return "its kind is not known; it was written by a newer version";
}

Result<void> State::apply(Kind kind, Bytes body) {
    if (const Refusal why = dispatch(kind, body))
        return fail(Failure::Kind::integrity, fmt::format("journal entry {} ({}) does not fit what came before it: {}",
                                                          this_seq(), entry::name(kind), *why));
    ++m_last_seq;
    return {};
}

State::Refusal State::transfer(const ledger::Transfer& t) {
    const auto result = m_ledger.apply(t);
    if (result == ledger::TransferResult::ok) return {};
    return std::string(ledger::to_string(result));
}

State::Refusal State::open(const ledger::Account& account) {
    const auto result = m_ledger.open_account(account);
    if (result == ledger::AccountResult::ok) return {};
    return std::string(ledger::to_string(result));
}

// --- provisioning -----------------------------------------------------------------------------------------------

// What decides is the switch's: here is which table it was.
State::Refusal State::on(const entry::RoutesChanged& e) {
    if (e.digest == m_routes) return "that routing table decides already";
    m_routes = e.digest;
    return {};
}

State::Refusal State::on(const entry::ParticipantOpened& e) {
    if (e.id == 0 || m_participants.contains(e.id)) return "that participant is open already";
    if (e.backing.minor < 0 || e.backing.minor > kAmountMax) return "its backing is out of range";
    if (m_ledger.account_count() + kAccountsOfParticipant > ledger::Options{}.accounts_max) return "too many accounts";
    const auto* issuance = m_ledger.account(issuance_account(e.backing.currency));
    if (issuance != nullptr && issuance->debits_posted > std::numeric_limits<MinorUnits>::max() - e.backing.minor)
        return "its currency's backings overflow";
    ledger::Account account;
    account.currency = e.backing.currency;
    if (issuance == nullptr) {
        account.id = issuance_account(e.backing.currency);
        account.code = kIssuance;
        if (auto why = open(account)) return why;  // the first of all writes: no such currency
    }
    // It must succeed from here: nobody else opens this account (is_box_account), or moves money on the issuance account.
    ASSERT(!open_customer(reserve_account(e.id), e.id, e.backing.currency, kReserve));
    if (e.backing.minor > 0) {
        ledger::Transfer t;
        t.id = {entry::kOpeningTransfer, this_seq()};
        t.debit_account = issuance_account(e.backing.currency);
        t.credit_account = reserve_account(e.id);
        t.amount = e.backing.minor;
        t.currency = e.backing.currency;
        t.code = kBacking;
        ASSERT(!transfer(t));
    }
    m_participants[e.id] = {e.name, e.backing, e.settlement_script};
    return {};
}

State::Refusal State::open_customer(Id128 id, std::uint32_t participant, Currency currency, std::uint32_t code) {
    ledger::Account account;
    account.id = id;
    account.participant = participant;
    account.code = code;
    account.currency = currency;
    account.flags = ledger::kDebitsMustNotExceedCredits;
    return open(account);
}

State::Refusal State::pay_from_reserve(Id128 account, Amount amount, std::uint16_t code) {
    const auto* to = m_ledger.account(account);
    if (to == nullptr || is_box_account(account)) return "there is no such account of a customer";
    ledger::Transfer t;
    t.id = {entry::kOpeningTransfer, this_seq()};
    t.debit_account = reserve_account(to->participant);
    t.credit_account = account;
    t.amount = amount.minor;
    t.currency = amount.currency;
    t.code = code;
    return transfer(t);
}

State::Refusal State::on(const entry::AccountOpened& e) {
    const auto participant = m_participants.find(e.participant);
    if (participant == m_participants.end()) return "its participant is not open";
    const auto* reserve = m_ledger.account(reserve_account(e.participant));
    ASSERT(reserve != nullptr);
    if (is_box_account(e.id)) return "that account's id is kept for the box's own";
    if (m_ledger.account(e.id) != nullptr) return "that account is open already";
    if (e.opening.currency != reserve->currency) return "its currency is not its participant's";
    // Else a bank's customers could pay other banks more than it holds on tier 1, and no window could be settled.
    if (e.overdraft != 0) return "an overdraft has no cover on tier 1";
    if (e.opening.minor < 0 || e.opening.minor > std::min(reserve->available(), kAmountMax))
        return "its participant's reserve does not hold the opening amount";
    if (auto why = open_customer(e.id, e.participant, e.opening.currency, kCustomer)) return why;
    if (e.opening.minor > 0) ASSERT(!pay_from_reserve(e.id, e.opening, kOpening));
    return {};
}

State::Refusal State::on(const entry::TerminalAdded& e) {
    if (e.terminal.empty() || m_terminals.contains(e.terminal)) return "that terminal is known already";
    if (m_ledger.account(e.account) == nullptr || is_box_account(e.account))
        return "there is no such account of a customer";
    const auto merchant = m_merchants.find(e.merchant);
    if (merchant != m_merchants.end() && merchant->second != e.account) return "that merchant has another account";
    Terminal t;
    t.merchant = e.merchant;
    t.acquirer = e.acquirer;
    t.account = e.account;
    m_terminals[e.terminal] = t;
    m_merchants[e.merchant] = e.account;
    return {};
}

State::Refusal State::on(const entry::SessionKeySet& e) {
    const auto at = m_terminals.find(e.terminal);
    if (at == m_terminals.end()) return "there is no such terminal";
    at->second.previous_nonce = at->second.nonce;
    at->second.has_previous = true;
    at->second.nonce = e.nonce;
    at->second.kcv = e.kcv;
    at->second.exchanged_at = e.exchanged_at;
    at->second.exchange_stan = e.stan;
    at->second.exchange_code = kKeyExchange;
    at->second.key_set_ns = e.time_ns;
    at->second.key_requests = 0;
    return {};
}

State::Refusal State::on(const entry::SessionKeyUsed& e) {
    const auto at = m_terminals.find(e.terminal);
    if (at == m_terminals.end()) return "there is no such terminal";
    if (!at->second.has_previous) return "its new key was used before";
    at->second.previous_nonce = {};
    at->second.has_previous = false;
    return {};
}

State::Refusal State::on(const entry::TerminalDukptSet& e) {
    constexpr std::uint8_t kMacKinds = 3;
    const auto at = m_terminals.find(e.terminal);
    if (at == m_terminals.end()) return "there is no such terminal";
    const auto ksn = payment::Ksn::parse(e.ksn);
    if (!ksn || *ksn != ksn->device()) return "its KSN is not one of 12 or 10 bytes with counter zero";
    if (e.bdk.empty() || e.mac < 1 || e.mac > kMacKinds) return "its base key or kind of MAC is none";
    at->second.bdk = e.bdk;
    at->second.device = *ksn;
    at->second.dukpt_mac = e.mac;
    return {};
}

State::Refusal State::on(const entry::WalletRegistered& e) {
    const Hash160 address = hash160(e.pubkey);
    if (m_wallets.contains(address)) return "that wallet is registered already";
    if (e.account != wallet_account(address)) return "its account is not that of its key";
    if (!m_participants.contains(e.participant)) return "its participant is not open";
    if (auto why = open_customer(e.account, e.participant, e.currency, kWallet)) return why;
    m_wallets[address] = {e.pubkey, e.account, 0};
    return {};
}

State::Refusal State::on(const entry::FundsPaidIn& e) {
    return pay_from_reserve(e.account, e.amount, kPayIn);
}

// --- payments ---------------------------------------------------------------------------------------------------

State::Refusal State::on(const entry::Payment& e) {
    Remembered r;
    r.id = id_of(RequestClass::payment, e.key);
    Remembered* before = remembered(r.id);
    if (before != nullptr && before->what != Remembered::What::reversed_before)
        return "that request was decided already";
    if (before != nullptr && e.outcome != Outcome::declined) return "its reversal came first";
    const bool from_wallet = e.channel != entry::Channel::card;
    const auto wallet = from_wallet ? m_wallets.find(e.wallet) : m_wallets.end();
    if (from_wallet && e.outcome == Outcome::approved &&
        (wallet == m_wallets.end() || e.order_counter <= wallet->second.counter))
        return "its wallet is unknown or its order's counter was used before";
    if (e.outcome == Outcome::forwarded && !has_room(e.link)) return "too many payments are outstanding";
    if (e.outcome == Outcome::forwarded && (e.channel == entry::Channel::wallet || e.link_stan != next_link_stan(e.link)))
        return "its link STAN is out of order";

    r.seq = this_seq();
    r.debit = e.debit;
    r.credit = e.credit;
    r.amount = e.amount.minor;
    r.stands = e.outcome == Outcome::declined ? 0 : e.amount.minor;
    r.currency = e.amount.currency;
    r.response_code = e.response_code;
    r.auth_code = e.auth_code;
    r.forwarded = e.outcome == Outcome::forwarded;
    r.payer = from_wallet ? payer_mark(e.wallet) : payer_mark(e.pan.token);
    r.what = e.outcome == Outcome::approved   ? Remembered::What::approved
             : e.outcome == Outcome::declined ? Remembered::What::declined
                                              : Remembered::What::forwarded;
    if (e.outcome != Outcome::declined) {
        if (is_issuance(e.debit) || is_issuance(e.credit)) return "money is issued by participants' backing alone";
        const bool forwarded = e.outcome == Outcome::forwarded;
        ledger::Transfer t;
        t.id = {forwarded ? entry::kForwardTransfer : entry::kPaymentTransfer, r.seq};
        t.debit_account = e.debit;
        t.credit_account = e.credit;
        t.amount = e.amount.minor;
        t.currency = e.amount.currency;
        t.flags = forwarded ? ledger::kPending : 0;
        t.code = forwarded ? kForwarded : kPurchase;
        t.timestamp_ns = e.time_ns;
        if (auto why = transfer(t)) return why;
    }
    // It must succeed from here.
    switch (e.outcome) {
        case Outcome::declined:
            ++m_counters.declined;
            break;
        case Outcome::approved:
            ++(from_wallet ? m_counters.qr_approved : m_counters.card_approved);
            count_blocked(e);
            break;
        case Outcome::forwarded:
            ++m_counters.forwarded;
            m_last_link_stan = e.link_stan;
            m_outstanding[r.seq] = {.payment = e};
            refile(r.seq);
            break;
    }
    if (e.channel == entry::Channel::wallet)
        m_newest_day = std::max(m_newest_day, day_of(e.time_ns));  // its key is made of a hash, and has no date
    else
        note_request(e.key, e.time_ns);
    // A declined order keeps its counter unless it was a replay: a wallet that lacked funds may send the next one.
    if (from_wallet && e.outcome == Outcome::approved) wallet->second.counter = e.order_counter;
    if (e.outcome == Outcome::approved) count(e.key.terminal, Total::debits, e.amount.minor);
    remember_or_replace(before, r);
    return {};
}

}  // namespace giro::switching
