// What a run of terminals is to do, and the arithmetic of it: how many, how fast, which payment comes when. Pure.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace giro::pos {

enum class Job : std::uint8_t {
    card,      // a card of this box, with money
    link,      // a card whose bank keeps it on its own host
    qr,        // a wallet's consumer-presented code
    reversal,  // a card payment that is reversed once it is approved
    decline,   // a card without money
};
inline constexpr std::size_t kJobs = 5;

// Shares in per cent, by Job; they add up to 100.
struct Mix {
    std::array<unsigned, kJobs> percent{100, 0, 0, 0, 0};
    [[nodiscard]] bool has(Job job) const noexcept { return percent[static_cast<std::size_t>(job)] != 0; }
    // The job of payment n = 0, 1, …: spread evenly, and each hundred from a multiple of 100 holds the shares exactly.
    [[nodiscard]] Job of(std::uint64_t n) const noexcept;
};
// "card=70,qr=10,reversal=10,decline=10"; a kind that is not named has no share.
[[nodiscard]] Result<Mix> parse_mix(const std::string& text);

struct Scenario {
    config::Address address;
    std::uint32_t terminals = 1;
    std::uint32_t first_terminal = 1;     // T0000001
    bool dukpt = false;                   // D0000001: a new key for each message
    double rate = 0;                      // payments a second in all; 0: closed loop, each terminal as fast as it can
    std::uint64_t count = 0;              // payments; 0: as many as `seconds` hold
    std::uint64_t seconds = 0;
    std::uint64_t timeout_ms = 15'000;
    MinorUnits amount = 100;
    Mix mix;
    std::vector<std::string> bins;        // of cards of this box
    std::uint32_t cards = 0;              // per BIN
    std::string link_bin;
    std::vector<std::string> wallets;     // names; each pays one at a time, for its counter must arrive in order
    bool duplicate = false;               // each payment once more, byte for byte
    bool bad_mac = false;
    bool echo = false;                    // echo tests in place of payments
    std::string trace_file;
};

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
