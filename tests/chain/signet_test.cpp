// The recorded signet: 102 blocks and 71 judged blocks of a Bitcoin node, against the embedded node.
#include <doctest/doctest.h>

#include "chain/block_check.hpp"
#include "chain/merkle.hpp"
#include "chain/pow.hpp"
#include "chain/signet.hpp"
#include "support.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::chain;
using test::recorded_chain;

namespace {
bool absent() {
    if (recorded_chain() != nullptr) return false;
    MESSAGE("third-party vectors are absent: skipped");
    return true;
}

// The node's word without what it adds behind it: "bad-version(0x00000003)", "...-failed (Witness program ...)".
std::string bare(const std::string& word) {
    return word.substr(0, word.find_first_of(" ("));
}
}  // namespace

TEST_CASE("signet: the genesis block has the hash all signets share") {
    CHECK(hash_text(block_hash(genesis_block().header)) ==
          "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6");
    CHECK(hash_text(genesis_block().header.merkle_root) ==
          "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b");
    CHECK(check_pow(genesis_block().header));
}

TEST_CASE("signet: all 102 recorded blocks are accepted and their settlement is found") {
    if (absent()) return;
    const auto& recorded = *recorded_chain();
    CHECK(network_magic(recorded.params) == recorded.magic);
    ChainState chain = test::replay_recorded();
    CHECK(chain.tip().height == 102);
    CHECK(Buffer(chain.raw_block_at(102).begin(), chain.raw_block_at(102).end()) == recorded.blocks[101]);
    const Tx settlement = *decode_tx(recorded.settlement_tx);
    const auto place = chain.find_tx(txid(settlement));
    REQUIRE(place);
    CHECK(place->height == 102);
    CHECK(place->position == 1);
    CHECK(place->block_hash == chain.tip().hash);
    CHECK(chain.height_of(chain.tip().hash) == 102U);
    CHECK(chain.block_at(102)->txs[1] == settlement);
    CHECK_FALSE(chain.block_at(103));
    CHECK_FALSE(chain.header_at(103));
    CHECK(chain.raw_block_at(103).empty());
    // 101 coinbases that nobody spent, and the settlement's first output; OP_RETURN is no coin.
    CHECK(chain.utxos_of(recorded.reward_script).size() == 102);
    CHECK(chain.coins().size() == 102);
    CHECK_FALSE(chain.coin(settlement.inputs[0].prevout));
    CHECK(chain.coin({txid(settlement), 0})->out.value == 50 * kCoin - 2000);
    CHECK_FALSE(chain.coin({txid(settlement), 1}));
}

TEST_CASE("signet: the 71 recorded verdicts of a Bitcoin node are ours too") {
    if (absent()) return;
    const auto& recorded = *recorded_chain();
    ChainState chain = test::replay_recorded();
    int agreed = 0;
    for (const auto& judged : recorded.verdicts) {
        CAPTURE(judged.name);
        const auto verdict = chain.submit_block(judged.block, recorded.recorded_at);
        std::string word = verdict ? "" : std::string(bip22_word(verdict.error()));
        if (judged.name == "coinbase-witness-nonce-missing") {
            // submitblock writes the missing nonce into the block before it judges it; a validator does not.
            CHECK(word == "bad-witness-nonce-size");
        } else if (judged.name == "block-truncated-by-one-byte") {
            CHECK(word == "block-decode-failed");  // an RPC error there
            ++agreed;
        } else {
            CHECK(word == bare(judged.result));
            CHECK(verdict.has_value() == judged.accepted);
            ++agreed;
        }
        if (verdict) chain = test::replay_recorded();
    }
    CHECK(recorded.verdicts.size() == 71);
    CHECK(agreed == 70);
}

TEST_CASE("signet: a block built, signed and assembled here is byte for byte the recorded one") {
    if (absent()) return;
    const auto& recorded = *recorded_chain();
    for (const std::size_t height : {std::size_t{1}, std::size_t{16}, std::size_t{17}, std::size_t{102}}) {
        const Block original = *decode_block(recorded.blocks[height - 1]);
        BlockTemplate tmpl;
        tmpl.previous = original.header.previous;
        tmpl.height = static_cast<std::uint32_t>(height);
        tmpl.time = original.header.time;
        tmpl.coinbase_outputs = {original.txs[0].outputs[0]};
        tmpl.txs.assign(original.txs.begin() + 1, original.txs.end());
        const Bytes tag = as_bytes("/ext/");
        tmpl.tag.assign(tag.begin(), tag.end());
        Block block = build_block(tmpl);
        const auto first = height == 102 ? 1 : 0;  // block 102 was signed by keys 2 and 3
        test::sign_block(block, std::span(recorded.signers).subspan(static_cast<std::size_t>(first), 2),
                         recorded.witness_script);
        block.header.nonce = original.header.nonce;
        CHECK(to_hex(encode_block(block)) == to_hex(recorded.blocks[height - 1]));
        CHECK(verify_signet(block, recorded.params.challenge));
    }
}

TEST_CASE("signet: each way a solution can be wrong has its name") {
    const auto& net = test::testnet();
    BlockTemplate tmpl;
    tmpl.previous = block_hash(genesis_block().header);
    tmpl.height = 1;
    tmpl.time = genesis_block().header.time + 600;
    const Block unsigned_block = build_block(tmpl);
    const auto verdict = [&](const Block& block) { return verify_signet(block, net.params.challenge); };

    Block block = unsigned_block;
    test::sign_block(block, std::span(net.signers).first(2), net.witness_script);
    CHECK(verdict(block));
    const Buffer solution = signet_parts(block)->solution;
    CHECK(signet_parts(block)->message == signet_parts(unsigned_block)->message);

    CHECK(verdict(unsigned_block).error() == ChainError::no_solution);
    Block none = unsigned_block;
    none.txs[0].outputs.clear();
    CHECK(verdict(none).error() == ChainError::no_commitment);
    CHECK(verdict(Block{}).error() == ChainError::no_commitment);

    // Every truncation, and one byte too many.
    for (std::size_t size = 1; size < solution.size(); ++size) {
        set_signet_solution(block, Bytes(solution).first(size));
        CHECK_FALSE(verdict(block));
    }
    Buffer longer = solution;
    longer.push_back(std::byte{0});
    set_signet_solution(block, longer);
    CHECK(verdict(block).error() == ChainError::bad_solution);
    // Every single bit flipped. A flip in a hash type byte changes what is signed, in a signature its value.
    for (std::size_t bit = 0; bit < solution.size() * 8; ++bit) {
        Buffer flipped = solution;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        set_signet_solution(block, flipped);
        CHECK_FALSE(verdict(block));
    }
    set_signet_solution(block, solution);
    CHECK(verdict(block));
    // Neither bits nor nonce are signed; time, version and previous are.
    block.header.nonce ^= 1;
    block.header.bits ^= 1;
    CHECK(verdict(block));
    block.header.time ^= 1;
    CHECK(verdict(block).error() == ChainError::signature_invalid);
}

TEST_CASE("block: no truncation and no flipped bit of a block is accepted, and none does harm") {
    if (absent()) return;
    const auto& recorded = *recorded_chain();
    const Buffer& good = recorded.blocks[101];
    ChainState chain = test::replay_recorded(101);
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK_FALSE(chain.submit_block(Bytes(good).first(size), recorded.recorded_at));
    const BlockPlace place{102, kBitsLimit, chain.tip().median_time, recorded.recorded_at};
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        Buffer flipped = good;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        CHECK_FALSE(chain.submit_block(flipped, recorded.recorded_at));
        // Past the proof of work, into the deeper checks: only that they stand is asked.
        const auto block = decode_block(flipped);
        if (!block) continue;
        CHECK(encode_block(*block) == flipped);
        static_cast<void>(verify_signet(*block, recorded.params.challenge));
        if (check_block(*block, recorded.params.challenge)) static_cast<void>(check_block_place(*block, place));
    }
    CHECK(chain.submit_block(good, recorded.recorded_at));
}
