#include "chain/block_builder.hpp"

#include <algorithm>

#include "chain/merkle.hpp"
#include "chain/script.hpp"

namespace giro::chain {

namespace {
constexpr std::uint32_t kSequenceNotFinal = 0xfffffffe;  // lets the lock time count
constexpr Hash256 kWitnessNonce{};
constexpr std::array<std::byte, 6> kDefaultTag{std::byte{'/'}, std::byte{'g'}, std::byte{'i'},
                                               std::byte{'r'}, std::byte{'o'}, std::byte{'/'}};

Buffer coinbase_script(const BlockTemplate& tmpl) {
    Buffer script;
    append_number(script, tmpl.height);
    append_push(script, tmpl.tag);  // heights 1 to 16 are one byte, and the script must have two
    return script;
}
}  // namespace

BlockTemplate next_template(const ChainState& chain, Bytes reward_script, std::uint32_t now_s) {
    const ChainTip tip = chain.tip();
    BlockTemplate tmpl;
    tmpl.previous = tip.hash;
    tmpl.height = tip.height + 1;
    tmpl.time = std::max(now_s, tip.median_time + 1);
    tmpl.bits = chain.next_bits();
    tmpl.tag = Buffer(kDefaultTag.begin(), kDefaultTag.end());

    Satoshi reward = block_subsidy(tmpl.height);
    std::size_t weight = kReservedWeight;
    for (const auto& entry : chain.mempool()) {
        weight += tx_weight(entry.tx);
        if (weight > kBlockWeightMax) break;  // a prefix of a valid order is valid
        tmpl.txs.push_back(entry.tx);
        reward += entry.fee;
    }
    tmpl.coinbase_outputs.push_back({reward, Buffer(reward_script.begin(), reward_script.end())});
    return tmpl;
}

Block build_block(const BlockTemplate& tmpl) {
    ASSERT(tmpl.height >= 1 && tmpl.tag.size() <= kCoinbaseTagBytesMax);
    Tx coinbase{2, {}, tmpl.coinbase_outputs, tmpl.height - 1};
    coinbase.inputs.push_back(
        {{}, coinbase_script(tmpl), kSequenceNotFinal, {Buffer(kWitnessNonce.begin(), kWitnessNonce.end())}});

    Block block;
    block.header = {0x20000000, tmpl.previous, {}, tmpl.time, tmpl.bits, 0};
    block.txs.push_back(std::move(coinbase));
    block.txs.insert(block.txs.end(), tmpl.txs.begin(), tmpl.txs.end());

    const Hash256 commitment = witness_commitment(block, kWitnessNonce);
    TxOut output{0, Buffer(kCommitmentPrefix.begin(), kCommitmentPrefix.end())};
    output.script_pubkey.insert(output.script_pubkey.end(), commitment.begin(), commitment.end());
    block.txs.front().outputs.push_back(std::move(output));
    set_signet_solution(block, {});
    return block;
}

}  // namespace giro::chain
