// Batch upload (0320), as terminals do it after they were out of balance: each sale of the period again, one a message.
// DE90 names the sale (0200 or 0220), whose DE12, DE13, DE37 and card the record repeats; DE4 is what stands of it. The
// table, by what is known of the sale:
//
//   as much of it stands, of the same card   matched     00     (a sale by QR is named without one)
//   another amount or card, declined         differs     95
//   reversed, before it came or after        differs     95
//   waits for its issuer                     no entry    25: the terminal comes again
//   nothing, but as a sale of the other type no entry    12
//   nothing                                  posted as a sale that the till approved by itself:
//                                            up to offline_max, from the card's account,
//                                            or its bank's reserve      accepted    00
//   .. a 0220 of what was authorised (all    completes it, whether its hold has ended or not, as the 0220 itself (core_hold.cpp)
//      of its 0100's key but the STAN)
//   .. beyond offline_max                    no entry    61
//   .. older than what is remembered         no entry    68
//   .. of no card of this box                no entry    12, 14, 15
//   DE90 names neither 0200 nor 0220         no entry    12
//   .. neither account nor reserve has it    no entry    96: the terminal comes again
// What is posted has the sale's own key, so the sale itself, should it still come, gets its answer and no second
// posting. After a reconciliation that was out of balance, what is posted is of that period: the open one does not
// count it.
#include "switching/core.hpp"
#include "switching/core_record.hpp"

namespace giro::switching {

using entry::Reason;
using entry::UploadOutcome;
using What = Remembered::What;

namespace {
// DE90's message type, whatever the edition, a repeat or not.
bool is_sale(std::string_view original) {
    const std::string_view type = original.substr(0, 4);
    return type.size() == 4 && (type.substr(1, 2) == "20" || type.substr(1, 2) == "22");
}
}  // namespace

Answer Core::upload(const PaymentRequest& request, const entry::SealedPan* sealed, std::uint64_t now_ns) {
    const auto says = [](const ResponseCode& code) { return Answer{.code = code, .auth_code = {}}; };
    if (!is_at_home(request)) return says(kInvalidMerchant);
    while (expire_holds(now_ns)) {
    }
    const auto original = original_key(request);
    if (!original) return says(kFormatError);
    entry::Uploaded e;
    e.key = key_of(request);
    e.original = *original;
    e.original_mti = original_mti(request);
    e.time_ns = now_ns;
    e.amount = {request.amount, request.currency};
    const RequestClass of = class_of(e.original_mti);
    if (const Remembered* before = m_state.find(RequestClass::upload, e.key)) {
        const bool same = before->payer == reversal_mark(of, e.original) && before->amount == request.amount &&
                          before->currency == request.currency;
        return says(same ? before->response_code : kDuplicateTransmission);
    }
    if (!is_sale(request.original.view())) return says(kInvalidTransaction);
    if (const Reason why = check_amount(e.amount); why != Reason::none) return says(response_code(why));
    const Remembered* sale = m_state.find(of, e.original);
    const RequestClass other = of == RequestClass::payment ? RequestClass::advice : RequestClass::payment;
    if (sale == nullptr && m_state.find(other, e.original) != nullptr) return says(kInvalidTransaction);
    if (sale != nullptr && sale->what == What::forwarded) return says(kOriginalNotFound);
    e.response_code = kApproved;
    if (sale == nullptr) {
        e.outcome = UploadOutcome::accepted;
        if (const ResponseCode code = accept_upload(request, sealed, e); code != kApproved) return says(code);
    } else {
        e.payment = sale->seq;
        const bool same = sale->what == What::approved && sale->stands == request.amount &&
                          sale->currency == request.currency &&
                          (sealed == nullptr || sale->payer == payer_mark(sealed->token));
        e.outcome = same ? UploadOutcome::matched : UploadOutcome::differs;
        if (!same) e.response_code = kNotInBalance;
        if (!m_idle_of_terminals.take(request.terminal, now_ns)) return says(kMalfunction);
    }
    record(entry::Kind::uploaded, e);
    return {.code = e.response_code, .auth_code = {}, .payment = m_state.last_seq()};
}

// A completion repeats all of its 0100's key but the STAN, and may not stand beside what is held for it, nor beside another
// completion of it.
ResponseCode Core::check_uploaded(entry::Completed& sale, const PaymentRequest& request, const entry::Uploaded& e) {
    const std::uint64_t payer = payer_mark(sale.payment.pan.token);
    const OpenAuthorisation* open = e.original_mti == 0x0220 ? m_state.authorisation_of(e.original, payer) : nullptr;
    if (open == nullptr) return check_offline(sale, request);
    entry::RequestKey authorised = e.original;
    authorised.stan = open->stan;
    return check_completion(sale, authorised);
}

// Posts the sale under its own key.
ResponseCode Core::accept_upload(const PaymentRequest& request, const entry::SealedPan* sealed, entry::Uploaded& e) {
    entry::Completed sale;
    sale.payment = start_payment(request, e.time_ns);
    sale.payment.key = e.original;
    sale.why = request.reason;
    sale.payment.credit = m_state.terminal(request.terminal)->account;
    if (sale.payment.merchant.empty()) sale.payment.merchant = m_state.terminal(request.terminal)->merchant;
    if (!is_purchase(sale.payment)) return kInvalidTransaction;
    const auto account = card_on_us(request, sealed);
    if (!account) return response_code(account.error());
    sale.payment.pan = *sealed;
    sale.payment.debit = *account;
    if (const ResponseCode code = check_uploaded(sale, request, e); code != kApproved) return code;
    sale.payment.outcome = entry::Outcome::approved;
    sale.payment.reason = taken_although(*sealed);
    sale.payment.response_code = kApproved;
    if (e.original_mti == 0x0220)
        record(entry::Kind::completed, sale);
    else
        record(entry::Kind::payment, sale.payment);
    e.payment = m_state.last_seq();
    return kApproved;
}

}  // namespace giro::switching
