// Which MAC each terminal and link uses, by the name of its key: a terminal's id (DE41), or LNKnnnnn for a link. From
// [mac] of etc/giro.toml; AES-CMAC for everyone who is not named there. Read by giro-switch and by the simulators.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "vault/wire.hpp"

namespace giro::vault {

class MacKinds {
  public:
    MacKinds() = default;
    MacKinds(const std::vector<std::string>& x9_19, const std::vector<std::string>& hmac_sha_256) {
        for (const std::string& name : x9_19) m_kinds[TerminalId(name)] = MacKind::x9_19;
        for (const std::string& name : hmac_sha_256) m_kinds[TerminalId(name)] = MacKind::hmac_sha256;
    }
    [[nodiscard]] MacKind of(const TerminalId& key) const noexcept {
        if (m_kinds.empty()) return MacKind::aes_cmac;
        const auto found = m_kinds.find(key);
        return found == m_kinds.end() ? MacKind::aes_cmac : found->second;
    }

  private:
    std::map<TerminalId, MacKind> m_kinds;
};

}  // namespace giro::vault
