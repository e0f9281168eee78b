// What an issuer's host of `giro host` does: approve and decline by rule, answer late, badly, twice or not at all. Pure: every
// choice follows from the seed and from what is chosen for, so a run is the same again. Files: host_scenario_file.hpp.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "giro/request.hpp"

namespace giro::host {

// What a message asks for.
enum class Kind : std::uint8_t {
    payment,   // 0100, 0200
    advice,    // 0120, 0220: it was approved already
    reversal,  // 0400, 0420
};

// The first rule that fits decides; what it does not say fits everything. None fits: approved.
struct Rule {
    std::optional<Kind> kind;  // none: payments and advices; reversals only where a rule names them
    MinorUnits amount_min = 0, amount_max = kAmountMax;
    std::optional<unsigned> cents;       // the last two digits of the amount
    std::string pan_from, pan_to;        // the number's first digits, as many as stand here; empty: any card
    std::string merchant;                // DE42
    std::string terminal;                // DE41
    double percent = 100;                // so many of those that fit
    std::optional<ResponseCode> code{};  // DE39; none: it is never answered
};

// What the file says of the time between a message and its answer.
struct Delay {
    enum class Shape : std::uint8_t { fixed, uniform, exponential, lognormal } shape = Shape::fixed;
    double ms = 0;         // fixed: the delay; exponential: the mean; lognormal: the median; uniform: the least
    double p99_ms = 0;     // lognormal
    double most_ms = 600'000;  // uniform: the most; of the others what is longer is cut to it
};

// Takes and remembers, and does not answer.
struct Silence {
    struct Span {
        std::uint64_t from_s = 0, until_s = 0;
    };
    double percent = 0;            // of the messages that move money
    std::vector<Span> spans;       // since the start of the host, of every message
    std::uint64_t repeat_s = 0;    // the spans come again each so many seconds; 0: once
};

// What goes wrong with answers to messages that move money: per cent of them.
struct Bad {
    double half = 0;       // its first half, then the connection ends
    double wrong_mac = 0;
    double duplicate = 0;  // sent twice
    double late = 0;       // late_ms after it was due
    std::uint64_t late_ms = 10'000;
    std::uint64_t disconnect_every = 0;    // each so many messages the connection ends instead of an answer; 0: never
    std::uint64_t disconnect_each_s = 0;   // all connections, each so many seconds; 0: never
};

// DE39 of an 0810 by what the 0800 wants; none: it is not answered.
struct Network {
    std::optional<ResponseCode> sign_on{"00"}, sign_off{"00"}, echo{"00"}, cut_over{"00"}, key_exchange{"00"};
};

struct Scenario {
    std::uint64_t seed = 1;
    std::vector<Rule> rules;
    Delay delay;
    Silence silence;
    Bad bad;
    Network network;
};

// What a host does without a file, and firmware-config/scenarios/host-bank.toml says: the amount's last two digits 05 and 51
// decline with that code, 91 is never answered, the rest is approved.
[[nodiscard]] Scenario bank();

// Even in [0, 1): always the same for one seed, purpose and number.
enum class Purpose : std::uint64_t { rule = 1, delay, delay_turn, silence, half, wrong_mac, duplicate, late };
[[nodiscard]] double draw(std::uint64_t seed, Purpose purpose, std::uint64_t number) noexcept;

// What is known of a message when its rule is looked for. `number` makes the chance: of one payment always the same one.
struct Asked {
    Kind kind = Kind::payment;
    MinorUnits amount = 0;
    std::string_view pan, merchant, terminal;
    std::uint64_t number = 0;
};
// DE39, or none where it is never answered.
[[nodiscard]] std::optional<ResponseCode> decide(const Scenario& scenario, const Asked& asked) noexcept;

[[nodiscard]] std::uint64_t delay_ns(const Delay& delay, std::uint64_t seed, std::uint64_t number) noexcept;

// What becomes of the answer to message `number` = 0, 1, … of those that move money, at `since_start_ns`.
struct Conduct {
    bool silent = false;
    bool half = false;
    bool wrong_mac = false;
    bool hang_up = false;  // instead of an answer
    unsigned copies = 1;
    std::uint64_t delay_ns = 0;
};
[[nodiscard]] Conduct conduct_of(const Scenario& scenario, std::uint64_t number, std::uint64_t since_start_ns) noexcept;
// Whether one of the spans of silence is under way.
[[nodiscard]] bool is_silent_at(const Silence& silence, std::uint64_t since_start_ns) noexcept;

}  // namespace giro::host
