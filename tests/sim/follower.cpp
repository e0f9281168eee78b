#include "tests/sim/follower.hpp"

namespace giro::sim {

namespace {
constexpr std::uint64_t kPoll_ms = 300;
}

Result<std::shared_ptr<void>> Follower::start(appliance::Program& program) {
    const auto bundle = vault::load_bundle(program.paths.pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    auto node = appliance::Node::open(database(program.paths), program.paths.root / "chain2" / "blocks.dat",
                                      {bundle->block.script});
    if (!node) return tl::unexpected(node.error());
    std::shared_ptr<Follower> self(new Follower(program, std::move(*node)));
    auto requests =
        settle::Requests::connect(program.loop, program.context, program.paths.endpoint("chain", bus::caller::kAdmin));
    if (!requests) return tl::unexpected(requests.error());
    self->m_chain = std::move(*requests);
    self->m_timer.every(kPoll_ms);
    return std::shared_ptr<void>(self);
}

Follower::Follower(appliance::Program& program, appliance::Node node)
    : m_program(program), m_node(std::move(node)), m_timer(program.loop, [this] { ask(); }) {}

void Follower::ask() {
    if (std::exchange(m_asked, true)) return;
    Buffer body;
    Writer(body).u32(m_node.chain().tip().height + 1);
    m_chain->call(bus::MessageType::chain_block, body, [this](std::optional<bus::Status> status, Bytes raw) {
        m_asked = false;
        if (status == bus::Status::ok) take(raw);
    });
}

void Follower::take(Bytes raw) {
    const auto block = chain::decode_block(raw);
    if (!block) return m_program.fail({Failure::Kind::integrity, "the first node sent a block that does not decode"});
    const auto accepted = m_node.accept(*block, static_cast<std::int64_t>(m_clock.wall_ns() / 1'000'000'000));
    if (!accepted)
        return m_program.fail(accepted.error().kind == Failure::Kind::refused
                                  ? Failure{Failure::Kind::integrity, accepted.error().what}
                                  : accepted.error());
    ask();
}

}  // namespace giro::sim
