// The embedded node as a whole: branches, reorganisation, mempool. Blocks are signed and ground for real.
#include <doctest/doctest.h>

#include "support.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::chain;
using test::Key;

namespace {
constexpr std::int64_t kNow = 1'800'000'000;

// Mines on any known tip of the test net. Each block pays another key, so that no two are alike.
struct Miner {
    const std::vector<Key>& signers;
    Bytes witness_script;
    unsigned counter = 0;
    std::uint32_t bits = kBitsLimit;

    Buffer mine(const Hash256& previous, std::uint32_t height, std::uint32_t time, Satoshi reward = 50 * kCoin,
                std::vector<Tx> txs = {}) {
        BlockTemplate tmpl;
        tmpl.previous = previous;
        tmpl.height = height;
        tmpl.time = time;
        tmpl.bits = bits;
        tmpl.coinbase_outputs = {{reward, p2wpkh_script(Key::numbered(100 + counter++).pub())}};
        tmpl.txs = std::move(txs);
        Block block = build_block(tmpl);
        test::sign_block(block, std::span(signers).first(2), witness_script);
        test::grind_block(block);
        return encode_block(block);
    }
};

Hash256 hash_of(Bytes raw) {
    return sha256d(raw.first(kHeaderBytes));
}
}  // namespace

TEST_CASE("chain: a heavier branch takes over and the coins are those of that branch alone") {
    const auto& net = test::testnet();
    Miner miner{net.signers, net.witness_script};
    const Hash256 genesis = block_hash(genesis_block().header);
    const std::uint32_t start = genesis_block().header.time;
    const Buffer a1 = miner.mine(genesis, 1, start + 1), b1 = miner.mine(genesis, 1, start + 1);
    const Buffer b2 = miner.mine(hash_of(b1), 2, start + 2);

    ChainState chain(net.params);
    CHECK(chain.submit_block(b2, kNow).error() == RejectReason::previous_unknown);
    CHECK(chain.submit_block(a1, kNow)->best);
    CHECK(chain.submit_block(a1, kNow).error() == RejectReason::duplicate);
    const auto side = chain.submit_block(b1, kNow);
    REQUIRE(side);
    CHECK_FALSE(side->best);
    CHECK(chain.tip().hash == hash_of(a1));
    CHECK_FALSE(chain.height_of(hash_of(b1)));
    const auto taken = chain.submit_block(b2, kNow);
    REQUIRE(taken);
    CHECK(taken->best);
    CHECK(taken->reorganised);
    CHECK(chain.tip().hash == hash_of(b2));
    CHECK(chain.height_of(hash_of(b1)) == 1U);

    ChainState straight(net.params);
    CHECK(straight.submit_block(b1, kNow));
    CHECK(straight.submit_block(b2, kNow));
    CHECK(chain.coins() == straight.coins());
    CHECK_FALSE(chain.find_tx(txid(decode_block(a1)->txs[0])));
    CHECK(chain.find_tx(txid(decode_block(b1)->txs[0]))->height == 1);
    CHECK(chain.coins().size() == 2);
    CHECK_FALSE(chain.spendable_next(*chain.coin({txid(decode_block(b1)->txs[0]), 0})));
}

TEST_CASE("chain: a heavier branch that does not connect changes nothing") {
    const auto& net = test::testnet();
    Miner miner{net.signers, net.witness_script};
    const Hash256 genesis = block_hash(genesis_block().header);
    const std::uint32_t start = genesis_block().header.time;
    const Buffer a1 = miner.mine(genesis, 1, start + 1), b1 = miner.mine(genesis, 1, start + 1);
    const Buffer b2 = miner.mine(hash_of(b1), 2, start + 2, 50 * kCoin + 1);  // claims too much
    const Buffer a2 = miner.mine(hash_of(a1), 2, start + 2), b3 = miner.mine(hash_of(b2), 3, start + 3);

    ChainState chain(net.params);
    CHECK(chain.submit_block(a1, kNow));
    CHECK(chain.submit_block(b1, kNow));
    // As the block that would take over it is judged at once, and forgotten.
    CHECK(chain.submit_block(b2, kNow).error() == RejectReason::coinbase_amount);
    CHECK(chain.submit_block(b2, kNow).error() == RejectReason::coinbase_amount);
    CHECK(chain.tip().hash == hash_of(a1));
    CHECK(chain.submit_block(a2, kNow)->best);
    const CoinSet before = chain.coins();
    // On a side branch nobody has looked yet.
    CHECK_FALSE(chain.submit_block(b2, kNow)->best);
    CHECK(chain.submit_block(b3, kNow).error() == RejectReason::previous_invalid);
    CHECK(chain.tip().hash == hash_of(a2));
    CHECK(chain.coins() == before);
    CHECK(chain.submit_block(b2, kNow).error() == RejectReason::duplicate_invalid);
    CHECK(chain.submit_block(b3, kNow).error() == RejectReason::previous_invalid);
}

TEST_CASE("mempool: txs wait in order, confirm, and come back when their block is undone") {
    if (test::recorded_chain() == nullptr) return;
    const auto& recorded = *test::recorded_chain();
    ChainState chain = test::replay_recorded();
    const auto fork = chain.tip();
    const auto coinbase = [&](std::uint32_t height) { return OutPoint{txid(chain.block_at(height)->txs[0]), 0}; };
    const auto spend = [&](const OutPoint& from, Satoshi amount, Satoshi pays) {
        return test::spend_p2wpkh(recorded.reward, from, amount, {{pays, recorded.reward_script}});
    };
    const Tx first = spend(coinbase(2), 50 * kCoin, 50 * kCoin - 500);
    const Tx second = spend({txid(first), 0}, 50 * kCoin - 500, 50 * kCoin - 700);
    const Tx third = spend(coinbase(3), 50 * kCoin, 49 * kCoin);

    CHECK(chain.accept_to_mempool(second).error() == RejectReason::inputs_missing_or_spent);
    CHECK(chain.accept_to_mempool(first) == txid(first));
    CHECK(chain.accept_to_mempool(second) == txid(second));
    CHECK(chain.accept_to_mempool(third) == txid(third));
    REQUIRE(chain.mempool().size() == 3);
    CHECK(chain.mempool()[1].fee == 200);

    Miner miner{recorded.signers, recorded.witness_script};
    // A block made from the template: first, second and third and their fees.
    BlockTemplate tmpl = next_template(chain, recorded.reward_script, fork.time + 10);
    CHECK(tmpl.height == 103);
    CHECK(tmpl.txs == std::vector<Tx>{first, second, third});
    CHECK(tmpl.coinbase_outputs[0].value == 51 * kCoin + 700);
    CHECK(next_template(chain, recorded.reward_script, 0).time == fork.median_time + 1);
    Block block = build_block(tmpl);
    test::sign_block(block, std::span(recorded.signers).last(2), recorded.witness_script);
    test::grind_block(block);
    REQUIRE(chain.submit_block(encode_block(block), recorded.recorded_at));
    CHECK(chain.mempool().empty());
    CHECK(chain.find_tx(txid(second))->position == 2);
    CHECK(chain.accept_to_mempool(first).error() == RejectReason::tx_already_known);

    // A branch of two from height 102 that confirms another spend of what `third` spent.
    const Tx rival = spend(coinbase(3), 50 * kCoin, 48 * kCoin);
    const Buffer d103 = miner.mine(fork.hash, 103, fork.time + 20, 50 * kCoin, {rival});
    const Buffer d104 = miner.mine(hash_of(d103), 104, fork.time + 21);
    CHECK_FALSE(chain.submit_block(d103, recorded.recorded_at)->best);
    CHECK(chain.submit_block(d104, recorded.recorded_at)->reorganised);
    REQUIRE(chain.mempool().size() == 2);  // first and second wait again; third lost to its rival
    CHECK(chain.mempool()[0].txid == txid(first));
    CHECK(chain.mempool()[1].txid == txid(second));
    CHECK(chain.find_tx(txid(rival))->height == 103);
    CHECK_FALSE(chain.find_tx(txid(third)));
}

TEST_CASE("mempool: each refusal has its word") {
    if (test::recorded_chain() == nullptr) return;
    const auto& recorded = *test::recorded_chain();
    ChainState chain(recorded.params, 2);
    for (const Buffer& block : recorded.blocks) REQUIRE(chain.submit_block(block, recorded.recorded_at));
    const auto coinbase = [&](std::uint32_t height) { return OutPoint{txid(chain.block_at(height)->txs[0]), 0}; };
    const auto refused = [&](const Tx& tx) {
        const auto accepted = chain.accept_to_mempool(tx);
        REQUIRE_FALSE(accepted);
        return accepted.error();
    };
    const auto spend = [&](std::uint32_t height, std::vector<TxOut> outputs, std::uint32_t lock_time = 0) {
        return test::spend_p2wpkh(recorded.reward, coinbase(height), 50 * kCoin, std::move(outputs), 0xfffffffd,
                                  lock_time);
    };
    const TxOut one{1, recorded.reward_script};
    CHECK(refused(chain.block_at(102)->txs[0]) == RejectReason::tx_is_coinbase);
    CHECK(refused(spend(2, {})) == RejectReason::vout_empty);
    CHECK(refused(spend(2, {one}, 103)) == RejectReason::not_final);
    CHECK(refused(spend(4, {one})) == RejectReason::premature_coinbase_spend);
    CHECK(refused(spend(2, {{50 * kCoin + 1, {}}})) == RejectReason::outputs_exceed_inputs);
    const Tx open = spend(2, {{50 * kCoin, {kOp1}}}, 102);
    CHECK(chain.accept_to_mempool(open));
    CHECK(refused(open) == RejectReason::tx_already_known);
    CHECK(refused(spend(2, {one})) == RejectReason::tx_mempool_conflict);
    Tx legacy = test::spend_p2wpkh(recorded.reward, {txid(open), 0}, 50 * kCoin, {one});
    CHECK(refused(legacy) == RejectReason::script_unsupported);
    legacy.inputs[0].prevout.index = 1;
    CHECK(refused(legacy) == RejectReason::inputs_missing_or_spent);
    Tx wrong = spend(3, {one});
    wrong.outputs[0].value = 2;
    CHECK(refused(wrong) == RejectReason::script_failed);
    const Tx last = spend(3, {one});
    CHECK(chain.accept_to_mempool(last));
    CHECK(chain.spendable_next(*chain.coin(coinbase(3))));
    const Tx more = test::spend_p2wpkh(recorded.reward, {txid(last), 0}, 1, {one});
    CHECK(refused(more) == RejectReason::mempool_full);
}

TEST_CASE("chain: the difficulty changes at the interval's heights, by the period's own first and last block") {
    const auto& net = test::testnet();
    Miner miner{net.signers, net.witness_script};
    // 403,200 s a block: a change every 3 blocks. Blocks 0 to 2 span half a fortnight: twice as hard.
    ChainState chain(ChainParams{net.params.challenge, 403'200});
    const std::uint32_t start = genesis_block().header.time;
    CHECK(chain.params().retarget_interval() == 3);
    const Buffer one = miner.mine(chain.tip().hash, 1, start + 5);
    CHECK(chain.submit_block(one, kNow));
    CHECK(chain.next_bits() == kBitsLimit);
    const Buffer two = miner.mine(chain.tip().hash, 2, start + kRetargetTimespan_s / 2);
    CHECK(chain.submit_block(two, kNow));
    CHECK(chain.next_bits() == 0x1e01bbd7);
    const std::uint32_t later = start + kRetargetTimespan_s;
    const Buffer easy = miner.mine(chain.tip().hash, 3, later);
    CHECK(chain.submit_block(easy, kNow).error() == RejectReason::bad_bits);
    miner.bits = chain.next_bits();
    const Buffer three = miner.mine(chain.tip().hash, 3, later);
    CHECK(chain.submit_block(three, kNow)->best);
    CHECK(chain.next_bits() == 0x1e01bbd7);
    // To a chain with the usual interval the same block is one of the wrong difficulty.
    ChainState usual(net.params);
    CHECK(usual.submit_block(one, kNow));
    CHECK(usual.submit_block(two, kNow));
    CHECK(usual.submit_block(three, kNow).error() == RejectReason::bad_bits);
}
