// giro-gate: the box's door to the network. Terminals and issuers by ISO 8583, wallets by HTTPS; everything readable
// goes to the switch, everything from the switch goes out. Holds no secret (the TLS key is in the vault) and writes
// nothing; reads etc/ and pub/ once. Hostile: every byte from the network. Without the switch it stops reading; without
// the vault new TLS connections fail and the rest goes on.
#include <fmt/format.h>

#include "appliance/skeleton.hpp"
#include "gate.hpp"
#include "util/descriptors.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"
#include "vault_signer.hpp"

namespace {
using namespace giro;

constexpr std::size_t kCertificateBytesMax = 64U << 10;
constexpr std::size_t kOtherDescriptors = 64;  // besides the connections: listeners, bus, links, log

// What must stay alive while the program serves, destroyed from the bottom up.
struct Alive {
    SystemClock clock;
    SystemRandom random;
    gate::EventLog events{clock};
    std::unique_ptr<gate::VaultSigner> signer;
    std::unique_ptr<gate::Gate> gate;
};

Result<std::string> read_public(const std::filesystem::path& path) {
    auto bytes = read_file(path, kCertificateBytesMax);
    if (!bytes)
        return fail(Failure::Kind::not_provisioned, fmt::format("{}: cannot be read; run giro init", path.string()));
    return std::string(as_text(*bytes));
}

Result<std::shared_ptr<void>> start(appliance::Program& program) {
    const auto& settings = program.config.gate;
    const std::string what = fmt::format("gate.connections_max = {}", settings.connections_max);
    if (auto allowed = allow_descriptors(settings.connections_max + kOtherDescriptors, what.c_str()); !allowed) return tl::unexpected(allowed.error());
    auto dialect = iso8583::load_dialect(program.paths.dialects() / (settings.dialect + ".toml"));
    if (!dialect) return tl::unexpected(dialect.error());
    auto certificate = read_public(program.paths.pub() / "server.pem");
    if (!certificate) return tl::unexpected(certificate.error());
    auto ca = read_public(program.paths.pub() / "ca.pem");
    if (!ca) return tl::unexpected(ca.error());

    auto alive = std::make_shared<Alive>();
    alive->signer = std::make_unique<gate::VaultSigner>(program.paths.run(), alive->clock, alive->events);
    auto opened = gate::Gate::open(
        program.loop, program.context, alive->clock, alive->random, *alive->signer, alive->events,
        {program.config, program.paths.endpoint("switch", "gate"), *certificate, *ca, std::move(*dialect)});
    if (!opened) return tl::unexpected(opened.error());
    alive->gate = std::move(*opened);
    return std::shared_ptr<void>(alive);
}
}  // namespace

int main(int argc, char** argv) {
    return giro::appliance::run("giro-gate", "Giro's gate: terminals, issuers' hosts and wallets come in here", argc,
                                argv, start);
}
