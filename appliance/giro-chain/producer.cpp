#include "appliance/giro-chain/producer.hpp"

#include "chain/params.hpp"
#include "util/log.hpp"

namespace giro::appliance {

Producer::Producer(Settings settings, Ports ports, const chain::ChainState& chain)
    : m_settings(std::move(settings)), m_ports(std::move(ports)), m_chain(chain) {}

bool Producer::premining() const {
    return m_chain.tip().height < m_settings.premine_blocks;
}

bool Producer::due() const {
    if (premining() || m_requested) return true;
    return m_ports.now_s() >= std::uint64_t{m_chain.tip().time} + m_settings.block_interval_s;
}

bool Producer::stale() const {
    return m_block.txs.size() < m_chain.mempool().size() + 1;
}

bool Producer::overtaken() const {
    return m_block.header.previous != m_chain.tip().hash;
}

// Pre-mined blocks are dated back at the usual spacing, so that the last of them is of now and the difficulty, which
// looks at the dates, stays where it is.
std::uint32_t Producer::block_time() const {
    const std::uint32_t height = m_chain.tip().height + 1;
    const std::uint32_t left = height < m_settings.premine_blocks ? m_settings.premine_blocks - height : 0;
    return m_ports.now_s() - left * m_chain.params().block_spacing_s + m_time_shift;
}

void Producer::tick() {
    if (m_state != State::idle || !due() || !m_ports.ready()) return;
    if (m_ground && !overtaken() && !stale()) return hand_over();
    begin();
}

void Producer::begin() {
    chain::BlockTemplate tmpl = chain::next_template(m_chain, m_settings.reward_script, block_time());
    if (tmpl.height == 1) tmpl.coinbase_outputs = m_settings.first_outputs;
    m_block = chain::build_block(tmpl);
    m_ground = false;
    m_requested = false;
    const auto parts = chain::signet_parts(m_block);
    ASSERT(parts);
    m_state = State::signing;
    m_ports.sign(parts->message);
}

void Producer::request() {
    if (m_state == State::idle) {
        m_requested = true;
        return tick();
    }
    if (!stale()) return;  // the block under way has everything
    m_requested = true;
    if (m_state == State::grinding) m_ports.stop_grinding();
}

void Producer::tip_changed() {
    if (m_state == State::grinding && overtaken()) m_ports.stop_grinding();
}

void Producer::give_up() {
    m_state = State::idle;
    tick();
}

void Producer::signed_with(Bytes solution) {
    ASSERT(m_state == State::signing);
    if (overtaken()) return give_up();
    if (m_requested && stale()) return begin();
    chain::set_signet_solution(m_block, solution);
    if (const auto verified = chain::verify_signet(m_block, m_chain.params().challenge); !verified)
        return m_ports.fail({Failure::Kind::integrity,
                             "the vault's block signature does not satisfy the challenge in "
                             "pub/bundle.json: " +
                                 std::string(chain::describe(verified.error()))});
    m_last_failure.clear();
    m_state = State::grinding;
    m_ports.grind(m_block.header);
}

void Producer::sign_failed(const std::string& why) {
    ASSERT(m_state == State::signing);
    try_again(fmt::format("no block signature: {}", why));
}

void Producer::try_again(const std::string& why) {
    m_state = State::idle;
    m_requested = true;
    if (why != m_last_failure) log::warn("{}; trying again every second", why);
    m_last_failure = why;
}

void Producer::ground(const chain::GrindResult& result) {
    ASSERT(m_state == State::grinding);
    if (overtaken()) return give_up();
    if (result.end != chain::GrindResult::End::found) {
        if (result.end == chain::GrindResult::End::exhausted) ++m_time_shift;
        return begin();
    }
    m_block.header.nonce = result.nonce;
    m_ground = true;
    hand_over();
}

void Producer::hand_over() {
    m_state = State::submitting;
    m_requested = false;
    m_ports.submit(m_block);
}

void Producer::submitted(const chain::Taken<chain::Accepted>& verdict) {
    using Why = chain::NotTaken::Why;
    ASSERT(m_state == State::submitting);
    m_state = State::idle;
    m_ground = !verdict && verdict.error().why == Why::unavailable;
    if (verdict) {
        m_time_shift = 0;
        report(*verdict);
        return tick();
    }
    switch (verdict.error().why) {
        case Why::unavailable: return try_again(fmt::format("a block could not be handed over: {}", verdict.error().word));
        case Why::refused:
            if (!m_ports.ready()) return try_again(fmt::format("block refused: {}", verdict.error().word));  // the node's word, not ours
            return m_ports.fail({Failure::Kind::refused, fmt::format("block refused: {}", verdict.error().word)});
        case Why::disk: return m_ports.fail({Failure::Kind::try_again, verdict.error().word});
    }
}

void Producer::report(const chain::Accepted& accepted) {
    const std::uint32_t all = m_settings.premine_blocks;
    if (accepted.height > all || m_block.txs.size() > 1) {
        log::info("block {} {}: {} tx", accepted.height, chain::hash_text(accepted.hash), m_block.txs.size());
    } else if (accepted.height == all || accepted.height % kProgressBlocks == 0) {
        log::info("pre-mining: block {} of {}", accepted.height, all);
    }
}

}  // namespace giro::appliance
