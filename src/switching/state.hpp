// Everything the switch knows, made from the journal alone: apply() each entry in order and the same state results, in
// the switch, in the auditor and on any other machine. No clock, no randomness, no I/O.
//
// apply() is also the guard: an entry that does not fit the state (money that is not there, a window out of order)
// changes nothing and is a Failure::integrity that names its sequence number.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>

#include "entry/entry.hpp"
#include "giro/result.hpp"
#include "ledger/ledger.hpp"
#include "ledger/store.hpp"
#include "payment/ksn.hpp"

namespace giro::switching {

struct Participant {
    entry::ParticipantName name;
    Amount backing;
    Buffer settlement_script;
};

struct Terminal {
    MerchantId merchant;
    AcquirerId acquirer;
    Id128 account;
    ByteArray<16> nonce{};           // of the session MAC key in use; zero: the base key
    ByteArray<16> previous_nonce{};  // of the one before; zero when it is not taken any more
    bool has_previous = false;       // it is still accepted: the new one may not have arrived
    FixedText<10> exchanged_at;      // DE7 of the last key exchange, and its STAN: an older one is a replay
    std::uint32_t exchange_stan = 0;
    std::uint16_t exchange_code = 0;  // DE70 of it: sign-on, sign-off and cut-over go by the same moment
    bool signed_off = false;          // nothing new is asked for until it signs on
    std::uint64_t period = 1;         // number of the open one of its totals
    Totals open;
    bool cut_over = false;            // the period before the open one has still to be reconciled:
    Totals cut;
    Totals reconciled;                // as the last reconciliation counted them, for its repeat,
    Id128 reconciled_by;              // and its request_id();
    Totals checked;                   // the same of the last checkpoint
    Id128 checked_by;
    std::uint64_t reconciled_period = 0;  // the last period that was reconciled; 0: none yet;
    bool out_of_balance = false;      // and what came of it: then what is uploaded is of it, not of the open one,
    bool uploads_open = false;        // unless a checkpoint of the open one has found that out of balance since
    ByteArray<3> kcv{};
    std::uint64_t key_set_ns = 0;    // when the session key came to be, and how many requests with an entry came since
    std::uint64_t key_requests = 0;
    // DUKPT: the base key, the device's KSN with counter zero, and the kind of MAC (a vault::MacKind).
    FixedText<22> bdk;
    payment::Ksn device;
    std::uint8_t dukpt_mac = 0;
    [[nodiscard]] bool is_dukpt() const noexcept { return !device.empty(); }
};

struct Card {
    Id128 account;
    FixedText<12> pin_on_file;  // PVV or offset, digits; empty: it has no PIN here
};

struct Wallet {
    ByteArray<33> pubkey{};
    Id128 account;
    std::uint64_t counter = 0;  // of the last order that was decided
};

// What a request left behind: enough to answer its repeat and to reverse it.
struct Remembered {
    enum class What : std::uint8_t {
        approved = 1,     // posted
        declined = 2,
        forwarded = 3,    // the issuer has not answered yet
        reversed = 4,     // was approved, and moved back
        reversed_before = 5,  // not seen yet, but its reversal was
        reversal = 6,     // this is a 0400, answered
        held = 7,         // a 0100: `stands` is held
        expired = 8,      // was held; `stands` was authorised
        completed = 9,    // was held or had expired, and its 0220 has come
        raised = 10,      // a 0100 that raised another one's hold: that one has it all
        reconciliation = 11,  // this is a 05xx, answered
        upload = 12,  // this is a 0320, answered
        kLast = upload
    };
    Id128 id;  // request_id() of its key
    std::uint64_t seq = 0;
    Id128 debit, credit;
    MinorUnits amount = 0;  // DE4
    MinorUnits stands = 0;  // of a payment: what was not moved back; of a reversal: what it left to stand (DE95)
    Currency currency = 0;
    What what = What::declined;
    bool forwarded = false;  // an issuer's host took part
    // payer_mark() of its card or wallet, reversal_mark() of what it reverses, or claim_mark(): a repeat must have the same
    std::uint64_t payer = 0;
    ResponseCode response_code;
    AuthCode auth_code;
};

// Tells payers apart: the first eight bytes of a card's token or of a wallet's address.
[[nodiscard]] std::uint64_t payer_mark(Bytes token_or_address) noexcept;

// Tells apart what reversals are of: eight bytes of the id of the payment's key.
enum class RequestClass : std::uint8_t;
[[nodiscard]] std::uint64_t reversal_mark(RequestClass request_class, const entry::RequestKey& original);

// A 0100, the 0220 that completes it and the 04xx that reverses it may carry the same key; the class keeps them apart.
enum class RequestClass : std::uint8_t { payment = 1, reversal = 2, authorisation = 3, advice = 4, reconciliation = 5, upload = 6 };
// Of what may be reversed: 0100, 0220, else a payment.
[[nodiscard]] constexpr RequestClass class_of(std::uint16_t mti) noexcept {
    return mti == 0x0100 ? RequestClass::authorisation : mti == 0x0220 ? RequestClass::advice : RequestClass::payment;
}
[[nodiscard]] Id128 request_id(RequestClass request_class, const entry::RequestKey& key);

// Tells apart what reconciliations say.
[[nodiscard]] std::uint64_t claim_mark(const Claim& claim);

// A payment that an issuer's host has still to hear or say something about (forward_table.hpp has its states). What it is
// owed goes in order: the advice, then the reversal.
struct Outstanding {
    entry::Payment payment;
    bool answered = false;       // false: waiting for its answer or timeout
    bool reversal_owed = false;  // the host must be told that it does not stand,
    MinorUnits stands = 0;       // but for this much of it,
    MessageReason why = MessageReason::none;  // and why
    bool advice_owed = false;                 // the box approved it by itself: the host must be told
    entry::AdviceData advice{};
    std::int64_t expires_day = 0;             // with advice_owed: after that day (day_of()) it is not sent any more
    std::uint64_t owed_at = 0;                // seq of the entry that put it in its terminal's line
    std::uint8_t failures = 0;                // answers that were none, since then or since it was taken out of the park
    bool parked = false;                      // not sent until staff says so;
    entry::SafWhy parked_for = entry::SafWhy::asked;  // why
    [[nodiscard]] bool owed() const noexcept { return advice_owed || reversal_owed; }
};

// What is owed to a link's host of one terminal's payments, in the order in which it goes: entry that made it owed ->
// payment, both as seq. Without what is parked.
using OwedLine = std::map<std::uint64_t, std::uint64_t>;
struct LineKey {
    std::uint16_t link = 0;
    TerminalId terminal;
    auto operator<=>(const LineKey&) const = default;
};

// What was approved while a link was down, by clock hours (since 1970) of the entries' times: of a card, or at a merchant.
struct StandInUse {
    struct Hour {
        std::uint32_t hour = 0;
        std::uint32_t count = 0;
        MinorUnits sum = 0;
    };
    std::vector<Hour> hours;  // in order, at most kStandInHoursKept: beyond, the oldest goes
    std::uint16_t last_atc = 0;  // of a card: the highest transaction counter (9F36) of a chip that was stood in for
};
// Hours that are kept: those that a policy can ask for, and the one that has begun.
inline constexpr std::uint32_t kStandInHoursKept = 25;
struct StandInTotal {
    std::uint64_t count = 0;
    MinorUnits sum = 0;
};

// Payments whose advice is owed, and cards and merchants whose stand-in is counted, at once: about 1 kB each. Beyond, no
// more is approved without the issuer.
inline constexpr std::size_t kStoodInMax = 200'000;
// Payments that wait or of which something is owed, at once: beyond, links take no new ones. Far below the STANs that one link
// has, so that there is always a free one.
inline constexpr std::size_t kOutstandingAllMax = 600'000;
inline constexpr std::size_t kOutstandingOfLinkMax = 300'000;  // so that one bank's host takes no other's room
inline constexpr std::size_t kStandInCountedMax = 200'000;
// Cards that staff may have blocked at once.
inline constexpr std::size_t kBlockedMax = 1'000'000;

// A pre-authorisation whose money is held.
struct Hold {
    Id128 request;                 // of the 0100, remembered as `held`
    std::uint64_t entry = 0;       // seq of the entry that made the ledger's hold: its own, or that of the last raise
    std::uint64_t expires_ns = 0;  // wall clock
};

// A pre-authorisation that its completion may name still: held, or its hold has ended. Forgotten with its request.
struct OpenAuthorisation {
    Id128 sale;               // request_id() of its key without the STAN: what its 0220 repeats
    std::uint32_t stan = 0;   // of the 0100
    std::uint64_t payer = 0;  // payer_mark()
    bool held = true;
};

struct Settlement {
    entry::WindowClosed closed;
    std::uint64_t closed_at_seq = 0;
    std::optional<entry::SettlementProposed> proposed;
    std::map<entry::OfficerName, Buffer> approvals;  // officer -> signature
    std::optional<entry::SettlementConfirmed> confirmed;
    std::int64_t newest_day = -1;  // State::newest_day() when it was closed
};

// Numbers for reports; from the journal, so everyone counts the same.
struct Counters {
    std::uint64_t card_approved = 0, qr_approved = 0, declined = 0, forwarded = 0, reversals = 0;
    // Stand-in: approved by the box; of these, what its issuer accepted, refused, and what nobody answered; and the money of the
    // latter two, which their banks owe all the same.
    std::uint64_t stood_in = 0, advices_accepted = 0, advices_refused = 0, advices_expired = 0;
    MinorUnits refused_sum = 0, expired_sum = 0;
    // Of blocked cards: what they had been authorised for, or their terminals approved offline. It was done, so it stands.
    std::uint64_t blocked_taken = 0;
    MinorUnits blocked_sum = 0;
};

class State {
  public:
    explicit State(std::uint64_t hash_seed = 1);
    State(State&&) = default;
    State& operator=(State&&) = default;

    // Applies the entry with sequence number last_seq() + 1.
    [[nodiscard]] Result<void> apply(entry::Kind kind, Bytes body);
    [[nodiscard]] Result<void> apply(std::uint16_t kind, Bytes body) { return apply(static_cast<entry::Kind>(kind), body); }
    [[nodiscard]] std::uint64_t last_seq() const noexcept { return m_last_seq; }

    [[nodiscard]] const ledger::Ledger& ledger() const noexcept { return m_ledger; }
    [[nodiscard]] const Remembered* find(RequestClass request_class, const entry::RequestKey& key) const;
    [[nodiscard]] const Terminal* terminal(const TerminalId& id) const;
    [[nodiscard]] const Card* card(const entry::CardToken& token) const;
    [[nodiscard]] const Wallet* wallet(const Hash160& address) const;
    [[nodiscard]] const Id128* merchant_account(const MerchantId& merchant) const;
    [[nodiscard]] const Outstanding* outstanding(std::uint64_t payment_seq) const;
    [[nodiscard]] const std::map<std::uint64_t, Outstanding>& all_outstanding() const noexcept { return m_outstanding; }
    // Forwarded payments that wait for their issuer's answer, by seq.
    [[nodiscard]] const std::set<std::uint64_t>& waiting() const noexcept { return m_waiting; }
    // What is to be sent to issuers' hosts, by link and terminal; of a line the first goes, and the next when that was answered.
    [[nodiscard]] const std::map<LineKey, OwedLine>& owed_lines() const noexcept { return m_owed_lines; }
    // What is owed and not sent until staff says so, by seq.
    [[nodiscard]] const std::set<std::uint64_t>& parked() const noexcept { return m_parked; }
    // Payments whose advice is owed: the link, the last day on which it is sent, and seq.
    using OwedAdvices = std::set<std::tuple<std::uint16_t, std::int64_t, std::uint64_t>>;
    [[nodiscard]] const OwedAdvices& advices_owed() const noexcept { return m_advices; }
    // Payments that wait or of which something is owed, by link; none of 0.
    [[nodiscard]] const std::map<std::uint16_t, std::size_t>& outstanding_of_links() const noexcept { return m_outstanding_of_links; }
    // Links that staff has taken down, and has not brought up again.
    [[nodiscard]] const std::set<std::uint16_t>& links_down() const noexcept { return m_links_down; }
    // The day (day_of()) on which the link's host cut over last; nothing when it never has.
    [[nodiscard]] std::optional<std::int64_t> cut_over_day(std::uint16_t link) const;
    // What was approved without an issuer in the clock hour of `now_ns` and the `hours` before it: of a card, or paid to a
    // merchant's account. Never less than in any `hours` up to now.
    [[nodiscard]] StandInTotal stood_in_of(const entry::CardToken& card, std::uint64_t now_ns, std::uint32_t hours) const;
    [[nodiscard]] StandInTotal stood_in_at(Id128 merchant, std::uint64_t now_ns, std::uint32_t hours) const;
    // The highest transaction counter of the card's chip that was stood in for, while that counts; 0: none.
    [[nodiscard]] std::uint16_t stood_in_atc(const entry::CardToken& card) const;
    // Whether there is room to count and owe one more.
    [[nodiscard]] bool may_stand_in(std::uint16_t link, const entry::CardToken& card, Id128 merchant) const;
    // Whether there is room for one more outstanding payment: a forwarded one, or one that is stood in for.
    [[nodiscard]] bool has_room(std::uint16_t link) const;
    [[nodiscard]] bool blocked(const entry::CardToken& card) const { return m_blocked.contains(card); }
    [[nodiscard]] std::size_t blocked_count() const noexcept { return m_blocked.size(); }
    // By the seq of the 0100; null when nothing is held (any more).
    [[nodiscard]] const Hold* hold(std::uint64_t authorisation) const;
    [[nodiscard]] const std::map<std::uint64_t, Hold>& holds() const noexcept { return m_holds; }
    // What was authorised under all of `sale`'s key but the STAN, for `payer` (payer_mark()), and is not completed: the oldest
    // that is held, or else the oldest; null when nothing was.
    [[nodiscard]] const OpenAuthorisation* authorisation_of(const entry::RequestKey& sale, std::uint64_t payer) const;
    // Whether a hold's time is up.
    [[nodiscard]] bool hold_due(std::uint64_t now_ns) const;
    // What moves `amount` of an approved payment back, as the next entry: the merchant pays, or where it has spent the
    // money its bank from its reserve, so that no cardholder waits for a merchant. Nothing when neither has it.
    [[nodiscard]] std::optional<ledger::Transfer> move_back(const Remembered& payment, MinorUnits amount,
                                                              std::uint64_t time_ns) const;
    // The payment that was sent to `link` under `stan`, while it is outstanding; 0 when there is none.
    [[nodiscard]] std::uint64_t outstanding_by_stan(std::uint16_t link, std::uint32_t stan) const;
    // The STAN (DE11, 1..999999) of the next message to `link`: the one after the last that is not outstanding there.
    [[nodiscard]] std::uint32_t next_link_stan(std::uint16_t link) const;
    [[nodiscard]] const std::map<std::uint32_t, Participant>& participants() const noexcept { return m_participants; }
    [[nodiscard]] const std::map<std::uint64_t, Settlement>& settlements() const noexcept { return m_settlements; }
    // Of the routing table that decides; all zero before the first.
    [[nodiscard]] const Hash256& routes() const noexcept { return m_routes; }
    [[nodiscard]] std::uint64_t open_window() const noexcept { return m_settlements.size() + 1; }
    // The last window that is settled, like all before it; 0 when there is none.
    [[nodiscard]] std::uint64_t settled_through() const noexcept { return m_settled_through; }
    // Whether something of that window or before is still remembered that nobody needs: entry::Forgotten lets go of it.
    // In order of recording: what is held, or owed to an issuer, keeps what came after it.
    [[nodiscard]] bool may_forget(std::uint64_t window) const;
    // The latest local day (local_day(); -1: none) of any request so far, and of any that may be forgotten: what is not later
    // than that may have been decided, and nobody knows any more.
    [[nodiscard]] std::int64_t newest_day() const noexcept { return m_newest_day; }
    [[nodiscard]] std::int64_t forgotten_day() const noexcept { return m_forgotten_day; }
    [[nodiscard]] std::size_t remembered_count() const noexcept { return m_remembered.size(); }
    [[nodiscard]] const Counters& counters() const noexcept { return m_counters; }
    // Every terminal, in order of its id; valid until the next entry.
    [[nodiscard]] std::map<TerminalId, const Terminal*> terminals() const;
    [[nodiscard]] std::size_t terminal_count() const noexcept { return m_terminals.size(); }
    [[nodiscard]] std::size_t card_count() const noexcept { return m_cards.size(); }
    [[nodiscard]] std::size_t wallet_count() const noexcept { return m_wallets.size(); }
    // Debits equal credits in every currency, and every coin that was issued is on some account.
    [[nodiscard]] bool balanced() const;

    // SHA-256 over everything above: two copies that agree have the same (invariant 10).
    [[nodiscard]] Hash256 digest() const;
    void save(Buffer& out) const;
    // Failure::integrity on bytes that save() would not have written.
    [[nodiscard]] static Result<State> load(Bytes bytes, std::uint64_t hash_seed = 1);

  private:
    using Refusal = std::optional<std::string>;  // why an entry does not fit
    [[nodiscard]] Refusal dispatch(entry::Kind kind, Bytes body);
    [[nodiscard]] Refusal on(const entry::ParticipantOpened& e);
    [[nodiscard]] Refusal on(const entry::AccountOpened& e);
    [[nodiscard]] Refusal on(const entry::CardIssued& e);
    [[nodiscard]] Refusal on(const entry::CardPinSet& e);
    [[nodiscard]] Refusal on(const entry::CardUnlocked& e);
    [[nodiscard]] Refusal on(const entry::RoutesChanged& e);
    [[nodiscard]] Refusal on(const entry::CardBlocked& e);
    [[nodiscard]] Refusal on(const entry::CardUnblocked& e);
    [[nodiscard]] Refusal on(const entry::LinkSet& e);
    [[nodiscard]] Refusal on(const entry::LinkCutOver& e);
    [[nodiscard]] Refusal on(const entry::TerminalAdded& e);
    [[nodiscard]] Refusal on(const entry::SessionKeySet& e);
    [[nodiscard]] Refusal on(const entry::SessionKeyUsed& e);
    [[nodiscard]] Refusal on(const entry::TerminalDukptSet& e);
    [[nodiscard]] Refusal on(const entry::TerminalSigned& e);
    [[nodiscard]] Refusal on(const entry::TerminalCutOver& e);
    [[nodiscard]] Refusal on(const entry::Reconciled& e);
    [[nodiscard]] Refusal on(const entry::Uploaded& e);
    [[nodiscard]] Refusal on(const entry::WalletRegistered& e);
    [[nodiscard]] Refusal on(const entry::FundsPaidIn& e);
    [[nodiscard]] Refusal on(const entry::Payment& e);
    [[nodiscard]] Refusal on(const entry::ForwardAnswered& e);
    [[nodiscard]] Refusal on(const entry::Reversal& e);
    [[nodiscard]] Refusal on(const entry::LinkReversalAnswered& e);
    [[nodiscard]] Refusal on(const entry::StoodIn& e);
    [[nodiscard]] Refusal on(const entry::SafAnswered& e);
    [[nodiscard]] Refusal on(const entry::SafParked& e);
    [[nodiscard]] Refusal on(const entry::SafRetried& e);
    [[nodiscard]] Refusal on(const entry::SafExpired& e);
    [[nodiscard]] Refusal on(const entry::SafClosed& e);
    [[nodiscard]] Refusal on(const entry::Authorised& e);
    [[nodiscard]] Refusal on(const entry::Completed& e);
    [[nodiscard]] Refusal on(const entry::ChipChecked& e);
    [[nodiscard]] Refusal on(const entry::HoldsExpired& e);
    [[nodiscard]] Refusal on(const entry::WindowClosed& e);
    [[nodiscard]] Refusal on(const entry::SettlementProposed& e);
    [[nodiscard]] Refusal on(const entry::SettlementApproved& e);
    [[nodiscard]] Refusal on(const entry::SettlementConfirmed& e);
    [[nodiscard]] Refusal on(const entry::SettlementWithdrawn& e);
    [[nodiscard]] Refusal on(const entry::Forgotten& e);

    [[nodiscard]] std::uint64_t this_seq() const noexcept { return m_last_seq + 1; }
    [[nodiscard]] Refusal transfer(const ledger::Transfer& t);
    [[nodiscard]] Refusal transfers(ledger::Transfer first, const ledger::Transfer& second);
    [[nodiscard]] Refusal release(Remembered& authorised, std::uint64_t time_ns);
    void end_hold(std::map<std::uint64_t, Hold>::const_iterator at);
    void forget_authorisation(std::uint64_t seq);
    [[nodiscard]] Refusal open(const ledger::Account& account);
    [[nodiscard]] Refusal open_customer(Id128 id, std::uint32_t participant, Currency currency, std::uint32_t code);
    [[nodiscard]] Refusal pay_from_reserve(Id128 account, Amount amount, std::uint16_t code);
    [[nodiscard]] Remembered* remembered(Id128 id);
    [[nodiscard]] Id128 id_of(RequestClass request_class, const entry::RequestKey& key) const;
    void remember(const Remembered& r);
    [[nodiscard]] bool may_forget_request(std::uint64_t last_seq) const;
    void advance_settled();
    void note_request(const entry::RequestKey& key, std::uint64_t time_ns);
    void remember_or_replace(Remembered* before, const Remembered& r);
    void count(const TerminalId& terminal, Total total, MinorUnits amount, std::int64_t times = 1);
    // Around every change of an Outstanding: out of the indexes, and into them again, or dropped when nothing is owed or awaited.
    void unfile(std::uint64_t seq, const Outstanding& o);
    [[nodiscard]] bool file(std::uint64_t seq, const Outstanding& o);
    void refile(std::uint64_t seq);
    [[nodiscard]] Outstanding* owed(std::uint64_t seq, Remembered** payment);
    void count_stand_in(const entry::StoodIn& e);
    void count_blocked(const entry::Payment& p) noexcept;
    void forget_stand_in();
    template <typename E>
    [[nodiscard]] Refusal decoded(Bytes body);

    void save_maps(Buffer& out) const;
    [[nodiscard]] bool load_maps(Reader& in);
    [[nodiscard]] bool load_holds();
    [[nodiscard]] bool load_authorised();
    [[nodiscard]] bool load_outstanding();

    struct TokenHash {
        std::size_t operator()(const entry::CardToken& t) const noexcept;
    };
    struct TextHash {
        template <std::size_t N>
        std::size_t operator()(const FixedText<N>& t) const noexcept { return std::hash<std::string_view>{}(t.view()); }
    };

    std::uint64_t m_hash_seed;
    std::uint64_t m_last_seq = 0;
    std::uint32_t m_last_link_stan = 0;
    ledger::Ledger m_ledger;
    ledger::ChunkedStore<Remembered, 1U << 12> m_remembered;  // in order of recording
    ledger::IdIndex m_remembered_index;
    std::map<std::uint32_t, Participant> m_participants;
    std::unordered_map<TerminalId, Terminal, TextHash> m_terminals;
    std::unordered_map<entry::CardToken, Card, TokenHash> m_cards;
    std::map<MerchantId, Id128> m_merchants;
    std::map<Hash160, Wallet> m_wallets;
    std::map<std::uint64_t, Outstanding> m_outstanding;
    std::map<std::pair<std::uint16_t, std::uint32_t>, std::uint64_t> m_link_stans;
    std::map<std::uint16_t, std::size_t> m_outstanding_of_links;  // how many
    std::set<std::uint64_t> m_waiting;
    std::map<LineKey, OwedLine> m_owed_lines;
    std::set<std::uint64_t> m_parked;
    OwedAdvices m_advices;
    std::set<std::uint16_t> m_links_down;
    std::map<std::uint16_t, std::int64_t> m_cut_over_days;  // by link
    std::map<entry::CardToken, StandInUse> m_stand_in_of_cards;
    std::map<Id128, StandInUse> m_stand_in_at_merchants;
    std::set<entry::CardToken> m_blocked;
    std::map<std::uint64_t, Hold> m_holds;  // by seq of the 0100
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> m_hold_ends;  // expires_ns, entry -> seq of the 0100
    std::map<std::uint64_t, OpenAuthorisation> m_authorised;                       // by seq of the 0100
    // The same by sale, payer, whether the hold has ended, and seq.
    std::set<std::tuple<Id128, std::uint64_t, bool, std::uint64_t>> m_authorised_sales;
    std::map<std::uint64_t, Settlement> m_settlements;
    std::uint64_t m_settled_through = 0;
    std::int64_t m_newest_day = -1, m_forgotten_day = -1;
    Hash256 m_routes{};
    Counters m_counters;
    // The request asked for last: deciding one looks for it, and applying its entry looks again.
    struct LastId {
        RequestClass request_class = RequestClass::payment;
        entry::RequestKey key;
        Id128 id;  // zero: nothing yet
    };
    mutable LastId m_last_id;
};

}  // namespace giro::switching
