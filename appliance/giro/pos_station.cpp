#include "appliance/giro/pos_station.hpp"

#include <fmt/format.h>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/terminal_dukpt.hpp"
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

Identity identity_of(const config::Config& config, std::uint32_t terminal_index, bool dukpt) {
    const TerminalId terminal = dukpt ? demo::dukpt_terminal(terminal_index) : demo::terminal(terminal_index);
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
