// What the terminal simulator's commands share in reading their options.
#pragma once

#include "appliance/giro/command.hpp"
#include "appliance/giro/pos_station.hpp"

namespace giro::cli {

// --port, --tls, --dialect and --framing.
[[nodiscard]] pos::Speech speech_of(const Args& args);
// --connect, or the port's address in the configuration.
[[nodiscard]] Result<config::Address> address_of(const Args& args, const pos::Equipment& equipment);
// Numbers of demo terminals that have a key: `count` of them, the first of which the option `name` gives.
[[nodiscard]] Result<std::uint32_t> terminals_from(const Args& args, const char* name, std::uint64_t count = 1);  // --dukpt: of those with DUKPT keys
// A number within bounds, or a usage error that names the option. 0 when the option is not given and has no default.
[[nodiscard]] Result<std::uint64_t> number_of(const Args& args, const char* name, std::uint64_t least, std::uint64_t most);
// The BINs of this box's own cards, all banks.
[[nodiscard]] std::vector<std::string> own_bins(const config::Config& config);

inline constexpr std::uint64_t kAmountDigitsMax = 999'999'999'999; // DE4, n 12
inline constexpr std::uint64_t kTimeoutMinMs = 100, kTimeoutMaxMs = 600'000;

}  // namespace giro::cli
