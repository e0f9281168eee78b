// The contract of chain::Backend, held against both: the embedded node, and the embedded node that follows a real Bitcoin
// node, which judges every block by itself. The words that refuse a damaged block are the same.
#include <doctest/doctest.h>

#include "damaged.hpp"
#include "under_test.hpp"

using namespace giro;
using namespace giro::chain;
using node_test::Kind;
using node_test::UnderTest;
using node_test::word_of;

namespace {
std::string name_of(Kind kind) { return kind == Kind::embedded ? "embedded" : "a Bitcoin node"; }
const auto& mined() { return fuzz::mined_blocks(); }

// One with the mined chain.
std::unique_ptr<UnderTest> with_chain(Kind kind) {
    auto at = std::make_unique<UnderTest>(kind);
    REQUIRE(at->in_step());
    at->submit_all(mined());
    REQUIRE(at->chain().tip().height == 101);
    return at;
}
}  // namespace

TEST_CASE("back end: it begins at the genesis block, takes blocks one after another, and knows them after a restart") {
    for (const Kind kind : node_test::kinds()) {
        CAPTURE(name_of(kind));
        UnderTest at(kind);
        REQUIRE(at.in_step());
        CHECK(at.chain().tip().hash == block_hash(genesis_block().header));
        at.submit_all(std::span(mined()).first(20));
        CHECK(at.chain().tip().hash == block_hash(decode_block(mined()[19])->header));
        CHECK(word_of(at.submit(*decode_block(mined()[19]))) == "duplicate");
        CHECK(word_of(at.submit(*decode_block(mined()[3]))) == "duplicate");
        CHECK(word_of(at.submit(*decode_block(mined()[30]))) == "prev-blk-not-found");
        at.restart();
        CHECK(at.chain().tip().height == 20);
        CHECK(at.in_step());
        at.submit_all(std::span(mined()).subspan(20, 1));
        CHECK_FALSE(at.failure);
    }
}

TEST_CASE("back end: of each kind of damaged block it says the same word, and a good one is still taken") {
    const auto& damaged = node_test::damaged_blocks();
    CHECK(damaged.size() >= 50);
    for (const Kind kind : node_test::kinds()) {
        const auto at = with_chain(kind);
        for (const auto& one : damaged) {
            CAPTURE(name_of(kind));
            CAPTURE(one.name);
            const auto taken = at->submit(one.block);
            CHECK(word_of(taken) == one.word);
            if (!taken) CHECK(taken.error().why == NotTaken::Why::refused);
        }
        CHECK(at->chain().tip().height == 101);
        const Tx pays = node_test::spend_of(1, block_subsidy(1) - 7);
        CHECK(at->submit(node_test::ground_as("good", node_test::block_on(node_test::block_101(), 102, {pays}, 7))));
        CHECK(at->chain().tip().height == 102);
        CHECK(at->chain().find_tx(txid(pays))->position == 1);
        CHECK_FALSE(at->failure);
    }
}

TEST_CASE("back end: a tx waits, is taken again without complaint, and leaves with its block") {
    for (const Kind kind : node_test::kinds()) {
        CAPTURE(name_of(kind));
        const auto at = with_chain(kind);
        const Satoshi all = block_subsidy(1);
        const Tx pays = node_test::spend_of(1, all - 7);
        for (int again = 0; again < 2; ++again) {
            const auto taken = at->submit(pays);
            REQUIRE_MESSAGE(taken, word_of(taken));
            CHECK(*taken == txid(pays));
            CHECK(at->chain().in_mempool(txid(pays)));
        }
        const auto refused = [&](const Tx& tx) {
            const auto taken = at->submit(tx);
            REQUIRE_FALSE(taken);
            CHECK(taken.error().why == NotTaken::Why::refused);
            CHECK_FALSE(at->chain().in_mempool(txid(tx)));
            return taken.error().word;
        };
        CHECK(refused(node_test::spend_of(3, 1)) == "bad-txns-premature-spend-of-coinbase");
        CHECK(refused(node_test::spend_of(2, all + 1)) == "bad-txns-in-belowout");
        Tx nowhere = node_test::spend_of(2, 1);
        nowhere.inputs[0].prevout.index = 5;
        CHECK(refused(nowhere) == "bad-txns-inputs-missingorspent");
        Tx bad = node_test::spend_of(2, all);
        bad.inputs[0].witness = pays.inputs[0].witness;
        CHECK(refused(bad) == "mandatory-script-verify-flag-failed");
        CHECK_FALSE(at->submit(node_test::spend_of(1, all - 7, 0xfffffffe)));  // a rival that pays no more: a node's policy
        const Block block = node_test::ground_as("good", node_test::block_on(node_test::block_101(), 102, {pays}, 7));
        REQUIRE(at->submit(block));
        CHECK(at->chain().mempool().empty());
        CHECK(at->chain().find_tx(txid(pays))->height == 102);
        CHECK(*at->submit(pays) == txid(pays));  // its sender may not know
        CHECK(at->chain().mempool().empty());
        CHECK_FALSE(at->failure);
    }
}

TEST_CASE("back end: the branch with more work wins, and what it leaves out waits again") {
    for (const Kind kind : node_test::kinds()) {
        CAPTURE(name_of(kind));
        const auto at = with_chain(kind);
        const Tx pays = node_test::spend_of(1, block_subsidy(1) - 7);
        const Block first = node_test::ground_as("good", node_test::block_on(node_test::block_101(), 102, {pays}, 7));
        const Block rival = node_test::ground_as("rival", node_test::block_on(node_test::block_101(), 102, {}));
        const Block after = node_test::ground_as("after the rival", node_test::block_on(rival, 103, {}));
        REQUIRE(at->submit(first));
        const auto stored = at->submit(rival);
        REQUIRE(stored);
        CHECK_FALSE(stored->best);
        CHECK(at->chain().tip().hash == block_hash(first.header));
        const auto won = at->submit(after);
        REQUIRE(won);
        CHECK(won->best);
        CHECK(won->reorganised);
        CHECK(at->chain().tip().hash == block_hash(after.header));
        CHECK_FALSE(at->chain().find_tx(txid(pays)));
        CHECK(at->chain().in_mempool(txid(pays)));
        CHECK(at->in_step());
        at->restart();
        CHECK(at->chain().tip().hash == block_hash(after.header));
        CHECK(at->in_step());
    }
}
