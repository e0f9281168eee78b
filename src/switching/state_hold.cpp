// How pre-authorisations change the state: holds made and raised (0100), completed (0220), ended by the clock.
// As in state_apply.cpp every `on` checks first and then only writes.
#include "switching/accounts.hpp"
#include "switching/state.hpp"

namespace giro::switching {

using entry::Outcome;
using What = Remembered::What;

namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

Remembered remembered_of(Id128 id, std::uint64_t seq, const entry::Payment& e) {
    Remembered r;
    r.id = id;
    r.seq = seq;
    r.debit = e.debit;
    r.credit = e.credit;
    r.amount = e.amount.minor;
    r.currency = e.amount.currency;
    r.payer = payer_mark(e.pan.token);
    r.response_code = e.response_code;
    r.auth_code = e.auth_code;
    return r;
}

ledger::Transfer transfer_of(std::uint64_t number, std::uint64_t seq, const entry::Payment& e, MinorUnits amount) {
    ledger::Transfer t;
    t.id = {number, seq};
    t.debit_account = e.debit;
    t.credit_account = e.credit;
    t.amount = amount;
    t.currency = e.amount.currency;
    t.code = kPurchase;
    t.timestamp_ns = e.time_ns;
    return t;
}

// Of the hold that entry `hold` made: posts `amount` of it, or voids it (0).
ledger::Transfer resolve(std::uint64_t number, std::uint64_t seq, std::uint64_t hold, MinorUnits amount, std::uint64_t time_ns) {
    ledger::Transfer t;
    t.id = {number, seq};
    t.pending_id = {entry::kHoldTransfer, hold};
    t.amount = amount;
    t.flags = amount == 0 ? ledger::kVoidPending : ledger::kPostPending;
    t.code = kHeld;
    t.timestamp_ns = time_ns;
    return t;
}

}  // namespace

const Hold* State::hold(std::uint64_t authorisation) const {
    const auto at = m_holds.find(authorisation);
    return at == m_holds.end() ? nullptr : &at->second;
}

namespace {
Id128 sale_id(entry::RequestKey key) {
    key.stan = 0;
    return request_id(RequestClass::authorisation, key);
}
}  // namespace

const OpenAuthorisation* State::authorisation_of(const entry::RequestKey& sale, std::uint64_t payer) const {
    const Id128 id = sale_id(sale);
    const auto at = m_authorised_sales.lower_bound({id, payer, false, 0});
    if (at == m_authorised_sales.end() || std::get<0>(*at) != id || std::get<1>(*at) != payer) return nullptr;
    return &m_authorised.at(std::get<3>(*at));
}

void State::forget_authorisation(std::uint64_t seq) {
    const auto at = m_authorised.find(seq);
    if (at == m_authorised.end()) return;
    const OpenAuthorisation& a = at->second;
    m_authorised_sales.erase({a.sale, a.payer, !a.held, seq});
    m_authorised.erase(at);
}

void State::end_hold(std::map<std::uint64_t, Hold>::const_iterator at) {
    m_hold_ends.erase({at->second.expires_ns, at->second.entry});
    m_holds.erase(at);
}

// Both or neither.
State::Refusal State::transfers(ledger::Transfer first, const ledger::Transfer& second) {
    first.flags |= ledger::kLinked;
    const ledger::Transfer both[] = {first, second};
    ledger::TransferResult results[std::size(both)];
    m_ledger.apply(both, results);
    for (const auto result : results)
        if (result != ledger::TransferResult::ok && result != ledger::TransferResult::linked_event_failed)
            return std::string(ledger::to_string(result));
    return {};
}

void State::remember_or_replace(Remembered* before, const Remembered& r) {
    if (before != nullptr)
        *before = r;
    else
        remember(r);
}

State::Refusal State::on(const entry::Authorised& e) {
    const entry::Payment& p = e.payment;
    Remembered r = remembered_of(id_of(RequestClass::authorisation, p.key), this_seq(), p);
    Remembered* before = remembered(r.id);
    if (before != nullptr && before->what != What::reversed_before) return "that request was decided already";
    if (before != nullptr && p.outcome != Outcome::declined) return "its reversal came first";
    if (p.outcome == Outcome::declined) {
        ++m_counters.declined;
        note_request(p.key, p.time_ns);
        r.what = What::declined;
        remember_or_replace(before, r);
        return {};
    }
    if (p.outcome != Outcome::approved || p.channel != entry::Channel::card) return "only a card on us is authorised";
    if (is_box_account(p.debit) || is_box_account(p.credit)) return "no customer's account is held";
    if (e.lifetime_s == 0) return "a hold must end";
    ledger::Transfer held = transfer_of(entry::kHoldTransfer, r.seq, p, e.total);
    held.flags = ledger::kPending;
    held.code = kHeld;
    held.timeout_s = e.lifetime_s;
    const std::uint64_t expires_ns = p.time_ns + e.lifetime_s * kNsPerSecond;  // the ledger refuses what overflows
    if (e.original == 0) {
        if (e.total != p.amount.minor) return "it does not hold what it is for";
        if (auto why = transfer(held)) return why;
        r.what = What::held;
        r.stands = e.total;
        m_holds[r.seq] = {r.id, r.seq, expires_ns};
        const OpenAuthorisation& open = m_authorised[r.seq] = {sale_id(p.key), p.key.stan, r.payer, true};
        m_authorised_sales.emplace(open.sale, open.payer, false, r.seq);
        m_hold_ends[{expires_ns, r.seq}] = r.seq;
        note_request(p.key, p.time_ns);
        count(p.key.terminal, Total::authorisations, 0);
        remember(r);
        return {};
    }
    const auto at = m_holds.find(e.original);
    if (at == m_holds.end()) return "what it raises is not held";
    Remembered* original = remembered(at->second.request);
    ASSERT(original != nullptr && original->what == What::held);
    const auto total = checked_add(original->stands, p.amount.minor);
    if (p.amount.minor <= 0 || !total || *total != e.total) return "it does not raise the hold by its amount";
    if (original->debit != p.debit || original->credit != p.credit) return "it is of another card or merchant than what it raises";
    if (auto why = transfers(resolve(entry::kReleaseTransfer, r.seq, at->second.entry, 0, p.time_ns), held)) return why;
    m_hold_ends.erase({at->second.expires_ns, at->second.entry});
    m_hold_ends[{expires_ns, r.seq}] = e.original;
    at->second.entry = r.seq;
    at->second.expires_ns = expires_ns;
    original->stands = e.total;
    r.what = What::raised;
    note_request(p.key, p.time_ns);
    count(p.key.terminal, Total::authorisations, 0);
    remember(r);
    return {};
}

State::Refusal State::on(const entry::Completed& e) {
    const entry::Payment& p = e.payment;
    Remembered r = remembered_of(id_of(RequestClass::advice, p.key), this_seq(), p);
    if (remembered(r.id) != nullptr) return "that advice was decided already";
    if (p.outcome != Outcome::approved || p.channel != entry::Channel::card) return "an advice is approved, of a card";
    if (is_issuance(p.debit) || is_issuance(p.credit)) return "money is issued by participants' backing alone";
    Remembered* original = nullptr;
    if (e.authorisation != 0) {
        original = remembered(request_id(RequestClass::authorisation, e.original));
        if (original == nullptr || original->seq != e.authorisation ||
            (original->what != What::held && original->what != What::expired))
            return "what it completes is not authorised";
    }
    if (original != nullptr && original->what == What::held) {
        const auto at = m_holds.find(e.authorisation);
        ASSERT(at != m_holds.end());
        if (original->debit != p.debit || original->credit != p.credit) return "it is of another card or merchant than what it completes";
        if (p.amount.minor <= 0) return "its amount is out of range";
        const MinorUnits from_hold = std::min(p.amount.minor, original->stands);
        const auto post = resolve(entry::kPaymentTransfer, r.seq, at->second.entry, from_hold, p.time_ns);
        auto why = from_hold == p.amount.minor
                       ? transfer(post)
                       : transfers(post, transfer_of(entry::kTipTransfer, r.seq, p, p.amount.minor - from_hold));
        if (why) return why;
        end_hold(at);
    } else {
        if (auto why = transfer(transfer_of(entry::kPaymentTransfer, r.seq, p, p.amount.minor))) return why;
    }
    if (original != nullptr) {
        original->what = What::completed;
        original->stands = 0;
        forget_authorisation(original->seq);
    }
    ++m_counters.card_approved;
    count_blocked(p);
    count(p.key.terminal, Total::debits, p.amount.minor);
    r.what = What::approved;
    r.stands = p.amount.minor;
    note_request(p.key, p.time_ns);
    remember(r);
    return {};
}

bool State::hold_due(std::uint64_t now_ns) const {
    return !m_hold_ends.empty() && m_hold_ends.begin()->first.first <= now_ns;
}

State::Refusal State::on(const entry::HoldsExpired& e) {
    if (e.most == 0 || !hold_due(e.time_ns)) return "no hold had expired";
    for (const Id128 id : m_ledger.expire(e.time_ns, e.most)) {
        const auto end = m_hold_ends.begin();  // the ledger's order too: of expiry, then of recording
        ASSERT(end != m_hold_ends.end() && id == (Id128{entry::kHoldTransfer, end->first.second}));
        const auto at = m_holds.find(end->second);
        ASSERT(at != m_holds.end());
        Remembered* r = remembered(at->second.request);
        ASSERT(r != nullptr && r->what == What::held);
        r->what = What::expired;
        OpenAuthorisation& ended = m_authorised.at(r->seq);
        m_authorised_sales.erase({ended.sale, ended.payer, false, r->seq});
        m_authorised_sales.emplace(ended.sale, ended.payer, true, r->seq);
        ended.held = false;
        end_hold(at);
    }
    return {};
}

// The reversal of an authorisation.
State::Refusal State::release(Remembered& authorised, std::uint64_t time_ns) {
    const auto at = m_holds.find(authorised.seq);
    if (authorised.what != What::held || at == m_holds.end()) return "its original is not held";
    if (auto why = transfer(resolve(entry::kReleaseTransfer, this_seq(), at->second.entry, 0, time_ns))) return why;
    authorised.what = What::reversed;
    authorised.stands = 0;
    forget_authorisation(authorised.seq);
    end_hold(at);
    return {};
}

}  // namespace giro::switching
