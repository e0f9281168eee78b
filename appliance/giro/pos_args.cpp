#include "appliance/giro/pos_args.hpp"

#include <fmt/format.h>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_scenario.hpp"

namespace giro::cli {

pos::Speech speech_of(const Args& args) {
    return {args.text("--port"), args.flag("--tls"), args.text("--dialect"), args.text("--framing")};
}

Result<config::Address> address_of(const Args& args, const pos::Equipment& equipment) {
    if (args.given("--connect")) return pos::parse_address(args.text("--connect"));
    return equipment.address;
}

Result<std::uint64_t> number_of(const Args& args, const char* name, std::uint64_t least, std::uint64_t most) {
    const std::int64_t value = args.number(name);
    if (value < 0 || static_cast<std::uint64_t>(value) < least || static_cast<std::uint64_t>(value) > most)
        return fail(Failure::Kind::config, fmt::format("{} must be from {} to {}", name, least, most));
    return static_cast<std::uint64_t>(value);
}

Result<vault::PinKeyKind> pin_block_of(const Args& args) {
    const std::string word = args.text("--pin-block");
    if (word.empty() || word == "aes") return vault::PinKeyKind::aes;
    if (word == "tdes") return vault::PinKeyKind::tdes;
    return fail(Failure::Kind::config, fmt::format("--pin-block '{}' is neither aes nor tdes", word));
}

Result<pos::Identity> identity_of(const Args& args, const config::Config& config, std::uint32_t terminal) {
    pos::Identity who = pos::identity_of(config, terminal, args.flag("--dukpt"));
    const auto block = pin_block_of(args);
    if (!block) return tl::unexpected(block.error());
    who.pin = *block;
    return who;
}

Result<std::uint64_t> timeout_of(const Args& args) {
    if (!args.given("--timeout")) return pos::Scenario().timeout_ms;
    return number_of(args, "--timeout", pos::kTimeoutMinMs, pos::kTimeoutMaxMs);
}

Result<Outfit> outfit_of(const Args& args) {
    auto equipment = pos::load_equipment(args.paths(), speech_of(args));
    if (!equipment) return tl::unexpected(equipment.error());
    const auto address = address_of(args, **equipment);
    if (!address) return tl::unexpected(address.error());
    const auto timeout = timeout_of(args);
    if (!timeout) return tl::unexpected(timeout.error());
    return Outfit{std::move(*equipment), *address, *timeout};
}

Result<std::uint32_t> terminal_of(const Args& args) {
    const std::int64_t number = args.number("--terminal");
    const auto good = check_terminals(args, number < 1 ? 0 : static_cast<std::uint64_t>(number), 1, args.flag("--dukpt"));
    if (!good) return tl::unexpected(good.error());
    return static_cast<std::uint32_t>(number);
}

Result<void> check_terminals(const Args& args, std::uint64_t first, std::uint64_t count, bool dukpt) {
    const std::uint32_t terminals = dukpt ? demo::kDukptTerminals : demo::terminals_with_key(args.paths().demo());
    if (first < 1 || first + count - 1 > terminals)
        return fail(Failure::Kind::config, fmt::format("the demo has keys for {} terminals{}, numbered from 1{}", terminals,
                                                       dukpt ? " with DUKPT" : "",
                                                       dukpt ? "" : "; giro init --demo --terminals N makes more"));
    return {};
}

std::vector<std::string> own_bins(const config::Config& config) {
    std::vector<std::string> bins;
    for (const auto& participant : config.participants)
        bins.insert(bins.end(), participant.bins.begin(), participant.bins.end());
    return bins;
}

}  // namespace giro::cli
