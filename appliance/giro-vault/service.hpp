// giro-vault's sockets: one endpoint for each caller, all answered by the table in hsm/verbs.hpp.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "appliance/skeleton.hpp"
#include "hsm/verbs.hpp"

namespace giro::appliance {

[[nodiscard]] hsm::VaultConfig vault_config(const config::Paths& paths, const config::Config& config);

class VaultService {
  public:
    // Opens the vault and binds run/vault.<caller>: for provisioning that of the admin alone.
    [[nodiscard]] static Result<std::shared_ptr<void>> start(Program& program, hsm::Permit permit);

  private:
    VaultService(Program& program, hsm::Permit permit, std::unique_ptr<hsm::Vault> vault);
    Result<void> listen(Program& program, hsm::Caller caller);
    void serve(hsm::Caller caller, bus::Server& server, bus::PeerId peer, const bus::Record& request);

    bus::Loop& m_loop;
    hsm::Permit m_permit;
    std::unique_ptr<hsm::Vault> m_vault;
    std::vector<std::unique_ptr<bus::Server>> m_servers;
    std::set<std::pair<bus::Server*, bus::PeerId>> m_closing;  // answered and to be closed at the end of this turn
    bus::Timer m_ticker;
};

}  // namespace giro::appliance
