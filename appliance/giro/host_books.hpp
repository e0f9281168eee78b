// What the bank of `giro host` has decided and booked, and how it counts: a payment or its advice once, whatever is repeated;
// reversals in any order; advices in their order by terminal. Pure; the issuer (host_issuer.hpp) reads and writes messages.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "appliance/giro/host_scenario.hpp"

namespace giro::host {

// What was seen and said. RRN, STAN and the rest as in the message; a reversal's `original_stan` from its DE90.
struct Seen {
    std::string mti;  // "0200", as 1987 numbers it
    TerminalId terminal;
    AcquirerId acquirer;
    std::uint32_t stan = 0;
    Rrn rrn;
    FixedText<6> local_time;
    FixedText<4> local_date;
    MinorUnits amount = 0;
    Currency currency = 0;
    std::string pan;  // masked
    ResponseCode code;
    AuthCode auth_code;
    std::uint32_t original_stan = 0;
    MinorUnits stands = 0;  // reversal: what is to stand of its payment
    MessageReason why = MessageReason::none;  // reversal, advice: DE25 of a later edition
    bool known = false;     // reversal: its payment had been seen
    bool repeat = false;    // seen before: same answer
    bool in_order = true;   // advice: no later one of its terminal came before it
    bool answered = false;  // with a whole message and a good MAC
    std::string pin{};      // payment: good, wrong, or unreadable; empty: it had none
};

// By the MTI; none: not one that moves money.
[[nodiscard]] std::optional<Kind> kind_of(std::string_view mti) noexcept;

// One line of --state: {"mti":"0200","terminal":…}. from_json: nothing for a line of another form.
void append_json(std::string& out, const Seen& seen);
[[nodiscard]] std::string to_json(const Seen& seen);
[[nodiscard]] std::optional<Seen> from_json(std::string_view line);

// What a run has seen: messages once unless said otherwise.
struct Totals {
    std::uint64_t purchases = 0, approved = 0, declined = 0;            // 0100, 0200
    std::uint64_t advices = 0, advices_refused = 0, advices_late = 0;   // 0120, 0220; late: behind a later one of the terminal
    std::uint64_t reversals = 0;
    std::uint64_t repeats = 0;     // came again
    std::uint64_t duplicates = 0;  // of these: without saying so in the MTI
    std::uint64_t unanswered = 0, bad_macs = 0;
    std::map<std::string, std::map<std::string, std::uint64_t>> answers;  // MTI -> DE39 -> messages that came; "silent"
    std::map<Currency, MinorUnits> money;                                 // approved less reversed
    std::uint64_t terminals = 0;                                          // that advices came of
};
[[nodiscard]] std::string to_json(const Totals& totals);
// A few lines for people.
[[nodiscard]] std::string to_text(const Totals& totals);

class Books {
  public:
    explicit Books(const Scenario& scenario) : m_scenario(scenario) {}

    // Decides on what was seen, or finds what was decided; sets known, repeat, in_order, code and auth_code. An empty code is
    // never answered. `pan` clear, for the rules; `pin_bad`: declined with 55. 91, 96, 68 and 90 are no decision: who asks again
    // is decided then.
    void decide(Seen& seen, std::string_view pan, std::string_view merchant, bool pin_bad);
    // Once the answer's fate is known: counts.
    void count(const Seen& seen);
    // Takes up what an earlier run saw.
    void remember(const Seen& seen);
    [[nodiscard]] const Totals& totals() const noexcept { return m_totals; }
    [[nodiscard]] Totals& totals() noexcept { return m_totals; }

  private:
    struct Decision {
        ResponseCode code;  // empty: never answered
        AuthCode auth_code;
        MinorUnits amount = 0;  // that stands until reversed; 0 when declined
    };
    struct Moment {
        FixedText<4> date;
        FixedText<6> time;
        std::uint32_t stan = 0;
        [[nodiscard]] bool is_before(const Moment& other) const noexcept;
    };
    // What makes a payment one and the same: acquirer, terminal, STAN, RRN, local date and time; SHA-256 of these.
    using Key = Hash256;
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept;
    };
    template <typename Value>
    using ByKey = std::unordered_map<Key, Value, KeyHash>;
    [[nodiscard]] static Key key_of(const Seen& seen, std::uint32_t stan);
    void decide_reversal(Seen& seen);
    void book(const Key& key, const Seen& seen);
    void take_back(const Key& key, const Seen& seen);
    void note_order(Seen& seen);
    [[nodiscard]] std::optional<ResponseCode> by_rule(const Seen& seen, std::string_view pan, std::string_view merchant,
                                                      const Key& key);

    const Scenario& m_scenario;
    ByKey<Decision> m_decisions;
    ByKey<MinorUnits> m_reversed;    // the least that a reversal left to stand of the payment
    ByKey<std::uint64_t> m_put_off;  // how often it was answered with no decision
    std::map<TerminalId, Moment> m_last_advice;
    Totals m_totals;
};

}  // namespace giro::host
