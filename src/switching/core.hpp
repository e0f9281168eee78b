// The switch's decisions: requests in, entries and answers out. Pure: time comes as an argument, randomness through an
// interface, and the journal, the vault and the sockets belong to the shell (appliance/giro-switch).
//
// Each decision is applied to the State at once, so the next request of the same batch sees it; the shell makes the
// entries of take_entries() durable before it lets any answer out. If it cannot, the process ends: memory is then ahead
// of the disk, and the start after it replays the disk.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "config/config.hpp"
#include "giro/environment.hpp"
#include "giro/request.hpp"
#include "iso8583/chip.hpp"
#include "routing/file.hpp"
#include "switching/answers.hpp"
#include "switching/correlation.hpp"
#include "switching/forward_table.hpp"
#include "switching/state.hpp"
#include "util/quota.hpp"
#include "wallet/order.hpp"

namespace giro::switching {

struct Policy {
    config::Config config;
    std::map<entry::OfficerName, std::string> officers;  // name -> RSA public key, PEM
    std::set<std::uint16_t> whole_reversals_only{};      // links whose dialect says no reversal in part
    // Dialects (by number) and links where a reversal in part says what goes back. Whether of a second one that is its own or
    // the sum of all, the two sides may not agree on: there is no second one.
    std::set<std::uint8_t> one_part_dialects{};
    std::set<std::uint16_t> one_part_links{};
    std::optional<routing::Routing> routing{};  // nothing: what the configuration's BINs make
};

// A forwarded payment that is decided now: its terminal can be answered.
struct Decided {
    std::uint64_t payment = 0;
    ResponseCode code;
    AuthCode auth_code;
};

// What a terminal hears, now or later.
struct Answer {
    enum class Action : std::uint8_t {
        reply,    // now, with `code`
        forward,  // send it to `link` under `link_stan`; the reply comes with LinkAnswer or a timeout
        wait,     // it is a repeat of one that was forwarded: the reply is on its way
    };
    Action action = Action::reply;
    ResponseCode code;
    AuthCode auth_code;
    std::uint64_t payment = 0;  // seq of a forwarded payment
    std::uint16_t link = 0;
    std::uint32_t link_stan = 0;
    std::optional<Decided> gave_up = std::nullopt;  // a reversal met its original still at the issuer: answer that one too
};

// Forwarded payments that may be outstanding at once: beyond, a link counts as down.
inline constexpr std::size_t kOutstandingMax = 100'000;
// Payments that one call of expire() gives up: the rest follows at the next.
inline constexpr std::size_t kExpirePerCall = 400;
// So many requests are forgotten at once: a quarter of a millisecond, and more in a second than can come.
inline constexpr std::uint32_t kForgetPerCall = 512;

// Entries that move no money (declines, reversals of nothing): one terminal or wallet may not fill the journal with them.
// Beyond, the answer is 96 and nothing is decided, so that a repeat may still be. No shop and no person comes near.
inline constexpr QuotaLimit kIdleEntriesOfTerminal{.burst = 1'000, .interval_ns = 500'000'000, .keys_max = 100'000};
inline constexpr QuotaLimit kIdleEntriesOfWallet{.burst = 20, .interval_ns = 10'000'000'000, .keys_max = 100'000};
// Offline sales that a card's bank pays from its reserve, because the card's account has no money: of one card, and at one
// terminal. Beyond, 61: a shop that makes such sales up may not empty a bank.
inline constexpr QuotaLimit kUnpaidSalesOfCard{.burst = 4, .interval_ns = 86'400'000'000'000, .keys_max = 100'000};
inline constexpr QuotaLimit kUnpaidSalesOfTerminal{.burst = 100, .interval_ns = 600'000'000'000, .keys_max = 100'000};

// What the vault is to be asked about the PIN of a request that carries one, and by what.
struct PinQuestion {
    enum class Kind : std::uint8_t {
        none,       // nothing: the PIN does not decide
        verify,     // by `product`, against `card`'s pin_on_file
        translate,  // to `link`'s zone key
        unusable,   // there is no way to look at it
    };
    Kind kind = Kind::none;
    const Card* card = nullptr;
    const config::CardProduct* product = nullptr;
    const config::Link* link = nullptr;
};
// What came of it.
enum class PinCheck : std::uint8_t { none, good, wrong, locked, unusable };

// What a request shows of its card, beside the number.
struct CardShown {
    iso8583::ChipData chip{};
    iso8583::CardEntry entry = iso8583::CardEntry::unknown;
    bool verification_value = false;  // a track 2, or the printed value
    entry::AdviceData advice{};       // of one that may_stand_in(): what its issuer is to be told (advice.hpp)
};
enum class ChipCheck : std::uint8_t {
    none,      // no chip data, and none is needed
    to_ask,    // the vault has the word
    good,
    wrong,     // the cryptogram is not this card's
    used,      // its counter was used
    mismatch,  // over another amount or currency
    refused,   // the card said no, or approved by itself what is asked
    unusable,  // malformed or missing, another CVN, no key
    fallback,  // the stripe of a card whose chip must be read
};
enum class CvvCheck : std::uint8_t { none, good, wrong, wrong_printed };
// What the vault is to be asked about a request's card, by the keys of `product`.
struct CardQuestion {
    const config::CardProduct* product = nullptr;  // null: nothing
    ChipCheck chip = ChipCheck::none;              // to_ask, or what it is without asking
    bool cvv = false;
};
// What came of all that was asked about a card. A PIN's check alone is one of them.
struct CardChecks {
    PinCheck pin = PinCheck::none;
    ChipCheck chip = ChipCheck::none;
    CvvCheck cvv = CvvCheck::none;
    const CardShown* shown = nullptr;  // with `chip`
    std::optional<std::uint16_t> pin_link{};  // the PIN was translated for this link, and is good for nothing else; else it was verified
    CardChecks(PinCheck check = PinCheck::none) : pin(check) {}
};

struct WalletAnswer {
    ResponseCode code;
    AuthCode auth_code;
    Rrn rrn;
    Amount balance;
    std::string why;
};

struct PendingEntry {
    entry::Kind kind;
    Buffer body;
};

// Refused, and why: one line for the operator.
using Done = tl::expected<void, std::string>;

class Core {
  public:
    // Finds a payment that the journal holds (Payment, or that of a StoodIn), for the reversal of one that was forwarded long ago.
    using PaymentSource = std::function<std::optional<entry::Payment>(std::uint64_t seq)>;

    // `state` outlives the core.
    Core(State& state, Policy policy, Random& random, PaymentSource journal);

    [[nodiscard]] const State& state() const noexcept { return m_state; }
    // What was decided since the last call, in order: append it to the journal.
    [[nodiscard]] std::vector<PendingEntry> take_entries() { return std::exchange(m_entries, {}); }
    [[nodiscard]] bool has_entries() const noexcept { return !m_entries.empty(); }

    // --- from terminals: their MAC has been verified ---
    // 0200. `sealed` is the PAN as the vault sealed it; null without a PAN (QR). `checks`: what came of ask_pin() and ask_card().
    [[nodiscard]] Answer purchase(const PaymentRequest& request, const entry::SealedPan* sealed, std::uint64_t now_ns,
                                  const CardChecks& checks = {});
    // 0400.
    [[nodiscard]] Answer reversal(const PaymentRequest& request, std::uint64_t now_ns);
    // 0100: holds the money, or raises the hold of the 0100 that DE90 names (core_hold.cpp has the tables).
    [[nodiscard]] Answer authorisation(const PaymentRequest& request, const entry::SealedPan* sealed, std::uint64_t now_ns,
                                       const CardChecks& checks = {});
    // 0220: completes the 0100 that DE90 names, or tells of a sale that the terminal approved by itself.
    [[nodiscard]] Answer completion(const PaymentRequest& request, const entry::SealedPan* sealed, std::uint64_t now_ns,
                                    const CardChecks& checks = {});
    // Which way a payment by card, or by a customer's code of another scheme, goes by the routing table, at the time when the gate
    // received it: on us, to the first link of its rule that takes payments (or else the first), or declined. Without DE42 the
    // merchant is the terminal's.
    [[nodiscard]] routing::Target way_of(const PaymentRequest& request) const;
    // For a request that carries a PIN and that knows() does not: what to ask the vault before it is decided. Nothing is asked of
    // a request that will leave no entry. Views of the state and the configuration: good until the next entry.
    [[nodiscard]] PinQuestion ask_pin(const PaymentRequest& request, const entry::SealedPan* sealed, std::uint64_t now_ns) const;
    // What to ask the vault about a card on us (core_card.cpp); of a request that knows(), for its answer alone.
    [[nodiscard]] CardQuestion ask_card(const PaymentRequest& request, const CardShown& shown, const entry::SealedPan* sealed) const;
    // Whether a request with this one's key was decided, or waits for its issuer: this one will be answered as that one was.
    [[nodiscard]] bool knows(const PaymentRequest& request) const;
    // 0800 with DE70 161. A recorded exchange may not bring an old moment back: DE7 (UTC) is within a day of now and never
    // goes backward, and the very same request gets the same key again. Sign-off, the sign-on after it, and cut-over go by
    // the same moment.
    enum class KeyExchange : std::uint8_t { fresh, repeat, replay, malformed };  // malformed: DE7 is no moment
    [[nodiscard]] KeyExchange key_exchange(const PaymentRequest& request, std::uint64_t now_ns) const;
    // A fresh one: the vault made this key.
    void session_key(const PaymentRequest& request, const ByteArray<16>& nonce, const ByteArray<3>& kcv, std::uint64_t now_ns);
    // Whether the terminal's session key has served its time: it hears kKeyExpired to what is not known yet.
    [[nodiscard]] bool key_expired(const TerminalId& terminal, std::uint64_t now_ns) const;
    // Whether messages under the key before the current one are taken still.
    [[nodiscard]] bool takes_previous_key(const TerminalId& terminal, std::uint64_t now_ns) const;
    // 0800 with DE70 001 and 002: from a sign-off to the next sign-on nothing new is asked for (58). 201: the open period
    // of the terminal's totals ends. By the same moments as key exchanges; the answer's code.
    [[nodiscard]] ResponseCode sign(const PaymentRequest& request, std::uint64_t now_ns);
    [[nodiscard]] ResponseCode cut_over(const PaymentRequest& request, std::uint64_t now_ns);
    // 0500 and 0520: what the terminal says of the period that was cut over, or else of the open one, which ends, unless it
    // is a checkpoint. 00 in balance, 95 not, with what the box counted; other codes: nothing was decided.
    struct Balanced {
        ResponseCode code;
        std::optional<Totals> counted;  // nothing: not decided, or a repeat of one before the last
    };
    // Of the account that the terminal's merchant is paid on: there is such a terminal.
    [[nodiscard]] Currency currency_of(const TerminalId& terminal) const;
    [[nodiscard]] Balanced reconcile(const PaymentRequest& request, const Claim& claim, std::uint64_t now_ns);
    // 0320: one record of the batch that the terminal sends again. What is not known is posted as a sale that the till
    // approved by itself; what differs is answered 95 and listed (entry::Uploaded).
    [[nodiscard]] Answer upload(const PaymentRequest& request, const entry::SealedPan* sealed, std::uint64_t now_ns);
    // A payment came under the key of `nonce`. If that is the terminal's new one, the one before is not taken any more.
    void key_used(const TerminalId& terminal, const ByteArray<16>& nonce);

    // --- from issuers' hosts: their MAC has been verified ---
    // `busy`: as many payments wait for its host as may; no new one goes there, what is owed to it does.
    void link_state(std::uint16_t link, bool up, bool busy = false);
    [[nodiscard]] bool link_up(std::uint16_t link) const { return m_links_up.contains(link); }
    // A new payment may go there.
    [[nodiscard]] bool link_takes(std::uint16_t link) const { return m_links_up.contains(link) && !m_links_busy.contains(link); }
    // 0210: the payment it answers, or why it answers none (late, twice, or a field is another's; 39: it says nothing).
    [[nodiscard]] tl::expected<Decided, Unmatched> link_answer(const PaymentRequest& answer, std::uint64_t now_ns);
    // 0410: a reversal waited for it and the host says that it is done (00), or never knew the original (25); or why not.
    // Any other code is Unmatched 39: it is asked again, and parked when the host makes nothing of it several times.
    [[nodiscard]] tl::expected<void, Unmatched> link_reversal_answer(const PaymentRequest& answer, std::uint64_t now_ns = 0);
    // 0230: an advice waited for it, and the host takes it, or refuses it; or as for a reversal.
    [[nodiscard]] tl::expected<void, Unmatched> link_advice_answer(const PaymentRequest& answer, std::uint64_t now_ns);
    // 0800 with DE70 201: the host's business day ends; the advices that it is owed expire by its days. False: it has cut over
    // on this day before, which changes nothing.
    bool note_cut_over(std::uint16_t link, std::uint64_t now_ns);
    // What is owed of that payment cannot be sent: it goes out of its line until staff says so.
    void set_aside(std::uint64_t payment, entry::SafWhy why, std::uint64_t now_ns);
    // Whether the answer to this request could come to be the box's own: a card of a link that has a policy.
    [[nodiscard]] bool may_stand_in(const PaymentRequest& request) const;
    // Forwarded payments whose answer is overdue: declined 91, and the issuer is owed a reversal. Holds whose time is up end.
    // `disk_low`: what can wait (holds that end, what is forgotten) waits, and leaves no entry.
    [[nodiscard]] std::vector<Decided> expire(std::uint64_t now_ns, bool disk_low = false);

    // --- from wallets ---
    [[nodiscard]] WalletAnswer wallet_order(Bytes body, std::uint64_t now_ns);
    [[nodiscard]] WalletAnswer wallet_query(Bytes body, std::uint64_t now_ns);

    // --- commands of staff and of giro-settle ---
    [[nodiscard]] Done open_participant(const entry::ParticipantOpened& e);
    [[nodiscard]] Done open_account(const entry::AccountOpened& e);
    [[nodiscard]] Done issue_card(const entry::CardIssued& e);
    [[nodiscard]] Done set_card_pin(const entry::CardPinSet& e);
    [[nodiscard]] Done unlock_card(const entry::CardUnlocked& e);
    [[nodiscard]] Done block_card(const entry::CardBlocked& e);
    [[nodiscard]] Done unblock_card(const entry::CardUnblocked& e);
    [[nodiscard]] Done saf_park(const entry::SafParked& e);
    [[nodiscard]] Done saf_retry(const entry::SafRetried& e);
    [[nodiscard]] Done saf_close(const entry::SafClosed& e);
    // A link is taken down, or brought up again; what becomes of its host is the caller's.
    [[nodiscard]] Done set_link(const entry::LinkSet& e);
    [[nodiscard]] Done add_terminal(const entry::TerminalAdded& e);
    [[nodiscard]] Done set_terminal_dukpt(const entry::TerminalDukptSet& e);
    [[nodiscard]] Done pay_in(const entry::FundsPaidIn& e);
    // Counts the tables that decided so far. What was asked about a card under another is not to be decided by.
    [[nodiscard]] std::uint64_t routing_generation() const noexcept { return m_routing_generation; }
    // This table decides from now on. True: it is another than before, and leaves an entry.
    bool apply_routing(routing::Routing routing, std::uint64_t now_ns);
    // The same for the table that the policy brought, at the start.
    bool note_routing(std::uint64_t now_ns);
    [[nodiscard]] tl::expected<entry::WindowClosed, std::string> close_window(std::uint64_t now_ns);
    [[nodiscard]] Done propose_settlement(const entry::SettlementProposed& e);
    // Checks the officer's signature over exactly the proposed transaction.
    [[nodiscard]] Done approve_settlement(const entry::SettlementApproved& e);
    [[nodiscard]] Done confirm_settlement(const entry::SettlementConfirmed& e);
    // Only before an officer has approved it.
    [[nodiscard]] Done withdraw_settlement(const entry::SettlementWithdrawn& e);

  private:
    template <typename E>
    void record(entry::Kind kind, const E& e);
    template <typename E>
    [[nodiscard]] Done admin(entry::Kind kind, const E& e);
    [[nodiscard]] entry::Payment start_payment(const PaymentRequest& request, std::uint64_t now_ns);
    [[nodiscard]] Answer decide(entry::Payment& payment, const PaymentRequest& request, const entry::SealedPan* sealed,
                                const CardChecks& checks);
    [[nodiscard]] static entry::Reason pin_reason(PinCheck check) noexcept;
    [[nodiscard]] static entry::Reason chip_reason(ChipCheck check) noexcept;
    [[nodiscard]] static entry::Reason card_reason(const CardChecks& checks) noexcept;
    void record_chip(const CardChecks& checks);
    [[nodiscard]] Answer repeat(const Remembered& before) const;
    [[nodiscard]] bool signed_off(const PaymentRequest& request) const;
    [[nodiscard]] static ResponseCode moment_refusal(KeyExchange kind);
    [[nodiscard]] bool differs(const Remembered& before, const PaymentRequest& request, const entry::SealedPan* sealed) const;
    [[nodiscard]] bool is_at_home(const PaymentRequest& request) const;
    [[nodiscard]] Answer pay_by_other_code(entry::Payment& payment, const PaymentRequest& request);
    [[nodiscard]] Answer approve(entry::Payment& payment);
    [[nodiscard]] Answer decline(entry::Payment& payment, entry::Reason reason);
    [[nodiscard]] bool may_leave_idle_entry(const entry::Payment& payment);
    [[nodiscard]] Answer forward(entry::Payment& payment, const routing::Target& way, const CardChecks& checks);
    [[nodiscard]] const config::StandIn* stand_in_of(const routing::Target& way) const;
    [[nodiscard]] Answer stand_in(entry::Payment& payment, const routing::Target& way, const CardChecks& checks);
    [[nodiscard]] entry::Reason stand_in_reason(const entry::Payment& payment, const config::StandIn& policy, const CardChecks& checks) const;
    void expire_advices(std::uint64_t now_ns);
    void count_failure(std::uint64_t payment, bool reversal, const ResponseCode& code, std::uint64_t now_ns);
    [[nodiscard]] ForwardState where(std::uint64_t payment) const;
    [[nodiscard]] ResponseCode decide_reversal(entry::Reversal& e, const PaymentRequest& request, const Remembered* payment,
                                               std::optional<Decided>& gave_up);
    [[nodiscard]] ResponseCode take_back(entry::Reversal& e, const PaymentRequest& request, const Remembered& payment, ForwardAction action);
    [[nodiscard]] entry::Reason check_request(const entry::Payment& payment, const PaymentRequest& request) const;
    [[nodiscard]] entry::Reason check_authorisation(entry::Authorised& e, const PaymentRequest& request,
                                                    const entry::SealedPan* sealed, const CardChecks& checks);
    [[nodiscard]] ResponseCode check_offline(entry::Completed& e, const PaymentRequest& request);
    [[nodiscard]] ResponseCode check_completion(entry::Completed& e, const entry::RequestKey& original) const;
    [[nodiscard]] bool pay_anyway(entry::Payment& payment) const;
    [[nodiscard]] entry::Reason taken_although(const entry::SealedPan& card) const;
    [[nodiscard]] tl::expected<Id128, entry::Reason> card_on_us(const PaymentRequest& request, const entry::SealedPan* sealed) const;
    [[nodiscard]] bool too_old(const PaymentRequest& request, std::uint64_t now_ns) const;
    [[nodiscard]] ResponseCode check_uploaded(entry::Completed& sale, const PaymentRequest& request, const entry::Uploaded& e);
    [[nodiscard]] ResponseCode accept_upload(const PaymentRequest& request, const entry::SealedPan* sealed, entry::Uploaded& e);
    bool expire_holds(std::uint64_t now_ns);
    void forget_settled(std::uint64_t now_ns);
    [[nodiscard]] entry::Reason check_amount(const Amount& amount) const;
    [[nodiscard]] entry::Reason check_order(entry::Payment& payment, const wallet::SignedOrder& order, const MerchantId& merchant);
    [[nodiscard]] entry::Reason check_ledger(const entry::Payment& payment, bool hold) const;
    [[nodiscard]] WalletAnswer balance_of(const Hash160& address, ResponseCode code, std::string why) const;
    [[nodiscard]] WalletAnswer register_wallet(const wallet::WalletQuery& query);
    [[nodiscard]] std::optional<entry::Payment> payment_at(std::uint64_t seq) const;
    Decided give_up_forward(std::uint64_t payment, std::uint64_t now_ns);
    [[nodiscard]] entry::Salt new_salt();
    [[nodiscard]] AuthCode new_auth_code();

    State& m_state;
    Policy m_policy;
    routing::Routing m_routing;
    std::uint64_t m_routing_generation = 0;
    Random& m_random;
    PaymentSource m_journal;
    std::set<std::uint16_t> m_links_up, m_links_busy;
    std::uint64_t m_forget_through = 0;  // the last window that is settled and old enough
    std::map<std::uint64_t, std::uint64_t> m_waiting_since_ns;  // forwarded payments; earlier than they say after a step back
    std::vector<PendingEntry> m_entries;
    Quota<TerminalId> m_idle_of_terminals{kIdleEntriesOfTerminal};
    Quota<Hash160> m_idle_of_wallets{kIdleEntriesOfWallet};
    Quota<entry::CardToken> m_unpaid_of_cards{kUnpaidSalesOfCard};
    Quota<TerminalId> m_unpaid_of_terminals{kUnpaidSalesOfTerminal};
};

}  // namespace giro::switching
