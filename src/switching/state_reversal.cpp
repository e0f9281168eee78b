// How reversals change the state, and what issuers' hosts are owed of them until they acknowledge it. As in state_apply.cpp
// every `on` checks first and then only writes.
#include "switching/accounts.hpp"
#include "switching/state.hpp"

namespace giro::switching {

namespace {
// Why an issuer's host is told of it: as the terminal says, whose edition may have no word for it.
MessageReason reason_for_issuer(const entry::Reversal& e) noexcept {
    if (e.why != MessageReason::none) return e.why;
    return e.replacement != 0 ? MessageReason::completed_partially : MessageReason::unspecified;
}
}  // namespace

State::Refusal State::on(const entry::Reversal& e) {
    const Id128 own = request_id(RequestClass::reversal, e.key);
    if (remembered(own) != nullptr) return "that reversal was decided already";
    if (e.original_mti != 0x0100 && e.original_mti != 0x0200 && e.original_mti != 0x0220) return "its original is of no type that is reversed";
    const Id128 original = request_id(class_of(e.original_mti), e.original);
    Remembered* payment = remembered(original);
    Remembered r;
    r.id = own;
    r.seq = this_seq();
    r.what = Remembered::What::reversal;
    r.response_code = e.response_code;
    r.amount = e.outcome == entry::ReversalOutcome::reversed && payment != nullptr ? payment->amount : e.amount.minor;
    r.stands = e.replacement;
    r.currency = e.amount.currency;
    r.payer = reversal_mark(class_of(e.original_mti), e.original);
    if (e.replacement < 0 || (e.replacement != 0 && e.replacement >= r.amount)) return "it leaves all of its original to stand";
    switch (e.outcome) {
        case entry::ReversalOutcome::reversed: {
            if (payment == nullptr || payment->seq != e.payment || payment->what != Remembered::What::approved)
                return "its original does not stand";
            if (e.replacement >= payment->stands || e.amount.minor != payment->stands - e.replacement ||
                e.amount.currency != payment->currency)
                return "its amount is not what it takes back of its original";
            if (e.owed.size() != (payment->forwarded ? 1 : 0))
                return "what it owes the issuer does not fit its original";
            Outstanding* owed_already = nullptr;  // its advice: the reversal goes behind it
            if (const auto at = m_outstanding.find(e.payment); at != m_outstanding.end()) owed_already = &at->second;
            if (owed_already != nullptr && (!payment->forwarded || !owed_already->advice_owed))
                return "a reversal of it is owed already";
            if (payment->forwarded && owed_already == nullptr && m_link_stans.contains({e.owed[0].link, e.owed[0].link_stan}))
                return "its link STAN is in use";
            const auto back = move_back(*payment, e.amount.minor, e.time_ns);
            if (!back) return "neither the merchant nor its bank has the money";
            if (auto why = transfer(*back)) return why;
            payment->stands = e.replacement;
            if (payment->stands == 0) payment->what = Remembered::What::reversed;
            ++m_counters.reversals;
            count(e.key.terminal, Total::debit_reversals, e.amount.minor);
            if (!payment->forwarded) break;
            if (owed_already != nullptr) {
                owed_already->reversal_owed = true;
                owed_already->stands = e.replacement;
                owed_already->why = reason_for_issuer(e);
                break;
            }
            m_outstanding[e.payment] = {.payment = e.owed[0],
                                        .answered = true,
                                        .reversal_owed = true,
                                        .stands = e.replacement,
                                        .why = reason_for_issuer(e),
                                        .owed_at = this_seq()};
            refile(e.payment);
            break;
        }
        case entry::ReversalOutcome::released:
            if (payment == nullptr || payment->seq != e.payment || e.replacement != 0 || !e.owed.empty())
                return "its original is no authorisation, or does not end whole";
            if (auto why = release(*payment, e.time_ns)) return why;
            count(e.key.terminal, Total::authorisation_reversals, 0);
            break;
        case entry::ReversalOutcome::already:
        case entry::ReversalOutcome::nothing_owed: {
            if (payment == nullptr) return "its original is not known";
            // It gave up the payment, by the entry before this one: its host hears why the terminal did so.
            const auto at = m_outstanding.find(e.payment);
            const bool gave_up = at != m_outstanding.end() && at->second.reversal_owed && at->second.owed_at == m_last_seq;
            if (gave_up && e.why != MessageReason::none) at->second.why = e.why;
            break;
        }
        case entry::ReversalOutcome::unknown: {
            if (payment != nullptr) return "its original is known";
            if (e.replacement != 0) return "its original is not known, and some of it is to stand";
            Remembered grave;
            grave.id = original;
            grave.seq = r.seq;
            grave.what = Remembered::What::reversed_before;
            remember(grave);
            break;
        }
    }
    note_request(e.key, e.time_ns);
    remember(r);
    return {};
}

std::optional<ledger::Transfer> State::move_back(const Remembered& payment, MinorUnits amount,
                                                  std::uint64_t time_ns) const {
    const ledger::Account* merchant = m_ledger.account(payment.credit);
    ASSERT(merchant != nullptr);
    ledger::Transfer t;
    t.id = {entry::kReversalTransfer, this_seq()};
    t.credit_account = payment.debit;
    t.amount = amount;
    t.currency = payment.currency;
    t.flags = ledger::kCorrection;
    t.code = kReversed;
    t.timestamp_ns = time_ns;
    for (const Id128& payer : {payment.credit, reserve_account(merchant->participant)}) {
        t.debit_account = payer;
        if (t.debit_account != t.credit_account && m_ledger.check(t) == ledger::TransferResult::ok) return t;
    }
    return std::nullopt;
}

}  // namespace giro::switching
