// Reversals from terminals (0400), their advices (0420), and the repeats of both. DE95 says what is to stand of the
// original; absent or zero, nothing is. What moves back is what stands less what is to stand, so the last of several
// reversals may come first, or twice: the least of what they leave to stand is left, and never more than the original
// goes back. What becomes of a link's payment, and of one on us, is forward_table.hpp's; here is all of it in short, by
// what is known of the original:
//
//   nothing                      remember it: if the original still comes, it is declined 21      unknown       00
//   .. and some is to stand      no entry: the original may still come, the terminal repeats      -             25
//   declined                     nothing to do                                                    nothing_owed  00
//   no more stands than is to    nothing more to do                                               already       00
//   approved, DE4 its amount     move the difference back; an issuer's host is told               reversed      00
//   .. neither the merchant nor its bank has the money: no entry, the terminal repeats            -             96
//   .. the host has not acknowledged the reversal before it: no entry, the terminal repeats       -             96
//   .. the host has no way to hear of it (Policy)                                                 -             12
//   .. a second part, where the dialect of the terminal or of the host says what goes back        -             12
//   approved, another amount     refused, no entry: DE4 is the original's amount                  -             13
//   forwarded, not yet answered  give it up: hold released, the host is told; then nothing_owed   nothing_owed  00
//   .. and some is to stand      no entry: nobody knows yet whether any does                      -             25
//   held (0100)                  the hold ends                                                    released      00
//   .. and some is to stand      refused, no entry: complete it with what is to stand             -             12
//   expired (0100)               nothing to do                                                    nothing_owed  00
//   another reversal             refused, no entry: a new payment is asked for as one                -             12
//   completed, raise (0100)      refused, no entry: reverse the 0220, or the 0100 that was raised -             12
#include "switching/core.hpp"
#include "switching/core_record.hpp"

namespace giro::switching {

namespace {
using What = Remembered::What;

// Of a 0100, in any of its states.
bool is_authorisation(const Remembered& r) {
    return r.what == What::held || r.what == What::expired || r.what == What::completed || r.what == What::raised;
}

ResponseCode decide_release(entry::Reversal& e, const Remembered& authorisation) {
    e.payment = authorisation.seq;
    if (authorisation.what == What::completed || authorisation.what == What::raised) return kInvalidTransaction;
    if (authorisation.what == What::held && e.replacement != 0) return kInvalidTransaction;
    e.outcome = authorisation.what == What::held ? entry::ReversalOutcome::released : entry::ReversalOutcome::nothing_owed;
    return kApproved;
}

// DE90's message type, whatever the edition, a repeat or not.
bool names_reversal(const PaymentRequest& r) {
    const std::string_view mti = r.original.view().substr(0, 4);
    return mti.size() == 4 && mti[1] == '4';
}
}  // namespace

Answer Core::reversal(const PaymentRequest& request, std::uint64_t now_ns) {
    if (!is_at_home(request)) return {.code = kInvalidMerchant, .auth_code = {}};
    while (expire_holds(now_ns)) {
    }
    entry::Reversal e;
    e.key = key_of(request);
    e.original_mti = original_mti(request);
    const RequestClass of = class_of(e.original_mti);
    const auto original = original_key(request);
    if (const Remembered* before = m_state.find(RequestClass::reversal, e.key)) {
        // The same key, but another amount or original: not a repeat, and no reason to hear that something was reversed.
        const bool same = original && reversal_mark(of, *original) == before->payer && request.amount == before->amount &&
                          request.currency == before->currency && request.replacement == before->stands;
        if (!same) return {.code = kDuplicateTransmission, .auth_code = {}};
        return {.code = before->response_code, .auth_code = {}, .payment = before->seq};
    }
    if (!original) return {.code = kFormatError, .auth_code = {}};
    // What was taken back does not come to stand again by another reversal: that is a new payment.
    if (names_reversal(request)) return {.code = kInvalidTransaction, .auth_code = {}};
    const bool partial = request.replacement != 0;
    if (partial && request.replacement >= request.amount) return {.code = kInvalidAmount, .auth_code = {}};
    e.original = *original;
    e.time_ns = now_ns;
    e.amount = {request.amount, request.currency};
    e.replacement = request.replacement;
    e.why = request.reason;
    e.response_code = kApproved;
    e.salt = new_salt();

    const Remembered* payment = m_state.find(of, e.original);
    // Older than what is remembered: it may have stood, and nobody is to believe that it doesn't.
    if (payment == nullptr && too_old(request, now_ns)) return {.code = kOriginalNotFound, .auth_code = {}};
    std::optional<Decided> gave_up;
    const ResponseCode code = payment != nullptr && is_authorisation(*payment) ? decide_release(e, *payment)
                                                                               : decide_reversal(e, request, payment, gave_up);
    if (code != kApproved) return {.code = code, .auth_code = {}};
    const bool is_idle = e.outcome != entry::ReversalOutcome::reversed && !gave_up;
    if (is_idle && !m_idle_of_terminals.take(request.terminal, now_ns)) return {.code = kMalfunction, .auth_code = {}};
    record(entry::Kind::reversal, e);
    return {.code = e.response_code, .auth_code = {}, .payment = m_state.last_seq(), .gave_up = gave_up};
}

// By forward_table.hpp, which knows of a payment on us no more than that it stands here alone.
ResponseCode Core::decide_reversal(entry::Reversal& e, const PaymentRequest& request, const Remembered* payment,
                                   std::optional<Decided>& gave_up) {
    using enum ForwardAction;
    const Outstanding* owed = payment == nullptr ? nullptr : m_state.outstanding(payment->seq);
    const auto event = e.replacement != 0 ? ForwardEvent::reversal_part : ForwardEvent::reversal;
    const ForwardStep step = forward_step(forward_state(payment, owed), event);
    const bool known = payment != nullptr && payment->what != Remembered::What::reversed_before;
    if (known) e.payment = payment->seq;
    switch (step.action) {
        case come_again:
            return kOriginalNotFound;
        case bury:
            e.outcome = entry::ReversalOutcome::unknown;
            return kApproved;
        case give_up_too:
            gave_up = give_up_forward(payment->seq, e.time_ns);
            e.outcome = entry::ReversalOutcome::nothing_owed;
            return kApproved;
        case nothing_back: {
            // A second reversal of the same unknown original finds the grave of the first.
            const bool declined = payment->what == Remembered::What::declined;
            e.outcome = declined ? entry::ReversalOutcome::nothing_owed : entry::ReversalOutcome::already;
            return kApproved;
        }
        default:
            return Core::take_back(e, request, *payment, step.action);
    }
}

// Of what stands.
ResponseCode Core::take_back(entry::Reversal& e, const PaymentRequest& request, const Remembered& payment, ForwardAction action) {
    ASSERT(payment.what == Remembered::What::approved);
    if (e.amount.minor != payment.amount || e.amount.currency != payment.currency) return kInvalidAmount;
    const bool partial = e.replacement != 0, second = payment.stands != payment.amount;
    if (partial && second && m_policy.one_part_dialects.contains(request.dialect)) return kInvalidTransaction;
    const MinorUnits back = payment.stands - e.replacement;
    e.outcome = back > 0 ? entry::ReversalOutcome::reversed : entry::ReversalOutcome::already;
    if (back <= 0) return kApproved;
    if (action == ForwardAction::busy || !m_state.move_back(payment, back, e.time_ns)) return kMalfunction;
    e.amount.minor = back;
    if (action == ForwardAction::take_back_here) return kApproved;
    ASSERT(action == ForwardAction::take_back && payment.forwarded);
    auto stored = payment_at(payment.seq);
    // Not found or its STAN in use again: say "malfunction", and the terminal repeats until it can be done.
    if (!stored) return kMalfunction;
    if (const auto user = m_state.outstanding_by_stan(stored->link, stored->link_stan); user != 0 && user != payment.seq) return kMalfunction;
    // Its host could not be told how much is to stand, or may count what goes back a second time.
    if ((partial && m_policy.whole_reversals_only.contains(stored->link)) || (second && m_policy.one_part_links.contains(stored->link)))
        return kInvalidTransaction;
    e.owed.push_back(std::move(*stored));
    return kApproved;
}

// The payment as it was decided: among the entries not yet taken, or in the journal.
std::optional<entry::Payment> Core::payment_at(std::uint64_t seq) const {
    const std::uint64_t taken = m_state.last_seq() - m_entries.size();
    if (seq <= taken) return m_journal(seq);
    const PendingEntry& pending = m_entries[seq - taken - 1];
    if (pending.kind == entry::Kind::stood_in) return decode<entry::StoodIn>(pending.body)->payment;
    if (pending.kind != entry::Kind::payment) return std::nullopt;
    return decode<entry::Payment>(pending.body);
}

}  // namespace giro::switching
