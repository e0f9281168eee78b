// A bank's host that keeps its own cards, as a deterministic core: a message in, an answer out. `giro host` runs it.
// The rule, by the last two digits of the amount in minor units: 05 and 51 decline with that code, 91 never answers,
// anything else is approved. A repeat gets the same answer, an 0400 gets 00
// (in part too), an 0800 gets 00 (without a MAC, if it had none); with DE70 161 it says the session key to come. A purchase that comes
// after its own reversal is declined (21), one with a wrong PIN too (55): the right
// one follows from the card by rule (demo.hpp). The other side is believed by its MAC: without a good one 63, and no effect.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "appliance/giro/terminal_message.hpp"
#include "giro/request.hpp"

namespace giro::host {

struct Options {
    bool approve_all = false;  // the rule off
    bool silent = false;       // takes and remembers everything, answers nothing
    Secret zone_key{};         // PINs come under it; empty: none is looked at
    Secret tmk{};              // the link's master key, for session keys; empty: an exchange of keys is refused (12)
    vault::MacKind mac = vault::MacKind::aes_cmac;
};

// What was seen and said. RRN, STAN and the rest as in the message; a reversal's `original_stan` from its DE90.
struct Seen {
    std::string mti;  // "0200" or "0400"
    TerminalId terminal;
    AcquirerId acquirer;
    std::uint32_t stan = 0;
    Rrn rrn;
    FixedText<6> local_time;
    FixedText<4> local_date;
    MinorUnits amount = 0;
    std::string pan;  // masked
    ResponseCode code;
    AuthCode auth_code;
    std::uint32_t original_stan = 0;
    MinorUnits stands = 0;  // 0400: what is to stand of its purchase
    MessageReason why = MessageReason::none;  // 0400: DE25 of a later edition
    bool known = false;     // 0400: its purchase had been seen
    bool repeat = false;    // seen before: same answer
    bool answered = false;  // false by rule 91 or when silent
    std::string pin{};      // 0200: good, wrong, or unreadable; empty: it had none
};

class Issuer {
  public:
    Issuer(const Issuer&) = delete;
    Issuer& operator=(const Issuer&) = delete;
    // `key`: the link's base key.
    Issuer(const iso8583::Dialect& dialect, pos::MacKey key, Options options)
        : m_dialect(dialect), m_key(std::move(key)), m_options(std::move(options)) {}

    struct Answered {
        bool understood = false;   // false: drop the connection
        std::optional<Seen> seen;  // of 0200 and 0400 with a good MAC
        Buffer frame;              // with its length; empty: no answer
    };
    [[nodiscard]] Answered handle(Bytes message);

    // What an earlier run saw: so that its repeats get the same answer too.
    void remember(const Seen& seen);

    struct Totals {
        std::uint64_t purchases = 0, approved = 0, declined = 0, reversals = 0, repeats = 0, unanswered = 0, bad_macs = 0;
    };
    [[nodiscard]] const Totals& totals() const noexcept { return m_totals; }

    // The rule alone: DE39, or empty for no answer.
    [[nodiscard]] static std::string_view rule(MinorUnits amount, bool approve_all) noexcept;

  private:
    struct Decision {
        ResponseCode code;  // empty: never answered
        AuthCode auth_code;
    };
    // What makes a purchase one and the same: acquirer, terminal, STAN, RRN, local date and time.
    [[nodiscard]] static std::string key_of(const Seen& seen, std::uint32_t stan);
    [[nodiscard]] Seen read(std::string_view mti) const;
    [[nodiscard]] std::string look_at_pin() const;
    [[nodiscard]] Decision decide(Seen& seen);
    [[nodiscard]] Buffer answer(std::string_view code, const AuthCode& auth_code, bool with_mac = true);
    [[nodiscard]] bool mac_good(Bytes message);
    [[nodiscard]] std::string_view exchange_keys();
    [[nodiscard]] bool is_later_exchange() const;

    const iso8583::Dialect& m_dialect;
    pos::MacKey m_key;
    // The session keys that the box may be using: the one it used last, and those that it told since. None: the base key.
    std::deque<pos::MacKey> m_sessions;
    FixedText<10> m_exchanged_at;  // DE7 of the last exchange, and its STAN: an older one is a recorded one
    std::uint32_t m_exchange_stan = 0;
    std::string m_told_kcv;        // what an answer to an exchange that was taken repeats
    pos::MacKey* m_used = &m_key;  // by the message that is looked at, and its answer
    Options m_options;
    iso8583::Message m_in;
    PaymentRequest m_request;  // m_in in the terms of 1987
    Buffer m_scratch;
    iso8583::Message m_out;
    std::map<std::string, Decision> m_decisions;
    std::map<std::string, MinorUnits> m_reversed;  // key of purchase -> the least that a reversal left to stand
    Totals m_totals;
};

// One line of --state: {"mti":"0200","terminal":…}. from_json: nothing for a line of another form.
[[nodiscard]] std::string to_json(const Seen& seen);
[[nodiscard]] std::optional<Seen> from_json(std::string_view line);

}  // namespace giro::host
