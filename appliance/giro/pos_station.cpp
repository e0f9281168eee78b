#include "appliance/giro/pos_station.hpp"

#include <fmt/format.h>

#include "appliance/giro/demo.hpp"
#include "vault/mac_kinds.hpp"

namespace giro::pos {

Result<std::unique_ptr<Equipment>> load_equipment(const config::Paths& paths, bool tls) {
    auto config = config::load(paths.config_file());
    if (!config) return tl::unexpected(config.error());
    auto dialect = iso8583::load_dialect(paths.dialects() / (config->gate.dialect + ".toml"));
    if (!dialect) return tl::unexpected(dialect.error());
    auto out = std::make_unique<Equipment>();
    out->paths = paths;
    out->config = std::move(*config);
    out->dialect = std::move(*dialect);
    if (tls) {
        auto context = TlsContext::load(paths);
        if (!context) return tl::unexpected(context.error());
        out->tls.emplace(std::move(*context));
    }
    return out;
}

Identity identity_of(const config::Config& config, std::uint32_t terminal_index) {
    const TerminalId terminal = demo::terminal(terminal_index);
    return {terminal, MerchantId(demo::kMerchant), AcquirerId(demo::kAcquirer), config.currency,
            vault::MacKinds(config.mac.x9_19, config.mac.hmac_sha_256).of(terminal)};
}

Result<Secret> terminal_key_of(const config::Paths& paths, const TerminalId& terminal) {
    return load_terminal_key(demo::terminal_key_file(paths.demo(), terminal.view()));
}

}  // namespace giro::pos
