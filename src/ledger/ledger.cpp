// The state machine. Each decide function is the refusals in the order of TransferResult; commit() only writes.
#include "ledger/ledger.hpp"

#include <algorithm>
#include <limits>

#include "ledger/rules.hpp"

namespace giro::ledger {

namespace {
using R = TransferResult;

constexpr std::size_t kPrefetchAhead = 8;  // transfers: about one memory latency of work

TransferState state_of(const StoredTransfer& t) noexcept { return static_cast<TransferState>(t.state); }
void set_state(StoredTransfer& t, TransferState state) noexcept { t.state = static_cast<std::uint8_t>(state); }

// Pending + posted of one side with `amount` more; nothing when it does not fit.
std::optional<MinorUnits> side_with(MinorUnits pending, MinorUnits posted, MinorUnits amount) noexcept {
    return checked_add(pending + posted, amount);
}

// The refusals that need nothing but the transfer itself.
TransferResult check_form(const Transfer& t) noexcept {
    if (t.id.is_zero()) return R::id_must_not_be_zero;
    if ((t.flags & ~kTransferFlags) != 0) return R::reserved_flag;
    if (!flags_compatible(t.flags)) return R::flags_are_mutually_exclusive;
    if (t.timeout_s != 0 && (t.flags & kPending) == 0) return R::timeout_reserved_for_pending;
    if (t.amount < 0) return R::amount_must_not_be_negative;
    if (t.amount > kAmountMax) return R::amount_exceeds_maximum;
    if ((t.flags & kResolveFlags) == 0) {
        if (t.debit_account.is_zero()) return R::debit_account_must_not_be_zero;
        if (t.credit_account.is_zero()) return R::credit_account_must_not_be_zero;
        if (t.debit_account == t.credit_account) return R::accounts_must_be_different;
        if (!t.pending_id.is_zero()) return R::pending_id_must_be_zero;
        if (t.amount == 0) return R::amount_must_not_be_zero;
    } else {
        if (t.pending_id.is_zero()) return R::pending_id_must_not_be_zero;
        if (t.pending_id == t.id) return R::pending_id_must_be_different;
    }
    return R::ok;
}
}  // namespace

MinorUnits Account::available() const noexcept {
    if ((flags & kDebitsMustNotExceedCredits) == 0) return kAmountMax;
    const MinorUnits balance = credits_posted - (debits_pending + debits_posted);
    return balance >= kAmountMax - overdraft ? kAmountMax : balance + overdraft;
}

// What decide() found out, for commit().
struct Ledger::Plan {
    Ref debit = kNoRef;
    Ref credit = kNoRef;
    Ref hold = kNoRef;
    MinorUnits amount = 0;  // what moves or is held; for a void what is released
};

Ledger::Ledger(Options options)
    : m_options(options), m_account_index(options.hash_seed), m_transfer_index(options.hash_seed) {
    ASSERT(options.accounts_max <= kRefMax && options.transfers_max <= kRefMax);
}

AccountResult Ledger::open_account(const Account& a) {
    using A = AccountResult;
    if (const A form = check_form(a); form != A::ok) return form;
    if (a.debits_pending != 0 || a.debits_posted != 0 || a.credits_pending != 0 || a.credits_posted != 0)
        return A::sums_must_be_zero;
    if (const Account* old = account(a.id)) {
        if (old->participant != a.participant) return A::exists_with_different_participant;
        if (old->code != a.code) return A::exists_with_different_code;
        if (old->currency != a.currency) return A::exists_with_different_currency;
        if (((old->flags ^ a.flags) & kAccountLimitFlags) != 0) return A::exists_with_different_limits;
        if (old->overdraft != a.overdraft) return A::exists_with_different_overdraft;
        return A::exists;
    }
    if (m_accounts.size() >= m_options.accounts_max) return A::too_many_accounts;
    // Must succeed from here.
    m_account_index.insert(a.id, m_accounts.ref_at(m_accounts.size()));
    m_accounts.push_back(a);
    m_carried.push_back({});
    return A::ok;
}

AccountResult Ledger::set_flags(Id128 id, std::uint16_t status) {
    if ((status & ~kAccountStatusFlags) != 0) return AccountResult::reserved_flag;
    const Ref ref = m_account_index.find(id, m_accounts);
    if (ref == kNoRef) return AccountResult::not_found;
    Account& a = m_accounts[ref];
    if ((status & kClosed) != 0 && (a.debits_pending != 0 || a.credits_pending != 0))
        return AccountResult::has_pending_transfers;
    // Must succeed from here.
    a.flags = static_cast<std::uint16_t>((a.flags & kAccountLimitFlags) | status);
    return AccountResult::ok;
}

TransferResult Ledger::check_repeat(const Transfer& t, const StoredTransfer& old) const {
    const bool resolves = (t.flags & kResolveFlags) != 0;
    const bool has_hold = old.pending != kNoRef;
    const StoredTransfer* hold = has_hold && m_transfers.has(old.pending) ? &m_transfers[old.pending] : nullptr;
    const Account& debit = m_accounts[old.debit];
    // A post or void may leave out what its hold says.
    const auto left_out = [&](bool zero) { return resolves && zero; };
    const MinorUnits whole = hold == nullptr ? old.amount : hold->amount;
    const MinorUnits amount = left_out(t.amount == 0) ? whole : t.amount;
    if (((t.flags ^ old.flags) & ~kLinked) != 0) return R::exists_with_different_flags;
    // Without a hold the flags are of a kind that names none: check_form() has seen to it.
    if (hold != nullptr && t.pending_id != hold->id)
        return R::exists_with_different_pending_id;
    if (!left_out(t.debit_account.is_zero()) && t.debit_account != debit.id)
        return R::exists_with_different_debit_account;
    if (!left_out(t.credit_account.is_zero()) && t.credit_account != m_accounts[old.credit].id)
        return R::exists_with_different_credit_account;
    if (amount != old.amount) return R::exists_with_different_amount;
    if (!left_out(t.currency == 0) && t.currency != debit.currency) return R::exists_with_different_currency;
    if (t.timeout_s != old.timeout_s) return R::exists_with_different_timeout;
    if (t.code != old.code) return R::exists_with_different_code;
    return R::exists;
}

TransferResult Ledger::decide(const Transfer& t, Plan& plan) const {
    if (const R form = check_form(t); form != R::ok) return form;
    if (const Ref old = m_transfer_index.find(t.id, m_transfers); old != kNoRef)
        return check_repeat(t, m_transfers[old]);
    return (t.flags & kResolveFlags) != 0 ? decide_resolve(t, plan) : decide_new(t, plan);
}

TransferResult Ledger::decide_new(const Transfer& t, Plan& plan) const {
    plan.debit = m_account_index.find(t.debit_account, m_accounts);
    if (plan.debit == kNoRef) return R::debit_account_not_found;
    plan.credit = m_account_index.find(t.credit_account, m_accounts);
    if (plan.credit == kNoRef) return R::credit_account_not_found;
    const Account& debit = m_accounts[plan.debit];
    const Account& credit = m_accounts[plan.credit];
    if (debit.currency != credit.currency) return R::accounts_must_have_the_same_currency;
    if (t.currency != debit.currency) return R::transfer_must_have_the_currency_of_its_accounts;
    if ((debit.flags & kClosed) != 0) return R::debit_account_closed;
    if ((credit.flags & kClosed) != 0) return R::credit_account_closed;
    if ((t.flags & kCorrection) == 0) {
        if ((debit.flags & kFrozen) != 0) return R::debit_account_frozen;
        if ((credit.flags & kFrozen) != 0) return R::credit_account_frozen;
    }
    if (m_transfers.size() >= m_options.transfers_max) return R::too_many_transfers;
    if (t.timeout_s * kNsPerSecond > std::numeric_limits<std::uint64_t>::max() - t.timestamp_ns)
        return R::overflows_timeout;
    const auto debits = side_with(debit.debits_pending, debit.debits_posted, t.amount);
    if (!debits) return R::overflows_debits;
    const auto credits = side_with(credit.credits_pending, credit.credits_posted, t.amount);
    if (!credits) return R::overflows_credits;
    if (passes_debit_limit(debit, *debits)) return R::exceeds_credits;
    if (passes_credit_limit(credit, *credits)) return R::exceeds_debits;
    plan.amount = t.amount;
    return R::ok;
}

TransferResult Ledger::decide_resolve(const Transfer& t, Plan& plan) const {
    plan.hold = m_transfer_index.find(t.pending_id, m_transfers);
    if (plan.hold == kNoRef) return R::pending_transfer_not_found;
    const StoredTransfer& hold = m_transfers[plan.hold];
    if ((hold.flags & kPending) == 0) return R::pending_transfer_not_pending;
    plan.debit = hold.debit;
    plan.credit = hold.credit;
    plan.amount = t.amount == 0 ? hold.amount : t.amount;
    if (!t.debit_account.is_zero() && t.debit_account != m_accounts[hold.debit].id)
        return R::pending_transfer_has_different_debit_account;
    if (!t.credit_account.is_zero() && t.credit_account != m_accounts[hold.credit].id)
        return R::pending_transfer_has_different_credit_account;
    if (t.currency != 0 && t.currency != m_accounts[hold.debit].currency)
        return R::pending_transfer_has_different_currency;
    if (plan.amount > hold.amount) return R::exceeds_pending_transfer_amount;
    if ((t.flags & kVoidPending) != 0 && plan.amount < hold.amount) return R::pending_transfer_has_different_amount;
    if (state_of(hold) == TransferState::pending_posted) return R::pending_transfer_already_posted;
    if (state_of(hold) == TransferState::pending_voided) return R::pending_transfer_already_voided;
    if (state_of(hold) == TransferState::pending_expired || t.timestamp_ns >= expiry_ns(hold))
        return R::pending_transfer_expired;
    if (m_transfers.size() >= m_options.transfers_max) return R::too_many_transfers;
    return R::ok;
}

void Ledger::commit(const Transfer& t, const Plan& plan) {
    StoredTransfer record{.id = t.id,
                          .amount = plan.amount,
                          .timestamp_ns = t.timestamp_ns,
                          .debit = plan.debit,
                          .credit = plan.credit,
                          .pending = plan.hold,
                          .timeout_s = t.timeout_s,
                          .flags = t.flags,
                          .code = t.code,
                          .state = 0};
    Account& debit = m_accounts[plan.debit];
    Account& credit = m_accounts[plan.credit];
    set_state(record, state_when_recorded(t.flags));
    if (plan.hold != kNoRef) {
        StoredTransfer& hold = m_transfers[plan.hold];
        set_state(hold, state_when_resolved(t.flags));
        move_pending(debit, credit, -hold.amount);
    }
    if ((t.flags & kPending) != 0) move_pending(debit, credit, plan.amount);
    if (state_of(record) == TransferState::posted) move_posted(debit, credit, plan.amount);
    m_transfer_index.insert(t.id, m_transfers.ref_at(m_transfers.size()));
    m_transfers.push_back(record);
}

void Ledger::roll_back_to(std::size_t count) {
    while (m_transfers.size() > count) {
        const Ref last = m_transfers.ref_at(m_transfers.size() - 1);
        const StoredTransfer record = m_transfers[last];
        Account& debit = m_accounts[record.debit];
        Account& credit = m_accounts[record.credit];
        if (state_of(record) == TransferState::posted) move_posted(debit, credit, -record.amount);
        if ((record.flags & kPending) != 0) move_pending(debit, credit, -record.amount);
        if (record.pending != kNoRef) {
            StoredTransfer& hold = m_transfers[record.pending];
            set_state(hold, TransferState::pending);
            move_pending(debit, credit, hold.amount);
        }
        m_transfer_index.erase(record.id, last);
        m_transfers.pop_back();
    }
}

TransferResult Ledger::check(const Transfer& t) const {
    Plan plan;
    return decide(t, plan);
}

TransferResult Ledger::apply(const Transfer& t) {
    TransferResult result = R::ok;
    apply(std::span(&t, 1), std::span(&result, 1));
    return result;
}

void Ledger::apply(std::span<const Transfer> transfers, std::span<TransferResult> out) {
    ASSERT(transfers.size() == out.size());
    for (std::size_t at = 0; at < transfers.size();) {
        std::size_t end = at;
        while (end < transfers.size() && (transfers[end].flags & kLinked) != 0) ++end;
        for (std::size_t i = at + kPrefetchAhead; i <= end + kPrefetchAhead && i < transfers.size(); ++i)
            m_transfer_index.prefetch(transfers[i].id);
        if (end == transfers.size()) {  // the batch ends inside the chain: not tried
            std::fill(out.begin() + static_cast<std::ptrdiff_t>(at), out.end() - 1, R::linked_event_failed);
            out.back() = R::linked_event_chain_open;
            return;
        }
        const std::size_t size = end - at + 1;
        apply_chain(transfers.subspan(at, size), out.subspan(at, size));
        at += size;
    }
}

void Ledger::apply_chain(std::span<const Transfer> chain, std::span<TransferResult> out) {
    const std::size_t before = m_transfers.size();
    for (std::size_t i = 0; i < chain.size(); ++i) {
        Plan plan;
        out[i] = decide(chain[i], plan);
        if (out[i] != R::ok) {
            const R reason = out[i];
            roll_back_to(before);
            std::fill(out.begin(), out.end(), R::linked_event_failed);
            out[i] = reason;
            return;
        }
        commit(chain[i], plan);
    }
    // Only now, so that the heap never names a record that was rolled back.
    for (std::size_t i = before; i < m_transfers.size(); ++i) watch_expiry(i);
}

std::uint64_t Ledger::expiry_ns(const StoredTransfer& hold) const noexcept {
    if (hold.timeout_s == 0) return std::numeric_limits<std::uint64_t>::max();
    return hold.timestamp_ns + hold.timeout_s * kNsPerSecond;
}

namespace {
// Makes the heap give the earliest expiry first, and among equals the first recorded.
constexpr auto kLater = [](const auto& a, const auto& b) {
    return a.at_ns != b.at_ns ? a.at_ns > b.at_ns : a.number > b.number;
};
}  // namespace

void Ledger::watch_expiry(std::size_t i) {
    const StoredTransfer& t = m_transfers.at(i);
    if (t.timeout_s == 0 || state_of(t) != TransferState::pending) return;
    m_expiries.push_back({expiry_ns(t), m_transfers.dropped() + i});
    std::push_heap(m_expiries.begin(), m_expiries.end(), kLater);
}

std::vector<Id128> Ledger::expire(std::uint64_t now_ns, std::size_t holds_max) {
    std::vector<Id128> released;
    while (released.size() < holds_max && !m_expiries.empty() && m_expiries.front().at_ns <= now_ns) {
        const Expiry first = m_expiries.front();
        std::pop_heap(m_expiries.begin(), m_expiries.end(), kLater);
        m_expiries.pop_back();
        if (first.number < m_transfers.dropped()) continue;  // ended in time, and forgotten
        StoredTransfer& hold = m_transfers.at(first.number - m_transfers.dropped());
        if (state_of(hold) != TransferState::pending) continue;  // posted or voided in time
        set_state(hold, TransferState::pending_expired);
        move_pending(m_accounts[hold.debit], m_accounts[hold.credit], -hold.amount);
        released.push_back(hold.id);
    }
    return released;
}

std::optional<std::uint64_t> Ledger::next_expiry_ns() const {
    if (m_expiries.empty()) return std::nullopt;
    return m_expiries.front().at_ns;
}

bool Ledger::may_forget(std::uint64_t before_ns) const {
    return m_transfers.size() > 0 && m_transfers.at(0).timestamp_ns < before_ns &&
           state_of(m_transfers.at(0)) != TransferState::pending;
}

std::size_t Ledger::forget(std::uint64_t before_ns, std::size_t most) {
    std::size_t count = 0;
    for (; count < most && may_forget(before_ns); ++count) {
        const StoredTransfer& t = m_transfers.at(0);
        if (state_of(t) == TransferState::posted) {  // no more than the accounts' own posted sums
            m_carried[t.debit].debits += t.amount;
            m_carried[t.credit].credits += t.amount;
        }
        m_transfer_index.erase(t.id, m_transfers.ref_at(0));
        m_transfers.drop_front();
    }
    return count;
}

const Account* Ledger::account(Id128 id) const {
    const Ref ref = m_account_index.find(id, m_accounts);
    return ref == kNoRef ? nullptr : &m_accounts[ref];
}

std::optional<TransferRecord> Ledger::transfer(Id128 id) const {
    const Ref ref = m_transfer_index.find(id, m_transfers);
    if (ref == kNoRef) return std::nullopt;
    return record_of(m_transfers[ref]);
}

TransferRecord Ledger::record_of(const StoredTransfer& t) const {
    const bool hold_known = t.pending != kNoRef && m_transfers.has(t.pending);
    return {.transfer = {.id = t.id,
                         .debit_account = m_accounts[t.debit].id,
                         .credit_account = m_accounts[t.credit].id,
                         .pending_id = hold_known ? m_transfers[t.pending].id : Id128{},
                         .amount = t.amount,
                         .currency = m_accounts[t.debit].currency,
                         .flags = t.flags,
                         .code = t.code,
                         .timeout_s = t.timeout_s,
                         .timestamp_ns = t.timestamp_ns},
            .state = state_of(t)};
}

Totals Ledger::totals(Currency currency) const {
    Totals sum;
    for (std::size_t i = 0; i < m_accounts.size(); ++i) {
        const Account& a = m_accounts.at(i);
        if (a.currency != currency) continue;
        sum.debits_pending += a.debits_pending;
        sum.debits_posted += a.debits_posted;
        sum.credits_pending += a.credits_pending;
        sum.credits_posted += a.credits_posted;
    }
    return sum;
}

}  // namespace giro::ledger
