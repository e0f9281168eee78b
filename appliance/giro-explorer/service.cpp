#include "appliance/giro-explorer/service.hpp"

#include "appliance/giro-explorer/confine.hpp"
#include "util/log.hpp"

namespace giro::appliance {

namespace {
constexpr std::uint64_t kSecond_ns = 1'000'000'000;
constexpr std::size_t kSourcesMax = 65'536;
constexpr QuotaLimit kReceiptsOfSource{10, kSecond_ns, kSourcesMax}, kReceiptsOfAll{20, kSecond_ns / 10, 1}, kLargeOfAll{4, kSecond_ns / 2, 1};

QuotaLimit requests_of_source(const config::Config& config) {
    const std::uint32_t a_second = config.explorer ? config.explorer->requests_per_second : 0;
    if (a_second == 0) return {};
    return {a_second * ExplorerService::kBurstSeconds, kSecond_ns / a_second, kSourcesMax};
}
}  // namespace

std::vector<explorer::Party> parties_of(const vault::Bundle& bundle) {
    std::vector<explorer::Party> parties{{0, "issuer", bundle.issuer.script}};
    for (const auto& p : bundle.participants) parties.push_back({p.id, p.name, p.settlement.script});
    return parties;
}

Result<std::shared_ptr<void>> ExplorerService::start(Program& program) {
    if (!program.config.explorer) return fail(Failure::Kind::config, "etc/giro.toml has no [explorer]: this box has no pages");
    const auto bundle = vault::load_bundle(program.paths.pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    static const SystemClock kClock;
    auto alive = std::make_shared<ExplorerService>(program.loop, kClock, program.config, *bundle, program.paths.pub() / "blocks.dat");
    if (const auto port = alive->listen(*program.config.explorer); !port) return tl::unexpected(port.error());
    if (const auto confined = confine_process(); !confined) return tl::unexpected(confined.error());
    return std::shared_ptr<void>(alive);
}

ExplorerService::ExplorerService(bus::Loop& loop, const Clock& clock, const config::Config& config, const vault::Bundle& bundle,
                                 const std::filesystem::path& blocks)
    : m_index({bundle.block.script}, parties_of(bundle)),
      m_site(m_index, config.box, config.currency),
      m_follower(blocks, m_index),
      m_door{m_site, clock, requests_of_source(config).keys_max > 1, Quota<net::Source>(requests_of_source(config)),
             Quota<net::Source>(kReceiptsOfSource), Quota<int>(kReceiptsOfAll), Quota<int>(kLargeOfAll)},
      m_connections(loop, clock, {kConnectionsMax, kIdle_ms, kSlowPeer_ms, kOutputBytesMax}),
      m_looker(loop, [this] { look(); }) {}

Result<std::uint16_t> ExplorerService::listen(const config::Config::Explorer& settings) {
    look();
    net::ListenOptions options;
    options.host = settings.listen.host;
    options.port = settings.listen.port;
    options.setting = "explorer.listen";
    options.per_source_max = m_door.limited ? kConnectionsOfSourceMax : kConnectionsMax;
    options.make = [this](net::ConnectionId) { return std::make_unique<PublicPeer>(m_door); };
    return m_connections.listen(std::move(options));
}

// Until it has caught up it reads a little in each turn of the loop, so that it serves from the start.
void ExplorerService::look() {
    const Follower::Turn turn = m_follower.turn();
    if (turn.changed) m_site.changed();
    m_site.stands(!m_follower.stopped().empty() ? explorer::Standing::stopped : turn.more ? explorer::Standing::catching_up : explorer::Standing::current);
    if (turn.changed && !turn.more) log::info("chain at height {}", m_index.tip_height());
    m_looker.once(turn.more ? 0 : kLook_ms);
}

}  // namespace giro::appliance
