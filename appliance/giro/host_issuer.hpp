// A bank's host that keeps its own cards, as a deterministic core: a message in, an answer out. `giro host` runs it.
// What it decides, and what becomes of its answers, a scenario says (host_scenario.hpp). A repeat gets the same answer; a
// reversal 00, in part too; an advice is decided as a payment is; an 0800 is answered without a MAC if it had none; with DE70
// 161 it says the session key to come. A payment that comes after its own reversal is declined (21), one with a wrong PIN too
// (55): the right one follows from the card by rule (demo.hpp). The other side is believed by its MAC: without a good one 63, and
// no effect.
#pragma once

#include <deque>

#include "appliance/giro/host_books.hpp"
#include "appliance/giro/terminal_message.hpp"
#include "giro/request.hpp"

namespace giro::host {

struct Options {
    Scenario scenario = bank();
    Secret zone_key{};         // PINs come under it; empty: none is looked at
    Secret tmk{};              // the link's master key, for session keys; empty: an exchange of keys is refused (12)
    vault::MacKind mac = vault::MacKind::aes_cmac;
};

class Issuer {
  public:
    Issuer(const Issuer&) = delete;
    Issuer& operator=(const Issuer&) = delete;
    // `key`: the link's base key.
    Issuer(const iso8583::Dialect& dialect, pos::MacKey key, Options options)
        : m_dialect(dialect), m_key(std::move(key)), m_options(std::move(options)), m_books(m_options.scenario) {}

    struct Answered {
        bool understood = false;   // false: drop the connection
        std::optional<Seen> seen;  // of what moves money and has a good MAC
        Buffer frame;              // with its length; empty: no answer
        // What else the scenario wants of it: send `frame` so many times, so late, or half; or hang up.
        Conduct conduct;
    };
    // `since_start_ns`: of this host, for what the scenario says by time.
    [[nodiscard]] Answered handle(Bytes message, std::uint64_t since_start_ns = 0);

    // What an earlier run saw: so that its repeats get the same answer too.
    void remember(const Seen& seen) { m_books.remember(seen); }
    [[nodiscard]] const Totals& totals() const noexcept { return m_books.totals(); }

  private:
    [[nodiscard]] Seen read(std::string_view mti) const;
    [[nodiscard]] std::string look_at_pin() const;
    void answer_network(Answered& out, bool has_mac);
    void answer_money(Answered& out, std::string_view mti);
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
    Books m_books;
    std::uint64_t m_moving = 0;  // messages that move money, so far
    iso8583::Message m_in;
    PaymentRequest m_request;  // m_in in the terms of 1987
    Buffer m_scratch, m_packed;  // m_packed: room for the longest answer
    iso8583::Message m_out;
};

}  // namespace giro::host
