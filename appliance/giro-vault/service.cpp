#include "appliance/giro-vault/service.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "util/failpoint.hpp"
#include "util/log.hpp"

namespace giro::appliance {

namespace {
// Keys and PINs never reach the swap device. On fault: stacks and arenas that are only reserved stay unbacked.
void lock_memory() {
    if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        log::warn("memory is not locked ({}): raise LimitMEMLOCK for giro-vault, or switch swap off",
                  std::strerror(errno));
}
}  // namespace

hsm::VaultConfig vault_config(const config::Paths& paths, const config::Config& config) {
    hsm::VaultConfig out;
    out.folder = paths.vault();
    out.bundle = paths.pub() / "bundle.json";
    if (!config.vault.module.empty()) out.module = config.vault.module;
    for (const auto& p : config.participants) out.participants.push_back({p.id, p.name});
    out.approvals_required = config.settle.approvals_required;
    return out;
}

Result<std::shared_ptr<void>> VaultService::start(Program& program, hsm::Permit permit) {
    lock_memory();
    auto vault = hsm::Vault::open(vault_config(program.paths, program.config));
    if (!vault) return tl::unexpected(vault.error());
    std::shared_ptr<VaultService> self(new VaultService(program, permit, std::move(*vault)));
    for (const hsm::Caller caller : hsm::kCallers) {
        if (permit == hsm::Permit::provisioning && caller != hsm::Caller::admin) continue;
        if (const auto done = self->listen(program, caller); !done) return tl::unexpected(done.error());
    }
    if (permit == hsm::Permit::provisioning) log::warn("serving provisioning verbs to the admin; no payments");
    return std::shared_ptr<void>(self);
}

VaultService::VaultService(Program& program, hsm::Permit permit, std::unique_ptr<hsm::Vault> vault)
    : m_loop(program.loop),
      m_permit(permit),
      m_vault(std::move(vault)),
      m_ticker(program.loop, [this, fail = program.fail] {
          if (const auto ticked = m_vault->tick(); !ticked) fail(ticked.error());
      }) {
    m_ticker.every(hsm::kTickInterval_ms);
}

Result<void> VaultService::listen(Program& program, hsm::Caller caller) {
    // The server is known to its handler only once it is bound; no record comes before the loop runs.
    const std::size_t index = m_servers.size();
    bus::Handlers handlers;
    handlers.record = [this, caller, index](bus::PeerId peer, const bus::Record& request) {
        serve(caller, *m_servers[index], peer, request);
    };
    handlers.malformed = [this, caller, index](bus::PeerId peer) {
        log::warn("vault.{} closed: a batch that does not parse", hsm::name(caller));
        m_servers[index]->close_peer(peer);
    };
    auto server = bus::Server::bind(program.loop, program.context, program.paths.endpoint("vault", hsm::name(caller)),
                                    std::move(handlers));
    if (!server) return tl::unexpected(server.error());
    m_servers.push_back(std::move(*server));
    return {};
}

void VaultService::serve(hsm::Caller caller, bus::Server& server, bus::PeerId peer, const bus::Record& request) {
    if (m_closing.contains({&server, peer})) return;
    GIRO_FAILPOINT("vault.request.taken");
    auto answer = hsm::dispatch(*m_vault, caller, m_permit, request.type, request.body);
    GIRO_FAILPOINT("vault.request.done");
    if (GIRO_FAILPOINT_LOSES("vault.reply.lost")) return;
    server.send(peer, {request.type, answer.status, request.correlation, answer.body});
    server.flush();  // the next request may keep the token busy for a millisecond
    wipe(answer.body);
    if (!answer.close_peer) return;
    // Deaf to it from now on; shut out at the end of this turn, when nobody reads its records any more.
    m_closing.insert({&server, peer});
    m_loop.defer([this, &server, peer] {
        server.close_peer(peer);
        m_closing.erase({&server, peer});
    });
}

}  // namespace giro::appliance
