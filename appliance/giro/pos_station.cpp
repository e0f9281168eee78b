#include "appliance/giro/pos_station.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/terminal_dukpt.hpp"
#include "vault/mac_kinds.hpp"

namespace giro::pos {

namespace {
// The port as it is configured, its dialect named.
Result<config::Port> port_of(const config::Config& config, const Speech& speech) {
    const auto& gate = config.gate;
    config::Port port{"", speech.tls ? gate.terminals_tls : gate.terminals, speech.tls, gate.dialect, gate.framing};
    if (!speech.port.empty()) {
        const auto found = std::ranges::find(config.ports, speech.port, &config::Port::name);
        if (found == config.ports.end())
            return fail(Failure::Kind::config, fmt::format("the configuration has no [[port]] with name = \"{}\"", speech.port));
        port = *found;
        if (port.dialect.empty()) port.dialect = gate.dialect;
    }
    if (!speech.dialect.empty()) port.dialect = speech.dialect;
    if (speech.framing.empty()) return port;
    const auto framing = framing_of(speech.framing);
    if (!framing) return tl::unexpected(framing.error());
    port.framing = *framing;
    return port;
}
}  // namespace

Result<net::Framing> framing_of(const std::string& words) {
    if (const auto framing = net::parse_framing(words)) return *framing;
    return fail(Failure::Kind::config,
                fmt::format("'{}' is no framing; words with commas of binary2 binary4 ascii4 bcd2 bcd4, none etx lrc etx-lrc, "
                            "counts-length, counts-trailer", words));
}

Result<std::unique_ptr<Equipment>> load_equipment(const config::Paths& paths, const Speech& speech) {
    auto config = config::load(paths.config_file());
    if (!config) return tl::unexpected(config.error());
    const auto port = port_of(*config, speech);
    if (!port) return tl::unexpected(port.error());
    auto dialect = iso8583::load_dialect(paths.dialects() / (port->dialect + ".toml"));
    if (!dialect) return tl::unexpected(dialect.error());
    auto out = std::make_unique<Equipment>();
    out->paths = paths;
    out->config = std::move(*config);
    out->address = port->address;
    out->dialect = std::move(*dialect);
    out->framing = port->framing;
    if (port->tls) {
        auto context = TlsContext::load(paths);
        if (!context) return tl::unexpected(context.error());
        out->tls.emplace(std::move(*context));
    }
    return out;
}

Identity identity_of(const config::Config& config, std::uint32_t terminal_index, bool dukpt) {
    return identity_of(config, dukpt ? demo::dukpt_terminal(terminal_index) : demo::terminal(terminal_index));
}

Identity identity_of(const config::Config& config, const TerminalId& terminal) {
    return {terminal, MerchantId(demo::kMerchant), AcquirerId(demo::kAcquirer), config.currency,
            vault::MacKinds(config.mac.x9_19, config.mac.hmac_sha_256).of(terminal)};
}

Result<Keys> terminal_keys_of(const config::Paths& paths, const TerminalId& terminal) {
    if (std::filesystem::exists(initial_key_file(paths.demo(), terminal.view()))) {
        auto keys = DukptKeys::load(paths.demo(), terminal.view());
        if (!keys) return tl::unexpected(keys.error());
        return Keys(std::move(*keys));
    }
    auto key = load_terminal_key(demo::terminal_key_file(paths.demo(), terminal.view()));
    if (!key) return tl::unexpected(key.error());
    return Keys(std::move(*key));
}

}  // namespace giro::pos
