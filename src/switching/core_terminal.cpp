// A terminal's day: sign-on, sign-off and cut-over (0800), and the reconciliation of its totals (0500, 0520).
//
// What 0800 changes goes by the moment it says (DE7, then the STAN), as key exchanges do, and all four by the same one:
// a recorded sign-off is an old one when it comes again, or more than a day off, and locks nobody out.
//
//   DE70           fresh                              the last one again                older
//   001 sign-on    signed on (already: nothing)  00   00                            00  signed on: 00, signed off: 94
//   002 sign-off   signed off                    00   00                            00  94
//   201 cut-over   a new period begins           00   00                            00  94
//   .. before the last was reconciled            12
// Signed off, a terminal has new 0100 and 0200 declined with 58 (ISO 8583:1987: transaction not permitted to terminal),
// by an entry, so that no late copy is approved after the next sign-on. What it tells of what has happened (0220, 04xx,
// 05xx) is taken, and repeats get their first answer.
#include "switching/core.hpp"
#include "switching/core_record.hpp"
#include "switching/network.hpp"

namespace giro::switching {

ResponseCode Core::moment_refusal(KeyExchange kind) {
    return kind == KeyExchange::malformed ? kFormatError
           : kind == KeyExchange::replay  ? kDuplicateTransmission
                                          : kApproved;
}

bool Core::signed_off(const PaymentRequest& request) const {
    const Terminal* terminal = m_state.terminal(request.terminal);
    ASSERT(terminal != nullptr);
    return terminal->signed_off;
}

ResponseCode Core::sign(const PaymentRequest& request, std::uint64_t now_ns) {
    const bool on = request.network_code == kSignOn;
    if (on && !signed_off(request)) return kApproved;  // nothing to change: each start asks
    const KeyExchange kind = key_exchange(request, now_ns);
    if (kind != KeyExchange::fresh) return moment_refusal(kind);
    if (on != signed_off(request)) return kApproved;
    if (!m_idle_of_terminals.take(request.terminal, now_ns)) return kMalfunction;
    record(entry::Kind::terminal_signed,
           entry::TerminalSigned{request.terminal, on, request.transmission_time, request.stan});
    return kApproved;
}

ResponseCode Core::cut_over(const PaymentRequest& request, std::uint64_t now_ns) {
    const KeyExchange kind = key_exchange(request, now_ns);
    if (kind != KeyExchange::fresh) return moment_refusal(kind);
    if (m_state.terminal(request.terminal)->cut_over) return kInvalidTransaction;
    if (!m_idle_of_terminals.take(request.terminal, now_ns)) return kMalfunction;
    record(entry::Kind::terminal_cut_over,
           entry::TerminalCutOver{request.terminal, request.transmission_time, request.stan});
    return kApproved;
}

Currency Core::currency_of(const TerminalId& terminal) const {
    const Terminal* known = m_state.terminal(terminal);
    ASSERT(known != nullptr);
    const ledger::Account* account = m_state.ledger().account(known->account);
    ASSERT(account != nullptr);
    return account->currency;
}

Core::Balanced Core::reconcile(const PaymentRequest& request, const Claim& claim, std::uint64_t now_ns) {
    if (!is_at_home(request)) return {kInvalidMerchant, {}};
    const auto key = key_of(request);
    const Terminal& terminal = *m_state.terminal(request.terminal);
    if (const Remembered* before = m_state.find(RequestClass::reconciliation, key)) {
        if (before->payer != claim_mark(claim)) return {kDuplicateTransmission, {}};
        // Of one before the last, and of a checkpoint before the last, the totals are not kept: its answer was heard, or there
        // would have been no later one.
        if (before->id == terminal.reconciled_by) return {before->response_code, terminal.reconciled};
        if (before->id == terminal.checked_by) return {before->response_code, terminal.checked};
        return {before->response_code, {}};
    }
    if (too_old(request, now_ns))
        return {response_code(entry::Reason::stale), {}};  // its first answer may be forgotten
    if (!m_idle_of_terminals.take(request.terminal, now_ns)) return {kMalfunction, {}};
    entry::Reconciled e;
    e.key = key;
    e.time_ns = now_ns;
    e.period = terminal.cut_over ? terminal.period - 1 : terminal.period;
    e.counted = terminal.cut_over ? terminal.cut : terminal.open;
    e.said = claim.said;
    e.claimed = claim.totals;
    e.checkpoint = claim.checkpoint;
    e.response_code = claim.agrees(e.counted) ? kApproved : kNotInBalance;
    record(entry::Kind::reconciled, e);
    return {e.response_code, e.counted};
}

}  // namespace giro::switching
