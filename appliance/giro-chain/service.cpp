#include "appliance/giro-chain/service.hpp"

#include "util/failpoint.hpp"
#include "util/log.hpp"

namespace giro::appliance {

namespace {
// The 72 bytes of BIP325 that the vault's verb takes.
ByteArray<72> block_data(const chain::SignetMessage& message) {
    Buffer bytes;
    Writer out(bytes);
    out.u32(static_cast<std::uint32_t>(message.version));
    out.bytes(message.previous);
    out.bytes(message.signet_merkle_root);
    out.u32(message.time);
    ByteArray<72> data;
    ASSERT(bytes.size() == data.size());
    std::copy(bytes.begin(), bytes.end(), data.begin());
    return data;
}
}  // namespace

Result<std::shared_ptr<void>> ChainService::start(Program& program) {
    const auto bundle = vault::load_bundle(program.paths.pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    auto outputs = first_outputs(program.config, *bundle);
    if (!outputs) return tl::unexpected(outputs.error());
    auto node = Node::open(program.paths.chain(), program.paths.pub() / "blocks.dat", {bundle->block.script});
    if (!node) return tl::unexpected(node.error());

    Producer::Settings settings{program.config.chain.premine_blocks, program.config.chain.block_interval_s,
                                std::move(*outputs), bundle->issuer.script};
    std::shared_ptr<ChainService> self(new ChainService(program, std::move(*node), std::move(settings)));
    auto vault = vault::Client::connect(program.loop, program.context, program.paths.run(), bus::caller::kChain);
    if (!vault) return tl::unexpected(vault.error());
    self->m_vault = std::move(*vault);
    if (const auto done = self->listen(program, ChainCaller::settle, bus::caller::kSettle); !done)
        return tl::unexpected(done.error());
    if (const auto done = self->listen(program, ChainCaller::admin, bus::caller::kAdmin); !done)
        return tl::unexpected(done.error());
    log::info("chain at height {}", self->m_backend->chain().tip().height);
    self->m_ticker.every(kProducerTick_ms);
    return std::shared_ptr<void>(self);
}

ChainService::ChainService(Program& program, Node node, Producer::Settings settings)
    : m_backend(make_backend(program, std::move(node))),
      m_producer(std::move(settings), ports(program), m_backend->chain()),
      m_worker(program.loop, [this](const chain::GrindResult& result) { m_producer.ground(result); }),
      m_ticker(program.loop, [this] { m_producer.tick(); }) {}

std::unique_ptr<chain::Backend> ChainService::make_backend(Program& program, Node node) {
    const auto now = [this] { return std::int64_t{now_s()}; };
    if (!program.config.chain.node) return std::make_unique<EmbeddedBackend>(std::move(node), now);
    BitcoinBackend::Ports ports{now, [this] { m_producer.tip_changed(); }, program.fail};
    return std::make_unique<BitcoinBackend>(program.loop, *program.config.chain.node, std::move(node), std::move(ports));
}

std::uint32_t ChainService::now_s() const {
    return static_cast<std::uint32_t>(m_clock.wall_ns() / 1'000'000'000);
}

Producer::Ports ChainService::ports(Program& program) {
    Producer::Ports ports;
    ports.now_s = [this] { return now_s(); };
    ports.sign = [this](const chain::SignetMessage& message) { sign(message); };
    ports.grind = [this](const chain::BlockHeader& header) { m_worker.start(header); };
    ports.stop_grinding = [this] { m_worker.stop(); };
    ports.submit = [this](const chain::Block& block) {
        m_backend->submit_block(block, [this](const chain::Taken<chain::Accepted>& verdict) { m_producer.submitted(verdict); });
    };
    ports.ready = [this] { return m_backend->trouble().empty(); };
    ports.fail = program.fail;
    return ports;
}

void ChainService::sign(const chain::SignetMessage& message) {
    m_vault->call<vault::SignBlock>({block_data(message)}, [this](vault::Answer<vault::SignBlock> answer) {
        GIRO_FAILPOINT("chain.block.signed");
        if (answer)
            m_producer.signed_with(answer->solution);
        else
            m_producer.sign_failed(vault::to_failure(answer.error()).what);
    });
}

Result<void> ChainService::listen(Program& program, ChainCaller caller, std::string_view name) {
    const std::size_t index = m_servers.size();
    bus::Handlers handlers;
    handlers.record = [this, caller, index](bus::PeerId peer, const bus::Record& request) {
        serve(caller, *m_servers[index], peer, request);
    };
    handlers.malformed = [this, index](bus::PeerId peer) {
        log::warn("a peer is shut out: a batch that does not parse");
        m_servers[index]->close_peer(peer);
    };
    auto server =
        bus::Server::bind(program.loop, program.context, program.paths.endpoint("chain", name), std::move(handlers));
    if (!server) return tl::unexpected(server.error());
    m_servers.push_back(std::move(*server));
    return {};
}

void ChainService::serve(ChainCaller caller, bus::Server& server, bus::PeerId peer, const bus::Record& request) {
    const ChainRequests at{*m_backend, [this] { return m_producer.producing(); }, [this] { m_producer.request(); }};
    answer(at, caller, request.type, request.body,
           [&server, peer, type = request.type, correlation = request.correlation](const ChainAnswer& reply) {
               if (reply.status == bus::Status::bad_request) {
                   log::warn("a peer is shut out: request {:#06x} is malformed or not for it", type);
                   return server.close_peer(peer);
               }
               if (GIRO_FAILPOINT_LOSES("chain.reply.lost")) return;
               server.send(peer, {type, reply.status, correlation, reply.body});
           });
}

}  // namespace giro::appliance
