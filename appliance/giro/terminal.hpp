// One POS terminal as a state machine: signs on, exchanges keys, then has at most one request under way. Bytes, time and
// connection changes come in; frames and outcomes go out through two interfaces. No socket, no clock: tests and the
// simulator drive it by hand.
//
//   state        answered well             time-out, or the answer cannot be believed
//   signing_on   -> exchanging             asks anew (new STAN)
//   exchanging   -> ready                  asks anew (new STAN)
//   ready        takes a sale, an echo, a notice, a repeat, a reversal or a reconciliation -> waiting
//   waiting      -> ready                  sale: -> waiting for the reversal of it; others: as below
// A request that is answered 79 (its session key has expired): waiting -> exchanging -> waiting, under the new key.
// A DUKPT terminal has a new key for each message and exchanges none: signing_on -> ready.
// A reversal or a reconciliation is repeated (0401, 0421, 0501) until it is answered; a repeat, an echo or a notice is
// given up.
// When the connection is back, what was under way goes out again unchanged: same STAN, same RRN, same MAC.
//
// What is believed: an answer with a good MAC. Without one, only the refusals that a box gives before it has keys or a
// message (58, 30, 12). Everything else counts as no answer, for whoever sits on the wire could have made it up.
#pragma once

#include <optional>
#include <string>

#include "appliance/giro/terminal_message.hpp"

namespace giro::pos {

class Terminal;

// notice: 0800 that signs on or off or cuts over.
enum class Kind : std::uint8_t { network, echo, sale, repeat, reversal, notice, reconciliation };

// What became of a request.
struct Outcome {
    Kind kind = Kind::sale;
    bool answered = false;        // false: timed out, or refused without a MAC (a sale: its reversal goes out now)
    ResponseCode unproven;        // the refusal without a MAC that came instead of an answer; anybody can say it
    bool forced = false;          // a reversal that the terminal made because its sale was not answered
    ResponseCode code;            // empty when not answered
    AuthCode auth_code;           // of an approved sale
    std::uint32_t stan = 0;       // of the request; a reversal's own
    std::optional<Claim> totals;  // of a reconciliation: what the box counted
    Buffer chip{};                // DE55 of the answer
    std::uint64_t latency_ns = 0; // since the moment it was meant to be sent
    [[nodiscard]] bool approved() const noexcept { return code.view() == "00"; }
};

// Where a terminal's frames go.
class Wire {
  public:
    virtual ~Wire() = default;
    // The frame, length and all; lost without a word when there is no connection.
    virtual void send(Bytes frame) = 0;
};

// Who is told.
class Observer {
  public:
    virtual ~Observer() = default;
    virtual void ready(Terminal& terminal) = 0;  // signed on, keys exchanged; once
    virtual void done(Terminal& terminal, const Outcome& outcome) = 0;
    virtual void failed(Terminal& terminal, const std::string& why) = 0;  // can never work; one line for a person
    // Answers that were not believed; unproven: a refusal without a MAC, which decides nothing.
    enum class Oddity { mac_failure, mismatch, late, malformed, unproven };
    virtual void odd(Terminal& terminal, Oddity oddity) = 0;
};

// A new key for each message: DUKPT's.
class MessageKeys {
  public:
    virtual ~MessageKeys() = default;
    [[nodiscard]] virtual MacKey next() = 0;
    // A card's PIN under the PIN key of the message that next() was called for last: 16 bytes of format 4; empty: there is no
    // such key.
    [[nodiscard]] virtual Buffer pin_block(std::string_view, const Pan&, Random&) { return {}; }
};

// What a terminal proves itself with: its master key (32 bytes), by which it exchanges session keys, or DUKPT keys.
struct Keys {
    Keys(Secret master_key) : tmk(std::move(master_key)) {}
    Keys(std::unique_ptr<MessageKeys> each) : dukpt(std::move(each)) {}
    Secret tmk;
    std::unique_ptr<MessageKeys> dukpt;
};

// What the terminals of a thread share.
struct Shared {
    explicit Shared(const iso8583::Dialect& dialect, Random& source) : builder(dialect), reader(dialect), rrns(source), random(source) {}
    MessageBuilder builder;
    AnswerReader reader;
    RrnMaker rrns;
    Random& random;
};

// The two clocks at one event: giro::Clock's monotonic_ns and wall_ns.
struct Now {
    std::uint64_t monotonic_ns = 0;
    std::uint64_t wall_ns = 0;
};

class Terminal {
  public:
    enum class State : std::uint8_t { signing_on, exchanging, ready, waiting, failed };

    // `timeout_ns`: how long an answer may take.
    Terminal(Identity identity, Keys keys, std::uint64_t timeout_ns, Shared& shared, Wire& wire, Observer& observer);

    // Before the first message: STANs (DE11) go on after this one, 0 to 999999, as a terminal's do that was switched off.
    void continue_from(std::uint32_t stan) noexcept { m_stan = stan; }
    void connected(Now now);
    void disconnected() noexcept { m_connected = false; }
    void received(Bytes message, Now now);  // without its length; hostile
    void tick(Now now);                     // at least a few times per timeout

    // Each needs ready() (ASSERTed). `meant_ns`: monotonic, when a perfect load generator would have sent it.
    // The new sale's STAN and RRN are in last_sale() afterwards.
    // `pin`: as typed; sent under the PIN key of the message (DUKPT) or of the session.
    void sell(Pan pan, std::string qr, MinorUnits amount, bool spoil_mac, std::uint64_t meant_ns, Now now, std::string pin = {},
              CardData card = {});
    void echo(std::uint64_t meant_ns, Now now);
    // 0220 of a sale that the terminal approved by itself: told again (0221) until it is answered.
    void sell_offline(Pan pan, MinorUnits amount, bool spoil_mac, std::uint64_t meant_ns, Now now, CardData card = {});
    // 0100, 0100 that names `authorised`, and 0220: as sell(). A raise or a completion that is not answered is repeated
    // (0101, 0221) until it is; an authorisation is reversed.
    void authorise(Pan pan, MinorUnits amount, Now now, std::string pin = {}, CardData card = {});
    void raise(const Sale& authorised, MinorUnits amount, Now now);
    void complete(const Sale& authorised, MinorUnits amount, Now now);
    // The last sale once more: its frame byte for byte, or as the repeat that it is (0201). There must be one. A DUKPT
    // terminal repeats under the same KSN while that is its last one.
    void repeat_sale(Now now, bool as_repeat = false);
    void reverse(const Sale& sale, Now now, ReversalForm form = {});

    // 0800 with DE70 002, 001 and 201, given up like an echo when not answered; and 0500, repeated (0501) until it is.
    void notify(NetworkCode code, Now now);
    void reconcile(const Claim& claim, Now now);

    // Of the last answer that was not believed because it had no MAC, or a wrong one (empty).
    [[nodiscard]] const ResponseCode& code_without_mac() const noexcept { return m_code_without_mac; }

    [[nodiscard]] bool ready() const noexcept { return m_state == State::ready; }
    [[nodiscard]] State state() const noexcept { return m_state; }
    [[nodiscard]] bool busy() const noexcept { return m_state == State::waiting; }
    [[nodiscard]] const Identity& identity() const noexcept { return m_identity; }
    [[nodiscard]] const Sale& last_sale() const noexcept { return m_sale; }
    [[nodiscard]] const Sale& last_reversed() const noexcept { return m_reversed; }  // the original of the last reversal

  private:
    struct UnderWay {
        Kind kind = Kind::network;
        bool forced = false;
        std::uint32_t stan = 0;
        std::uint64_t meant_ns = 0;
        std::uint64_t sent_ns = 0;
        std::uint64_t again_ns = 0;  // when it is said again, refused for want of time; 0: it waits for its answer
        std::uint64_t pause_ns = 0;  // the pause before that
    };

    void ask_network(NetworkCode code, Kind kind, std::uint64_t meant_ns, Now now);
    void start_sale(Sale sale, bool spoil_mac, std::uint64_t meant_ns, Now now);
    void follow(const Sale& authorised, Form form, MinorUnits amount, Now now);
    void repeat_request(Now now);
    [[nodiscard]] bool says_again_later(const ResponseCode& code, Now now);
    [[nodiscard]] bool is_told_until_heard() const noexcept;
    void start(MessageBuilder::Built built, UnderWay request, Now now);
    void start_reversal(const Sale& sale, bool forced, Now now, ReversalForm form);
    void finish(const Answer& answer, Now now);
    void network_answered(const Answer& answer, Now now);
    void exchange_first(Now now);
    void take_new_key(const Answer& answer, Now now);
    [[nodiscard]] Buffer pin_block();
    [[nodiscard]] bool believable(const Answer& answer, Bytes message);
    void timed_out(Now now);
    void refused_without_mac(const ResponseCode& code, Now now);
    void end_undecided(Outcome outcome, Now now);
    void fail(std::string why);
    std::uint32_t next_stan() noexcept;

    [[nodiscard]] MessageBuilder::Built build_sale(MacKey& key, bool repeat);
    MacKey& key_of_new_message(bool network);
    void signed_on();

    Identity m_identity;
    Keys m_keys;
    std::uint64_t m_timeout_ns;
    Shared& m_shared;
    Wire& m_wire;
    Observer& m_observer;
    MacKey m_base_key;
    MacKey m_session_key;
    Secret m_pin_key;  // of the session; empty: none, or DUKPT
    State m_state = State::signing_on;
    bool m_connected = false;
    std::uint32_t m_stan = 0;
    std::uint64_t m_ask_again_ns = 0;  // 0800 refused for now
    std::uint32_t m_behind = 0;        // key exchanges refused with 94
    UnderWay m_request;
    std::optional<UnderWay> m_held;  // what was under way when the box asked for a key exchange first
    Frame m_frame;       // of m_request
    Frame m_sale_frame;  // of m_sale
    payment::Ksn m_sale_ksn;
    Sale m_sale;
    ResponseCode m_code_without_mac;
    Sale m_reversed;     // the original of the reversal under way,
    ReversalForm m_form; // how that is said,
    Stamp m_form_stamp;  // and when it was first; so too for the reconciliation under way:
    Claim m_claim;
    Rrn m_claim_rrn;
};

}  // namespace giro::pos
