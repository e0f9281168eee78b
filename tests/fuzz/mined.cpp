#include "tests/fuzz/mined.hpp"

#include <array>

#include "chain/pow.hpp"
#include "util/hash.hpp"

namespace giro::fuzz {

using namespace chain;

namespace {
constexpr std::uint32_t kSpacing_s = 600;  // so that the difficulty stays at the floor

// By height, from 1. The keys are fixed and their signatures deterministic, so these nonces stay good.
constexpr std::array<std::uint32_t, 101> kNonces = {
    3229507, 10235164, 1164571,  8304396, 1462582, 1595288,  1886483,  223053,   61933,    5991160, 720248,
    6593869, 6417134,  7853591,  2574602, 479622,  11852267, 5243658,  15166419, 4231771,  4783773, 11065833,
    5444623, 4790990,  954373,   3892762, 1598580, 724417,   7344458,  2165583,  11309634, 616001,  21237154,
    2143660, 12170571, 261655,   6714787, 1451880, 7475218,  6804906,  14557965, 467399,   2486126, 109223,
    7564409, 1817682,  1674581,  5650391, 208900,  1635547,  14117697, 7602401,  4037071,  3603160, 359789,
    3781418, 1628147,  5158957,  9150030, 4741792, 5763010,  1316893,  2819894,  640940,   9394844, 17672282,
    345902,  7004224,  10483088, 4266423, 1697447, 130842,   17820814, 4055478,  2906903,  2078258, 2143147,
    9791235, 6700602,  12596550, 6383306, 334796,  1897599,  1897850,  172189,   1681211,  8417755, 8549041,
    2101924, 6143876,  3387921,  2640377, 1769402, 6486857,  6468353,  9318426,  237016,   487155,  5357252,
    5532978, 2855714};

Block next_block(const Hash256& previous, std::uint32_t height, std::vector<Tx> txs) {
    BlockTemplate tmpl;
    tmpl.previous = previous;
    tmpl.height = height;
    tmpl.time = genesis_block().header.time + height * kSpacing_s;
    tmpl.coinbase_outputs = {{block_subsidy(height), miner_script()}};
    tmpl.tag = owned("fuzz");
    tmpl.txs = std::move(txs);
    Block block = build_block(tmpl);
    const auto& net = chain::test::testnet();
    chain::test::sign_block(block, std::span(net.signers).first(2), net.witness_script);
    return block;
}
}  // namespace

Block ground(Block block, std::uint32_t nonce) {
    block.header.nonce = nonce;
    if (!check_pow(block.header)) {
        block.header.nonce = 0;
        chain::test::grind_block(block);
    }
    return block;
}

Block first_block(std::vector<Tx> txs) {
    return next_block(block_hash(genesis_block().header), 1, std::move(txs));
}

const Buffer& miner_script() {
    static const Buffer script = p2wpkh_script(chain::test::Key::numbered(7).pub());
    return script;
}

const std::vector<Buffer>& mined_blocks() {
    static const std::vector<Buffer> blocks = [] {
        std::vector<Buffer> made;
        Hash256 previous = block_hash(genesis_block().header);
        for (std::uint32_t height = 1; height <= kNonces.size(); ++height) {
            const Block block = ground(next_block(previous, height, {}), kNonces[height - 1]);
            previous = block_hash(block.header);
            made.push_back(encode_block(block));
        }
        return made;
    }();
    return blocks;
}

ChainState mined_chain(std::size_t mempool_txs_max) {
    ChainState chain(chain::test::testnet().params, mempool_txs_max);
    for (const Buffer& block : mined_blocks()) ASSERT(chain.submit_block(block, kLongAfter));
    return chain;
}

Tx mined_spend() {
    const Hash256 coinbase = txid(decode_block(mined_blocks()[0])->txs[0]);
    return chain::test::spend_p2wpkh(chain::test::Key::numbered(7), {coinbase, 0}, block_subsidy(1),
                                     {{block_subsidy(1) - 1'000, miner_script()}});
}

}  // namespace giro::fuzz
