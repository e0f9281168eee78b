// How a terminal's day changes the state: sign-on and sign-off, cut-over, reconciliation, batch upload, and what is
// counted. As in state_apply.cpp every `on` checks first and then only writes.
//
//   period        totals        ended by                      reconciled by
//   open          Terminal::open  cut-over (201), or 05xx       the 05xx that ends it, if none is cut over
//   cut over      Terminal::cut   05xx                          that 05xx
// A 05xx that is a checkpoint is held against the period that a final one would end, and ends none.
#include <limits>

#include "switching/answers.hpp"
#include "switching/network.hpp"
#include "switching/state.hpp"
#include "util/archive.hpp"
#include "util/hash.hpp"

namespace giro::switching {

namespace {

// Which amount goes with a number, and how it moves the net (giro/totals.hpp).
struct Moves {
    Total number, amount;
    int sign;
};
constexpr Moves kMoves[] = {
    {Total::debits, Total::debits_amount, 1},
    {Total::debit_reversals, Total::debit_reversals_amount, -1},
    {Total::credits, Total::credits_amount, -1},
    {Total::credit_reversals, Total::credit_reversals_amount, 1},
};

// What the ledger has posted fits in its accounts' 64 bits, and so do sums of it; a journal made up for the purpose
// finds the sum standing still.
void add(std::int64_t& sum, std::int64_t more) noexcept {
    using Limits = std::numeric_limits<std::int64_t>;
    sum = checked_add(sum, more).value_or(more < 0 ? -Limits::max() : Limits::max());
}

}  // namespace

std::uint64_t claim_mark(const Claim& claim) {
    Buffer bytes;
    Encoder encoder(bytes);
    encoder(claim.said, claim.totals, claim.checkpoint);
    return load_le<std::uint64_t>(sha256(bytes).data());
}

// In the open period of the terminal; what comes from no terminal (wallets) is not counted. The sums are all that is
// kept of it, whether the requests are still remembered or not.
void State::count(const TerminalId& terminal, Total total, MinorUnits amount, std::int64_t times) {
    const auto at = m_terminals.find(terminal);
    if (at == m_terminals.end()) return;
    Totals& totals = at->second.open;
    add(totals[total], times);
    for (const Moves& moves : kMoves) {
        if (moves.number != total) continue;
        add(totals[moves.amount], times * amount);
        add(totals[Total::net], moves.sign * times * amount);
    }
}

State::Refusal State::on(const entry::TerminalSigned& e) {
    const auto at = m_terminals.find(e.terminal);
    if (at == m_terminals.end()) return "there is no such terminal";
    if (at->second.signed_off != e.on) return "that terminal is signed so already";
    at->second.signed_off = !e.on;
    at->second.exchanged_at = e.moment;
    at->second.exchange_stan = e.stan;
    at->second.exchange_code = e.on ? kSignOn : kSignOff;
    return {};
}

State::Refusal State::on(const entry::TerminalCutOver& e) {
    const auto at = m_terminals.find(e.terminal);
    if (at == m_terminals.end()) return "there is no such terminal";
    Terminal& t = at->second;
    if (t.cut_over) return "the period before has still to be reconciled";
    t.cut_over = true;
    t.cut = t.open;
    t.open = {};
    ++t.period;
    t.exchanged_at = e.moment;
    t.exchange_stan = e.stan;
    t.exchange_code = kCutOver;
    return {};
}

State::Refusal State::on(const entry::Reconciled& e) {
    const auto at = m_terminals.find(e.key.terminal);
    if (at == m_terminals.end()) return "there is no such terminal";
    Terminal& t = at->second;
    const Id128 id = id_of(RequestClass::reconciliation, e.key);
    if (remembered(id) != nullptr) return "that reconciliation was decided already";
    if (e.period != (t.cut_over ? t.period - 1 : t.period)) return "it is not of the period that is due";
    if (e.counted != (t.cut_over ? t.cut : t.open)) return "its totals are not those of the period";
    const Claim claim{e.said, e.claimed, e.checkpoint};
    if (e.response_code != (claim.agrees(e.counted) ? kApproved : kNotInBalance))
        return "its answer is not what the totals say";
    if (e.checkpoint) {
        // The period goes on.
    } else if (t.cut_over) {
        t.cut_over = false;
        t.cut = {};
    } else {
        t.open = {};
        ++t.period;
    }
    if (e.checkpoint) {
        t.checked = e.counted;
        t.checked_by = id;
        if (!t.cut_over && e.response_code != kApproved) t.uploads_open = true;
    } else {
        t.reconciled = e.counted;
        t.reconciled_by = id;
        t.out_of_balance = e.response_code != kApproved;
        t.reconciled_period = e.period;
        t.uploads_open = false;
    }
    Remembered r;
    r.id = id;
    r.seq = this_seq();
    r.what = Remembered::What::reconciliation;
    r.payer = claim_mark(claim);
    r.response_code = e.response_code;
    note_request(e.key, e.time_ns);
    remember(r);
    return {};
}

State::Refusal State::on(const entry::Uploaded& e) {
    using entry::UploadOutcome;
    using What = Remembered::What;
    const auto at = m_terminals.find(e.key.terminal);
    if (at == m_terminals.end()) return "there is no such terminal";
    const Id128 id = id_of(RequestClass::upload, e.key);
    if (remembered(id) != nullptr) return "that upload was decided already";
    if (e.original.terminal != e.key.terminal) return "its original is another terminal's";
    if (e.original_mti != 0x0200 && e.original_mti != 0x0220) return "its original is of no type that is uploaded";
    const RequestClass of = class_of(e.original_mti);
    const Remembered* payment = remembered(request_id(of, e.original));
    if (payment == nullptr || payment->seq != e.payment) return "its original is not known";
    const bool stands =
        payment->what == What::approved && payment->stands == e.amount.minor && payment->currency == e.amount.currency;
    if (e.outcome != UploadOutcome::differs && !stands) return "its original is not what it says";
    if (e.outcome == UploadOutcome::accepted && payment->seq != m_last_seq) return "its original was not posted for it";
    if (e.response_code != (e.outcome == UploadOutcome::differs ? kNotInBalance : kApproved))
        return "its answer is not what it came to";
    Remembered r;
    r.id = id;
    r.seq = this_seq();
    r.what = What::upload;
    r.amount = e.amount.minor;
    r.currency = e.amount.currency;
    r.payer = reversal_mark(of, e.original);
    r.response_code = e.response_code;
    // The terminal counted it in the period that was out of balance, and will not in the open one.
    if (e.outcome == UploadOutcome::accepted && at->second.out_of_balance && !at->second.uploads_open)
        count(e.key.terminal, Total::debits, e.amount.minor, -1);
    note_request(e.key, e.time_ns);
    remember(r);
    return {};
}

}  // namespace giro::switching
