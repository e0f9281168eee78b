// What the terminal simulator's commands share in reading their options.
#pragma once

#include "appliance/giro/command.hpp"
#include "appliance/giro/pos_station.hpp"

namespace giro::cli {

// --port, --tls, --dialect and --framing.
[[nodiscard]] pos::Speech speech_of(const Args& args);
// --connect, or the port's address in the configuration.
[[nodiscard]] Result<config::Address> address_of(const Args& args, const pos::Equipment& equipment);
// Who the terminal of that number is: with --dukpt, and --pin-block of those with session keys.
[[nodiscard]] Result<pos::Identity> identity_of(const Args& args, const config::Config& config, std::uint32_t terminal);
// aes or tdes; aes where it is not given.
[[nodiscard]] Result<vault::PinKeyKind> pin_block_of(const Args& args);
// The number of a demo terminal that has a key, by --terminal; with --dukpt of those with DUKPT keys.
[[nodiscard]] Result<std::uint32_t> terminal_of(const Args& args);
// Whether `count` demo terminals from `first` on have a key.
[[nodiscard]] Result<void> check_terminals(const Args& args, std::uint64_t first, std::uint64_t count, bool dukpt);
// A number within bounds, or a usage error that names the option. 0 when the option is not given and has no default.
[[nodiscard]] Result<std::uint64_t> number_of(const Args& args, const char* name, std::uint64_t least, std::uint64_t most);
// --timeout, ms.
[[nodiscard]] Result<std::uint64_t> timeout_of(const Args& args);
// What a terminal's command needs to speak to the box, by all these options.
struct Outfit {
    std::unique_ptr<pos::Equipment> equipment;
    config::Address address;
    std::uint64_t timeout_ms = 0;
};
[[nodiscard]] Result<Outfit> outfit_of(const Args& args);
// The BINs of this box's own cards, all banks.
[[nodiscard]] std::vector<std::string> own_bins(const config::Config& config);

}  // namespace giro::cli
