// What the journal holds: every kind of entry, field by field in the order of its bytes (util/archive.hpp gives the
// encoding). The switch writes them; settle, auditor and the command line read them. A field is appended, never moved:
// a change of layout is a new PRAGMA user_version of the journal.
//
// Clear card numbers are never here: a card is its token (CMAC under a key in the HSM), its first six and last four
// digits, and its AES-GCM ciphertext.
#pragma once

#include <string_view>

#include "giro/message_reason.hpp"
#include "giro/totals.hpp"

namespace giro::entry {

enum class Kind : std::uint16_t {
    participant_opened = 1,
    account_opened = 2,
    card_issued = 3,
    terminal_added = 4,
    session_key_set = 5,
    wallet_registered = 6,
    funds_paid_in = 7,
    session_key_used = 8,
    terminal_dukpt_set = 9,
    terminal_signed = 10,
    terminal_cut_over = 11,
    card_pin_set = 12,
    card_unlocked = 13,
    routes_changed = 14,
    payment = 16,
    forward_answered = 17,
    reversal = 18,
    link_reversal_answered = 19,
    authorised = 20,
    completed = 21,
    holds_expired = 22,
    reconciled = 23,
    uploaded = 24,
    chip_checked = 25,
    stood_in = 26,
    saf_answered = 27,
    saf_parked = 28,
    saf_retried = 29,
    saf_expired = 30,
    saf_closed = 31,
    window_closed = 32,
    settlement_proposed = 33,
    settlement_approved = 34,
    settlement_confirmed = 35,
    settlement_withdrawn = 36,
    forgotten = 37,
    card_blocked = 38,
    card_unblocked = 39,
    link_set = 40,
    link_cut_over = 41,
};
[[nodiscard]] std::string_view name(Kind kind) noexcept;

using ParticipantId = std::uint32_t;
using ParticipantName = FixedText<16>;
using OfficerName = FixedText<16>;
using CardToken = ByteArray<16>;
using Salt = ByteArray<16>;  // makes a Merkle leaf unguessable to the neighbours it is shown to

// A bank joins: its reserve account receives `backing` from the issuance account of that currency.
struct ParticipantOpened {
    ParticipantId id = 0;
    ParticipantName name;
    Amount backing;            // equals its coins on tier 1 at the start
    Buffer settlement_script;  // scriptPubKey (P2WSH 2-of-3) that its coins sit under
};
// An account of a customer or merchant of `participant`, with `opening` paid from the participant's reserve.
struct AccountOpened {
    Id128 id;
    ParticipantId participant = 0;
    Amount opening;
    MinorUnits overdraft = 0;
    FixedText<24> label;
};
// The PAN as it is stored: `sealed` = AES-GCM nonce 12, ciphertext, tag 16; additional data = the token.
struct SealedPan {
    CardToken token{};
    FixedText<10> first6_last4;
    Buffer sealed;
};
struct CardIssued {
    SealedPan pan;
    Id128 account;
};
// What the vault verifies the card's PIN by (Visa PVV or IBM 3624 offset, digits): of no use without the verification key.
struct CardPinSet {
    CardToken card{};
    FixedText<10> first6_last4;
    FixedText<12> on_file;
};
// The vault was told to forget the card's wrong PINs. Written down before it is told: who looks for guesses finds each.
struct CardUnlocked {
    CardToken card{};
    FixedText<10> first6_last4;
};
// The routing table that decides from here on: at a start whose files say another than the one before, or when an operator
// had it applied.
struct RoutesChanged {
    Hash256 digest{};          // routing::Table::digest()
    std::uint32_t rules = 0, ranges = 0;
    std::uint64_t time_ns = 0;
    Buffer text;               // of routes.toml, up to kRoutesTextMax bytes; empty: there is none, or it is longer
};
inline constexpr std::size_t kRoutesTextMax = 32'768;
// Nothing new is paid with the card, on us or of a link's host, until it is unblocked.
struct CardBlocked {
    CardToken card{};
    FixedText<10> first6_last4;
};
struct CardUnblocked {
    CardToken card{};
    FixedText<10> first6_last4;
};
// Staff takes a link down (planned maintenance), or brings it up again: while it is down nothing new goes to its host, whatever
// its connections and whoever restarts.
struct LinkSet {
    std::uint16_t link = 0;  // its number
    bool down = false;
    std::uint64_t time_ns = 0;
    FixedText<64> why;       // as staff said
};
// A link's host has cut over (0800, DE70 201): on the day of that time its business day ended.
struct LinkCutOver {
    std::uint16_t link = 0;
    std::uint64_t time_ns = 0;
};
struct TerminalAdded {
    TerminalId terminal;
    MerchantId merchant;
    AcquirerId acquirer;
    Id128 account;  // the merchant's
};
// The MAC key that the terminal derives from its master key and this nonce; all zero is its base key.
struct SessionKeySet {
    TerminalId terminal;
    ByteArray<16> nonce{};
    ByteArray<3> kcv{};
    FixedText<10> exchanged_at;  // DE7 of the 0800
    std::uint32_t stan = 0;      // DE11 of it
    std::uint64_t time_ns = 0;   // it is that old
};
// The terminal has used its new key: the one before is not taken any more.
struct SessionKeyUsed {
    TerminalId terminal;
};
// The terminal's messages are under DUKPT keys from now on, and under no other: those of the base key `bdk` (of giro key
// list) for the device whose KSN, with counter zero, is `ksn` (payment/ksn.hpp).
struct TerminalDukptSet {
    TerminalId terminal;
    FixedText<22> bdk;
    Buffer ksn;
    std::uint8_t mac = 1;  // a vault::MacKind
};
// 0800 with DE70 001 or 002: what the terminal may ask for.
struct TerminalSigned {
    TerminalId terminal;
    bool on = false;
    FixedText<10> moment;    // DE7 and
    std::uint32_t stan = 0;  // DE11 of it
};
// 0800 with DE70 201: the open period of the terminal's totals ends, to be reconciled, and the next begins.
struct TerminalCutOver {
    TerminalId terminal;
    FixedText<10> moment;
    std::uint32_t stan = 0;
};
struct WalletRegistered {
    ByteArray<33> pubkey{};  // secp256k1, compressed
    ParticipantId participant = 0;
    Currency currency = 0;
    Id128 account;
};
// From the participant's reserve to one of its accounts: a customer paid cash in.
struct FundsPaidIn {
    Id128 account;
    Amount amount;
    FixedText<24> reference;
};

// What makes a terminal's request one and the same (invariant 2).
struct RequestKey {
    AcquirerId acquirer;       // DE32
    TerminalId terminal;       // DE41
    std::uint32_t stan = 0;    // DE11
    Rrn rrn;                   // DE37
    FixedText<6> local_time;   // DE12
    FixedText<4> local_date;   // DE13
    auto operator<=>(const RequestKey&) const = default;
};

enum class Channel : std::uint8_t { card = 1, qr = 2, wallet = 3, kLast = wallet };
enum class Outcome : std::uint8_t { approved = 1, declined = 2, forwarded = 3, kLast = forwarded };

// Why the switch decided as it did, in the order in which it looks: the first that applies is the answer.
enum class Reason : std::uint8_t {
    none = 1,                // approved
    stale,                   // arrived too late to be of use                       DE39 68
    signed_off,              // the terminal has signed off                             58
    not_a_purchase,          // 0200 with another processing code (DE3) than 00xxxx  12
    amount_invalid,          // zero, or above kAmountMax                            13
    currency_unknown,        // not one this box keeps                               12
    reversed_before,         // its reversal came first                              21
    card_unknown,            // on-us BIN, but no such card                          14
    no_route,                // no participant and no link takes this BIN            15
    not_on_us,               // 0100 or 0220 without a card, or of one that another host keeps  12
    original_not_held,       // 0100: what it would raise is not held, or of another card        25
    link_down,               // the issuer's link is down                            91
    wallet_order_bad,        // QR: not a valid signed order                         30
    wallet_unknown,          // QR: payer is not registered                          14
    wallet_mismatch,         // QR: order is for another merchant, amount, currency  12
    wallet_expired,          //                                                      54
    wallet_replayed,         // the counter or the order id was used before          94
    account_frozen,          //                                                      62
    limit_exceeded,          // a limit of amount or of count                        61
    insufficient_funds,      //                                                      51
    issuer_declined,         // the issuer said no; its own DE39 is passed on
    issuer_timeout,          // no answer from the issuer in time                    91
    ledger_refused,          // any other refusal of the ledger                      96
    // Looked at once the card and its way are known, before limits and money.
    pin_wrong,               // it was counted                                       55
    pin_locked,              // too many were wrong: none is looked at any more      75
    pin_unusable,            // no block, no key or no product for it; not counted   55
    // Of the chip (DE55) and the verification values of a card on us: looked at before the PIN.
    chip_refused,            // the card said no (AAC), or approved by itself what is asked (TC) 05
    chip_unusable,           // malformed or missing chip data, another CVN, no key for it   30
    chip_mismatch,           // amount or currency is not what the cryptogram covers     12
    chip_wrong,              // the cryptogram is not this card's over this data         82
    chip_used,               // its transaction counter was used, or is one from before  82
    chip_fallback,           // the stripe of a card whose chip must be read             57
    cvv_wrong,               // of track 2: CVV, or iCVV of a chip                       82
    cvv2_wrong,              // the printed one                                          N7
    card_blocked,            // looked at before any of these, whoever keeps the card    62
                             // approved with this reason: an offline sale or a completion, which was done and stands
    // Its issuer's link is down, and the policy for that (config::StandIn) does not take it.
    stand_in_pin,            // a PIN, which its issuer alone can look at            91
    stand_in_chip,           // no cryptogram, or one that no chip made              91
    stand_in_floor,          // too much for one payment                             91
    stand_in_limit,          // too much or too many of this card, or too much at this merchant  91
    stand_in_full,           // too much is owed to issuers already                  91
    kLast = stand_in_full
};
[[nodiscard]] std::string_view name(Reason reason) noexcept;

// One decision. approved: posted on the ledger under Id128{kPaymentTransfer, seq}; forwarded: pending under that id.
struct Payment {
    Channel channel = Channel::card;
    Outcome outcome = Outcome::declined;
    Reason reason = Reason::none;
    std::uint64_t time_ns = 0;
    RequestKey key;
    MerchantId merchant;
    Amount amount;
    ResponseCode response_code;
    AuthCode auth_code;
    SealedPan pan;               // token all zero for wallet and QR
    Hash160 wallet{};            // payer; all zero for cards
    ByteArray<16> order_id{};
    std::uint64_t order_counter = 0;
    Id128 debit;                 // zero when declined before an account was known
    Id128 credit;
    std::uint16_t link = 0;      // forwarded: to which link,
    std::uint32_t link_stan = 0; // under which STAN
    std::uint32_t processing_code = 0;
    Salt salt{};
};
// What became of a forwarded payment: its pending transfer is posted or voided.
struct ForwardAnswered {
    std::uint64_t payment = 0;  // seq
    Outcome outcome = Outcome::declined;
    Reason reason = Reason::none;
    std::uint64_t time_ns = 0;
    ResponseCode response_code;
    AuthCode auth_code;
    std::uint8_t reversal_owed = 0;  // 1: the issuer must be told, until it answers
    Salt salt{};
};
// One decision on a 0100. approved: held on the ledger under Id128{kHoldTransfer, seq}, nothing posted.
struct Authorised {
    Payment payment;             // its amount is what this message asked for
    std::uint64_t original = 0;  // seq of the authorisation that it raises; 0: it is one itself
    MinorUnits total = 0;        // held from now on: its amount, and what the original held
    std::uint32_t lifetime_s = 0;  // since payment.time_ns; then the hold ends
};
// A 0220: posted, from a hold of Authorised or without one. The rest of the hold is released, what is beyond it is moved
// under Id128{kTipTransfer, seq}.
struct Completed {
    Payment payment;                  // debit: the card's account, or the reserve of its bank
    std::uint64_t authorisation = 0;  // seq; 0: a sale that the till approved by itself
    RequestKey original;              // of that authorisation; empty without one
    MessageReason why = MessageReason::none;  // as its message says
};
// What the cryptogram of a 0220's chip data was worth. It stands right behind its Completed, which it does not change: what the
// till approved by itself is done, and the bank may ask its terminal's owner about it.
enum class ChipVerdict : std::uint8_t {
    good = 1,
    wrong = 2,     // not this card's over this data
    used = 3,      // its transaction counter was used, or is too old to tell
    mismatch = 4,  // good or not, over another amount or currency
    unusable = 5,  // malformed, another CVN, no key for it
    kLast = unusable
};
[[nodiscard]] std::string_view name(ChipVerdict verdict) noexcept;
struct ChipChecked {
    std::uint64_t payment = 0;  // seq of the Completed
    ChipVerdict verdict = ChipVerdict::unusable;
    ByteArray<2> atc{};         // the card's transaction counter, 9F36
    ByteArray<8> cryptogram{};  // 9F26
};
// Holds whose time was up at time_ns have ended, in the ledger's order, at most so many.
struct HoldsExpired {
    std::uint64_t time_ns = 0;
    std::uint32_t most = 0;
};
enum class ReversalOutcome : std::uint8_t {
    reversed = 1,      // money moved back under Id128{kReversalTransfer, seq}
    already = 2,       // no more of it stood than should: it was reversed before
    nothing_owed = 3,  // the original was declined
    unknown = 4,       // no such original yet: if it comes, it is declined
    released = 5,      // the original was an authorisation: its hold has ended
    kLast = released
};
struct Reversal {
    RequestKey key;       // of the 0400
    RequestKey original;  // of what it reverses,
    std::uint16_t original_mti = 0x0200;  // which is a 0100, 0200 or 0220
    std::uint64_t payment = 0;  // seq of the original; 0 unknown
    ReversalOutcome outcome = ReversalOutcome::unknown;
    std::uint64_t time_ns = 0;
    Amount amount;  // reversed: what moved back; else DE4
    MinorUnits replacement = 0;  // DE95: what is to stand of the original; 0: nothing
    ResponseCode response_code;
    std::vector<Payment> owed;  // the original (one) when it went to an issuer, who must be told; else empty
    Salt salt{};
    MessageReason why = MessageReason::none;  // as its message says
};
// What the issuer of a payment that the box approved by itself is told in the advice, beside the payment: as its terminal
// said it. DE22 and DE23 mean the same in messages of the same edition alone. Of DE55 the tags that the cryptogram needs
// (switching/stand_in.hpp): no card number and no track.
struct AdviceData {
    std::uint16_t edition = 1987;  // of ISO 8583, of the terminal's message
    FixedText<4> expiry;           // DE14
    FixedText<12> entry_mode;      // DE22
    FixedText<3> card_sequence;    // DE23
    Buffer chip;                   // DE55
};
// Stand-in: the box approved a payment with a link's card by itself, because the link was down. Posted at once: the
// issuer's bank owes it. Its host is owed an advice, in order of its terminal, until it answers (SafAnswered).
struct StoodIn {
    Payment payment;               // approved; link and link_stan are the advice's
    FixedText<16> policy;          // name of the [[stand_in]] that took it
    std::uint16_t expire_days = 0; // after so many days its advice is not sent any more
    AdviceData advice;
};
enum class SafVerdict : std::uint8_t {
    accepted = 1,    // of an advice: it stands at the issuer
    refused = 2,     // of an advice: the issuer says no. It stands here all the same: its bank owes it, and must ask its customer
    unreadable = 3,  // the host could not make anything of the advice or reversal: it is asked again, a few times
    kLast = unreadable
};
[[nodiscard]] std::string_view name(SafVerdict verdict) noexcept;
// What a host answered to an advice, or to a reversal when it did not take it (else LinkReversalAnswered).
struct SafAnswered {
    std::uint64_t payment = 0;  // seq
    SafVerdict verdict = SafVerdict::accepted;
    bool reversal = false;      // it was the reversal
    ResponseCode response_code;
    std::uint64_t time_ns = 0;
};
enum class SafWhy : std::uint8_t {
    unreadable = 1,       // its host made nothing of it, several times
    card_unreadable = 2,  // the vault does not give its card number back
    unsayable = 3,        // the link's dialect cannot say it
    asked = 4,            // by staff
    unanswered = 5,       // its host answered others, and this one never
    kLast = unanswered
};
[[nodiscard]] std::string_view name(SafWhy why) noexcept;
// The advice or reversal that is owed of a payment is not sent until staff says so; what came after it goes on.
struct SafParked {
    std::uint64_t payment = 0;
    SafWhy why = SafWhy::asked;
    std::uint64_t time_ns = 0;
};
struct SafRetried {
    std::uint64_t payment = 0;
    std::uint64_t time_ns = 0;
};
// An advice that nobody answered for StoodIn::expire_days is not sent any more. The issuer's bank still owes the payment.
struct SafExpired {
    std::uint64_t payment = 0;
    std::uint64_t time_ns = 0;
};
// What was parked is settled otherwise, between the banks: nothing of it is sent any more, and staff answers for it.
struct SafClosed {
    std::uint64_t payment = 0;
    std::uint64_t time_ns = 0;
    FixedText<64> why;  // as staff said
};
struct LinkReversalAnswered {
    std::uint64_t payment = 0;
    ResponseCode response_code;
};

// A 0500 or 0520: the period that was cut over, or else the open one, which ends with it, is held against what the
// terminal says of it. A checkpoint holds the same period against it, and ends none.
struct Reconciled {
    RequestKey key;
    std::uint64_t time_ns = 0;
    std::uint64_t period = 0;    // of this terminal, from 1
    Totals counted;              // by the box
    std::uint16_t said = 0;      // Claim::said: which of
    Totals claimed;              // the terminal said
    ResponseCode response_code;  // 00 in balance, 95 not
    bool checkpoint = false;
};

enum class UploadOutcome : std::uint8_t {
    matched = 1,   // as much of it stands here
    accepted = 2,  // it was not known: posted by the entry before this one, as a sale that the till approved by itself
    differs = 3,   // another amount or card, declined, reversed
    kLast = differs
};
// A 0320: one record of the batch that a terminal sends again after it was out of balance.
struct Uploaded {
    RequestKey key;
    RequestKey original;
    std::uint16_t original_mti = 0x0200;  // 0200 or 0220
    std::uint64_t payment = 0;            // seq of the original; of its reversal, when that came first
    UploadOutcome outcome = UploadOutcome::matched;
    std::uint64_t time_ns = 0;
    Amount amount;               // what stands of it, says the terminal
    ResponseCode response_code;  // 00, or 95: differs
};

// A window holds the postings with seq in (last_seq of the window before, last_seq].
struct WindowClosed {
    std::uint64_t window = 0;
    std::uint64_t last_seq = 0;
    std::uint64_t time_ns = 0;
};
struct NetPosition {
    ParticipantId participant = 0;
    MinorUnits net = 0;  // positive: is to receive
};
struct SettlementInput {
    ParticipantId participant = 0;  // whose coin
    std::uint64_t amount = 0;       // satoshi = minor units
};
struct SettlementProposed {
    std::uint64_t window = 0;
    Hash256 merkle_root{};
    std::uint64_t postings = 0;
    std::vector<NetPosition> net;
    Buffer unsigned_tx;                  // without witnesses; there is one even when every net is zero: it carries the root
    std::vector<SettlementInput> inputs; // of unsigned_tx, in order
};
// The proposal of a window is taken back, which nobody has approved yet: giro-settle makes another.
struct SettlementWithdrawn {
    std::uint64_t window = 0;
};
// An officer's RSA signature over approval_digest() of exactly this proposal (approval/approval.hpp).
struct SettlementApproved {
    std::uint64_t window = 0;
    OfficerName officer;
    Buffer signature;
};
struct SettlementConfirmed {
    std::uint64_t window = 0;
    Hash256 txid{};
    std::uint32_t height = 0;
    Hash256 block_hash{};
};

// The state lets go of its oldest requests, at most `most`, up to the end of a window that is settled, like all before
// it. The journal keeps them; who asks for one again is told that it is not known, or comes too late.
struct Forgotten {
    std::uint64_t window = 0;
    std::uint32_t most = 0;
};

// Ledger transfer ids are made from the entry's sequence number, so that a replay makes the same ones.
inline constexpr std::uint64_t kPaymentTransfer = 1, kForwardTransfer = 2, kReversalTransfer = 3, kOpeningTransfer = 4,
                               kHoldTransfer = 5, kReleaseTransfer = 6, kTipTransfer = 7;

void fields(auto& a, ParticipantOpened& e) { a(e.id, e.name, e.backing, e.settlement_script); }
void fields(auto& a, AccountOpened& e) { a(e.id, e.participant, e.opening, e.overdraft, e.label); }
void fields(auto& a, SealedPan& e) { a(e.token, e.first6_last4, e.sealed); }
void fields(auto& a, CardIssued& e) { a(e.pan, e.account); }
void fields(auto& a, CardPinSet& e) { a(e.card, e.first6_last4, e.on_file); }
void fields(auto& a, CardUnlocked& e) { a(e.card, e.first6_last4); }
void fields(auto& a, RoutesChanged& e) { a(e.digest, e.rules, e.ranges, e.time_ns, e.text); }
void fields(auto& a, CardBlocked& e) { a(e.card, e.first6_last4); }
void fields(auto& a, CardUnblocked& e) { a(e.card, e.first6_last4); }
void fields(auto& a, LinkSet& e) { a(e.link, e.down, e.time_ns, e.why); }
void fields(auto& a, LinkCutOver& e) { a(e.link, e.time_ns); }
void fields(auto& a, TerminalAdded& e) { a(e.terminal, e.merchant, e.acquirer, e.account); }
void fields(auto& a, SessionKeySet& e) { a(e.terminal, e.nonce, e.kcv, e.exchanged_at, e.stan, e.time_ns); }
void fields(auto& a, SessionKeyUsed& e) { a(e.terminal); }
void fields(auto& a, TerminalDukptSet& e) { a(e.terminal, e.bdk, e.ksn, e.mac); }
void fields(auto& a, TerminalSigned& e) { a(e.terminal, e.on, e.moment, e.stan); }
void fields(auto& a, TerminalCutOver& e) { a(e.terminal, e.moment, e.stan); }
void fields(auto& a, WalletRegistered& e) { a(e.pubkey, e.participant, e.currency, e.account); }
void fields(auto& a, FundsPaidIn& e) { a(e.account, e.amount, e.reference); }
void fields(auto& a, RequestKey& e) { a(e.acquirer, e.terminal, e.stan, e.rrn, e.local_time, e.local_date); }
void fields(auto& a, Payment& e) {
    a(e.channel, e.outcome, e.reason, e.time_ns, e.key, e.merchant, e.amount, e.response_code, e.auth_code, e.pan, e.wallet,
      e.order_id, e.order_counter, e.debit, e.credit, e.link, e.link_stan, e.processing_code, e.salt);
}
void fields(auto& a, Authorised& e) { a(e.payment, e.original, e.total, e.lifetime_s); }
void fields(auto& a, Completed& e) { a(e.payment, e.authorisation, e.original, e.why); }
void fields(auto& a, ChipChecked& e) { a(e.payment, e.verdict, e.atc, e.cryptogram); }
void fields(auto& a, HoldsExpired& e) { a(e.time_ns, e.most); }
void fields(auto& a, ForwardAnswered& e) {
    a(e.payment, e.outcome, e.reason, e.time_ns, e.response_code, e.auth_code, e.reversal_owed, e.salt);
}
void fields(auto& a, Reversal& e) {
    a(e.key, e.original, e.original_mti, e.payment, e.outcome, e.time_ns, e.amount, e.replacement, e.response_code, e.owed, e.salt, e.why);
}
void fields(auto& a, LinkReversalAnswered& e) { a(e.payment, e.response_code); }
void fields(auto& a, AdviceData& e) { a(e.edition, e.expiry, e.entry_mode, e.card_sequence, e.chip); }
void fields(auto& a, StoodIn& e) { a(e.payment, e.policy, e.expire_days, e.advice); }
void fields(auto& a, SafAnswered& e) { a(e.payment, e.verdict, e.reversal, e.response_code, e.time_ns); }
void fields(auto& a, SafParked& e) { a(e.payment, e.why, e.time_ns); }
void fields(auto& a, SafRetried& e) { a(e.payment, e.time_ns); }
void fields(auto& a, SafExpired& e) { a(e.payment, e.time_ns); }
void fields(auto& a, SafClosed& e) { a(e.payment, e.time_ns, e.why); }
void fields(auto& a, Reconciled& e) {
    a(e.key, e.time_ns, e.period, e.counted, e.said, e.claimed, e.response_code, e.checkpoint);
}
void fields(auto& a, Uploaded& e) {
    a(e.key, e.original, e.original_mti, e.payment, e.outcome, e.time_ns, e.amount, e.response_code);
}
void fields(auto& a, WindowClosed& e) { a(e.window, e.last_seq, e.time_ns); }
void fields(auto& a, NetPosition& e) { a(e.participant, e.net); }
void fields(auto& a, SettlementInput& e) { a(e.participant, e.amount); }
void fields(auto& a, SettlementProposed& e) { a(e.window, e.merkle_root, e.postings, e.net, e.unsigned_tx, e.inputs); }
void fields(auto& a, SettlementWithdrawn& e) { a(e.window); }
void fields(auto& a, SettlementApproved& e) { a(e.window, e.officer, e.signature); }
void fields(auto& a, Forgotten& e) { a(e.window, e.most); }
void fields(auto& a, SettlementConfirmed& e) { a(e.window, e.txid, e.height, e.block_hash); }

}  // namespace giro::entry
