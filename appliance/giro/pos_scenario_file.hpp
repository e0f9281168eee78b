// A scenario in a file: what the terminals of `giro pos load --scenario FILE` do, how fast, and what goes wrong on
// purpose. firmware-config/scenarios has some to begin from. The file is the operator's: read whole or refused.
//
//   [terminals] count first port tls connect dialect framing mac dukpt timeout_ms
//   [load]      rate | think_ms, count, seconds, amount (a number, or [least, most])
//   [mix]       card link qr reversal decline advice offline: per cent, 100 in all
//   [cards]     bins per_bin link_bin wallets
//   [bad]       wrong_mac duplicate late_reversal: per cent of payments; late_ms
//               silent cut_frames keep_alives: connections; keep_alives_per_second
#pragma once

#include <filesystem>

#include "appliance/giro/pos_scenario.hpp"

namespace giro::pos {

// What the file does not say is as in Scenario. Failure::config is one line, file:line: what is wrong.
[[nodiscard]] Result<Scenario> load_scenario(const std::filesystem::path& file);

}  // namespace giro::pos
