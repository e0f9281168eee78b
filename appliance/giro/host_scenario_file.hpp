// A scenario in a file: what the bank of `giro host --scenario FILE` answers, when, and what goes wrong on purpose.
// firmware-config/scenarios/host-*.toml has some to begin from. The file is the operator's: read whole or refused.
//
//   seed        a number: the same seed makes the same choices
//   [[rule]]    message amount cents card merchant terminal percent code; the first that fits decides, else 00
//   [delay]     shape = "fixed" ms | "uniform" least_ms most_ms | "exponential" mean_ms | "lognormal" median_ms p99_ms; most_ms
//   [silence]   percent; spans_s = [[from, until], …], repeat_s
//   [bad]       half wrong_mac duplicate late: per cent of answers; late_ms disconnect_every disconnect_each_s
//   [network]   sign_on sign_off echo cut_over key_exchange: DE39, or "silent"
#pragma once

#include <filesystem>

#include "appliance/giro/host_scenario.hpp"
#include "giro/result.hpp"

namespace giro::host {

inline constexpr std::size_t kRulesMax = 1'000;
inline constexpr std::size_t kSpansMax = 1'000;
inline constexpr std::uint64_t kPauseMsMax = 600'000;  // delays, late_ms
inline constexpr std::uint64_t kDaySeconds = 86'400;

// What the file does not say is as in Scenario; no rule: everything is approved. Failure::config is one line, file:line: what is
// wrong.
[[nodiscard]] Result<Scenario> load_scenario(const std::filesystem::path& file);

}  // namespace giro::host
