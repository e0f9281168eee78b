#include "service.hpp"

#include <fmt/format.h>

#include "gate.hpp"
#include "util/descriptors.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"
#include "vault_signer.hpp"

namespace giro::gate {

namespace {
constexpr std::size_t kCertificateBytesMax = 64U << 10;
constexpr std::size_t kOtherDescriptors = 64;  // besides the connections: listeners, bus, log

// What must stay alive while the program serves, destroyed from the bottom up.
struct Alive {
    SystemClock clock;
    SystemRandom random;
    EventLog events{clock};
    std::unique_ptr<VaultSigner> signer;
    std::unique_ptr<Gate> gate;
};

Result<std::string> read_public(const std::filesystem::path& path) {
    auto bytes = read_file(path, kCertificateBytesMax);
    if (!bytes)
        return fail(Failure::Kind::not_provisioned, fmt::format("{}: cannot be read; run giro init", path.string()));
    return std::string(as_text(*bytes));
}
// The authorities of links' hosts, by the link's number, where a link names one.
Result<std::map<std::uint16_t, std::string>> read_host_ca(const appliance::Program& program) {
    std::map<std::uint16_t, std::string> out;
    for (const auto& link : program.config.links) {
        if (!link.tls || link.tls->ca.empty()) continue;
        const auto path = program.paths.links() / link.tls->ca;
        auto bytes = read_file(path, kCertificateBytesMax);
        if (!bytes) return fail(Failure::Kind::config, fmt::format("{}: cannot be read (link {})", path.string(), link.name));
        out.emplace(link.number, as_text(*bytes));
    }
    return out;
}
}  // namespace

Result<std::shared_ptr<void>> start(appliance::Program& program) {
    const auto& settings = program.config.gate;
    const std::string what = fmt::format("gate.connections_max = {}", settings.connections_max);
    std::size_t others = kOtherDescriptors;
    for (const auto& link : program.config.links) others += connections_of(link);
    if (auto allowed = allow_descriptors(settings.connections_max + others, what.c_str()); !allowed) return tl::unexpected(allowed.error());
    auto dialects = iso8583::load_dialects(program.paths.dialects(), config::dialects_of(program.config));
    if (!dialects) return tl::unexpected(dialects.error());
    auto certificate = read_public(program.paths.pub() / "server.pem");
    if (!certificate) return tl::unexpected(certificate.error());
    auto ca = read_public(program.paths.pub() / "ca.pem");
    if (!ca) return tl::unexpected(ca.error());

    auto host_ca = read_host_ca(program);
    if (!host_ca) return tl::unexpected(host_ca.error());

    auto alive = std::make_shared<Alive>();
    alive->signer = std::make_unique<VaultSigner>(program.paths.run(), alive->clock, alive->events);
    auto opened = Gate::open(
        program.loop, program.context, alive->clock, alive->random, *alive->signer, alive->events,
        {program.config, program.paths.endpoint("switch", "gate"), *certificate, *ca, std::move(*dialects), std::move(*host_ca)});
    if (!opened) return tl::unexpected(opened.error());
    alive->gate = std::move(*opened);
    program.stop = [&program, gate = alive->gate.get()] { gate->close([&program] { program.loop.stop(); }); };
    return std::shared_ptr<void>(alive);
}

}  // namespace giro::gate
