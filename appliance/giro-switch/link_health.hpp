// Whether an issuer's host answers: sign-on, echoes, and what goes unanswered; and how many payments wait for it. A state
// machine without vault, socket or clock; giro-switch alone.
//
//   state       what happens                                      -> state
//   no_line     the gate has a connection to the host             -> signing_on; up where `sign_on` is false
//   signing_on  the host's 0810 to our sign-on says 00            -> up
//               it says something else, or nothing for kAskAgain_ns  -> asked anew
//   up          down_after echoes with nothing heard since, or    -> failing
//               payments without an answer, in a row
//   failing     up_after echoes or payments answered              -> up
//   any of these  the host signs off (0800, DE70 002)             -> signed_off
//   signed_off, signing_on  the host signs on (0800, DE70 001)    -> up
//   up, failing, and signing_on once it was asked  staff takes the link down, or the box ends -> signing_off
//   signing_off no payment waits for the host any more, and it has answered our sign-off, or not in kSignOffWait_ns -> taken_down
//   others      staff takes the link down, or the box ends        -> taken_down
//   signing_off, taken_down  staff brings it up again             -> no_line or signing_on; a host's own sign-on is refused (91)
//   any         the last connection is gone                       -> no_line
//
// An echo goes out after echo_ms without a word from the host; after echo_timeout_ms while a payment waits for it or it is
// failing. So a dead host is known (1 + down_after) * echo_timeout_ms after the first payment that it leaves unanswered, and
// a slow one is not taken for dead while it says anything at all. Without echoes (echo_ms = 0) there is no failing.
//
// Not in the journal: after a restart each host is signed on to anew, but for those that staff has taken down (State::links_down()). Hostile: the host, with its own link, and whoever sits
// on the line without its keys: only what has a good MAC comes here.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "config/config.hpp"
#include "giro/request.hpp"

namespace giro::appliance {

class LinkHealth {
  public:
    enum class State : std::uint8_t { no_line, signing_on, failing, signed_off, signing_off, taken_down, up };
    static constexpr std::uint64_t kAskAgain_ns = 5'000'000'000;
    static constexpr std::uint64_t kAskPause_ns = 1'000'000'000;  // a line that comes and goes is signed on to no oftener
    static constexpr std::uint64_t kSignOffWait_ns = 2'000'000'000;

    explicit LinkHealth(const config::Config& config);  // which outlives it

    // --- what happens; times are monotonic ---
    void connected(std::uint16_t link, std::uint16_t connections, std::uint64_t now_ns);
    // A payment went out to the host; its answer came in time; nothing did; or nobody waits for it any more.
    void sent(std::uint16_t link, std::uint64_t payment, std::uint64_t now_ns);
    void answered(std::uint64_t payment, std::uint64_t now_ns);
    void unanswered(std::uint64_t payment, std::uint64_t now_ns);
    void given_up(std::uint64_t payment);
    // Whatever way it ended, what `waits` says no of waits no more. To be asked about now and then.
    void keep(const std::function<bool(std::uint64_t payment)>& waits);
    // Staff takes the link down, or the box ends; and the other way round.
    void take_down(std::uint16_t link, std::uint64_t now_ns);
    void bring_up(std::uint16_t link, std::uint64_t now_ns);
    // Any message of the host with a good MAC.
    void heard(std::uint16_t link, std::uint64_t now_ns);
    // A host's own 0800: the code of the answer. What is served: sign-on, sign-off, cut-over, echo.
    [[nodiscard]] ResponseCode asked(const PaymentRequest& request, std::uint64_t now_ns);
    // An 0810 that is not of an exchange of keys: true when it answers our last question, whatever it says.
    bool network_answered(const PaymentRequest& answer, std::uint64_t now_ns);

    // --- what is to be done ---
    struct Question {
        std::uint16_t code = 0;  // DE70: kSignOn, kSignOff or kEcho; 0: none
        std::uint32_t stan = 0;  // 1 to 999999
        FixedText<10> transmission{};
    };
    // Echoes that are overdue count as unanswered. The code of the 0800 that has to go to the host now, if any: asking() must
    // follow, or it is due again at once. `owed_under_way`: advices and reversals that wait for their answer; a sign-off waits for
    // these a moment (kSignOffWait_ns).
    [[nodiscard]] std::optional<std::uint16_t> due(std::uint16_t link, std::uint64_t now_ns, std::size_t owed_under_way = 0);
    const Question& asking(std::uint16_t link, std::uint16_t code, const FixedText<10>& transmission, std::uint64_t now_ns);

    [[nodiscard]] State state(std::uint16_t link) const;
    // The host takes messages: keys may be agreed on with it.
    [[nodiscard]] bool signed_on(std::uint16_t link) const;
    [[nodiscard]] bool up(std::uint16_t link) const { return state(link) == State::up; }
    // in_flight_max payments wait for it.
    [[nodiscard]] bool busy(std::uint16_t link) const;

    struct Figures {  // for giro status
        State state = State::no_line;
        std::uint16_t connections = 0;
        std::uint32_t in_flight = 0;
        std::uint64_t since_ns = 0;       // of the state
        std::uint64_t heard_ns = 0;       // the last word with a good MAC; 0: none yet
        std::uint64_t echo_ns = 0;        // how long the last echo took; 0: none was answered yet
        std::uint64_t sign_ons = 0, echoes = 0, echoes_missed = 0, unanswered = 0, failures = 0, cut_overs = 0;
        ResponseCode refused{};           // the host's last refusal of a sign-on
    };
    [[nodiscard]] Figures figures(std::uint16_t link) const;

  private:
    struct Link {
        const config::Link* settings = nullptr;
        Figures figures;
        Question question;
        bool held = false;           // taken down
        std::uint64_t asked_ns = 0;  // last; 0: never
        std::uint64_t waited_ns = 0; // since when any payment waits
        bool echo_pending = false;
        unsigned echoes_missed = 0, payments_missed = 0;  // in a row
        unsigned good = 0;                                // in a row, while failing
    };
    struct Sent {
        std::uint16_t link = 0;
        std::uint64_t at_ns = 0;
    };
    [[nodiscard]] const Link* find(std::uint16_t link) const;
    [[nodiscard]] Link* find(std::uint16_t link);
    [[nodiscard]] static bool counts(const Link& link);
    static void set(Link& link, State state, std::uint64_t now_ns);
    static void line_made(Link& link, std::uint64_t now_ns);
    [[nodiscard]] static std::optional<std::uint16_t> due_sign_off(Link& link, std::uint64_t now_ns, std::size_t owed_under_way);
    static void good(Link& link, std::uint64_t now_ns);
    static void bad(Link& link, unsigned in_a_row, std::uint64_t now_ns);
    std::optional<Sent> settle(std::uint64_t payment);

    std::map<std::uint16_t, Link> m_links;
    std::map<std::uint64_t, Sent> m_sent;  // payment seq
    std::uint32_t m_stan = 0;
};

[[nodiscard]] std::string_view to_string(LinkHealth::State state) noexcept;

}  // namespace giro::appliance
