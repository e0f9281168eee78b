// What a run of terminals is to do, and the arithmetic of it: how many, how fast, which payment comes when. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "vault/terminal_keys.hpp"

namespace giro::pos {

enum class Job : std::uint8_t {
    card,      // a card of this box, with money
    link,      // a card whose bank keeps it on its own host
    qr,        // a wallet's consumer-presented code
    reversal,  // a card payment that is reversed once it is approved
    decline,   // a card without money
    advice,    // as reversal, but by an advice (0420)
    offline,   // a card sale that the terminal approved by itself and tells of (0220)
};
inline constexpr std::size_t kJobs = 7;
inline constexpr std::array<std::string_view, kJobs> kJobNames{"card", "link", "qr", "reversal", "decline", "advice", "offline"};

// Shares in per cent, by Job; they add up to 100.
struct Mix {
    std::array<unsigned, kJobs> percent{100, 0, 0, 0, 0, 0, 0};
    [[nodiscard]] bool has(Job job) const noexcept { return percent[static_cast<std::size_t>(job)] != 0; }
    // The job of payment n = 0, 1, …: spread evenly, and each hundred from a multiple of 100 holds the shares exactly.
    [[nodiscard]] Job of(std::uint64_t n) const noexcept;
};
// "card=70,qr=10,reversal=10,decline=10"; a kind that is not named has no share.
[[nodiscard]] Result<Mix> parse_mix(const std::string& text);

// Through which port of the box, and how its messages are written; what is left empty is as configured.
struct Speech {
    std::string port;     // the name of a [[port]]; empty: the gate's own
    bool tls = false;     // of the gate's own ports the one with TLS; a [[port]] says itself
    std::string dialect;  // a file's name in etc/dialects
    std::string framing;  // net::parse_framing
};

// What goes wrong on purpose. Shares are per cent of the payments, and fall together as chance would have it.
struct Bad {
    unsigned wrong_mac = 0;      // a spoilt MAC: no answer that counts, so the terminal reverses
    unsigned duplicate = 0;      // once more, byte for byte, after the answer
    unsigned wrong_chip = 0;    // of those by chip: a cryptogram that the card did not make, 82
    unsigned wrong_pin = 0;      // of those with a PIN: a digit of it is another; the third of a card in a row locks it
    unsigned late_reversal = 0;  // approved, and taken back late_ms later
    std::uint64_t late_ms = 2'000;
    // Connections beside the terminals':
    std::uint32_t silent = 0;       // connect and never say a word
    std::uint32_t cut_frames = 0;   // send half a message and hang up, again and again
    std::uint32_t keep_alives = 0;  // send nothing but keep-alives,
    std::uint32_t keep_alives_per_second = 1'000;  // each so many
    // Is payment n one of that share? `salt` keeps the shares apart.
    [[nodiscard]] static bool strikes(unsigned percent, std::uint64_t n, std::uint64_t salt) noexcept;
};

inline constexpr std::uint32_t kConnectionsBadMax = 1'000;  // of each kind
inline constexpr std::uint64_t kPausesMsMax = 600'000;      // think_ms, late_ms
inline constexpr double kRateMax = 1e6;
inline constexpr std::uint64_t kCountMax = 1'000'000'000;
inline constexpr std::uint64_t kSecondsMax = 86'400;
inline constexpr std::uint64_t kAmountDigitsMax = 999'999'999'999;  // DE4, n 12
inline constexpr std::uint64_t kTimeoutMinMs = 100, kTimeoutMaxMs = 600'000;

struct Scenario {
    Speech speech;
    std::string connect;                  // address:port in place of the port's; empty: the port's
    config::Address address;
    std::uint32_t terminals = 1;
    std::uint32_t first_terminal = 1;     // T0000001
    bool dukpt = false;                   // D0000001: a new key for each message
    double rate = 0;                      // payments a second in all; 0: closed loop, each terminal as fast as it can
    std::uint64_t count = 0;              // payments; 0: as many as `seconds` hold
    std::uint64_t seconds = 0;
    std::uint64_t think_ms = 0;           // closed loop: a terminal's pause after each payment
    std::uint64_t timeout_ms = 15'000;
    MinorUnits amount = 100;              // the least,
    MinorUnits amount_max = 0;            // and the most, evenly between; 0: always `amount`
    std::optional<vault::MacKind> mac;    // of the terminals; else as the configuration says for each
    Mix mix;
    std::vector<std::string> bins;        // of cards of this box
    std::uint32_t cards = 199;            // per BIN
    unsigned pins = 0;                    // per cent of the payments by card for which its PIN is typed
    vault::PinKeyKind pin_block = vault::PinKeyKind::aes;  // of terminals with session keys
    unsigned emv = 0;                     // per cent of the payments by card of this box that its chip is read for
    std::string link_bin;
    std::vector<std::string> wallets;     // names; each pays one at a time, for its counter must arrive in order
    Bad bad;
    bool echo = false;                    // echo tests in place of payments
    std::string trace_file;
};

// The amount of payment n.
[[nodiscard]] MinorUnits amount_of(const Scenario& scenario, std::uint64_t n) noexcept;
// When payment n of an open loop is meant to leave, nanoseconds after the start. A late one keeps its time, so that
// the wait counts in its latency (no coordinated omission).
[[nodiscard]] std::uint64_t meant_after_ns(std::uint64_t n, double rate) noexcept;
// How many payments an open loop of `seconds` holds.
[[nodiscard]] std::uint64_t payments_in(std::uint64_t seconds, double rate) noexcept;

// "a,b,c" without empty parts.
[[nodiscard]] std::vector<std::string> split_list(const std::string& text);
// "127.0.0.1:7801" or "[::1]:7801".
[[nodiscard]] Result<config::Address> parse_address(const std::string& text);

}  // namespace giro::pos
