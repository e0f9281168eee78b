// Receipts against whoever makes the blocks: it has them signed and ground, and puts into them what it likes. Nothing
// it can make by itself counts as a settlement, and nothing of it spoils a true one.
#include <doctest/doctest.h>

#include "receipt_world.hpp"

using namespace giro;
using namespace giro::settlement;
using namespace giro::settlement::test;

namespace {
struct Spent {
    chain::OutPoint coin;
    chain::Satoshi amount = 0;
    const Owner* owner = nullptr;
};
Commitment commitment(std::size_t which) {
    return {world().settled[which].window.window, world().settled[which].window.root};
}
chain::TxOut commitment_output(std::size_t which) {
    return {0, chain::op_return_script(commitment_bytes(commitment(which)))};
}
// Commits to the window of settled[which], well signed by the owners of what it spends.
chain::Tx committing(std::size_t which, const std::vector<Spent>& spent) {
    chain::Tx tx;
    for (const Spent& s : spent) tx.inputs.push_back({s.coin, {}, chain::kSequenceFinal, {}});
    tx.outputs = {commitment_output(which), {spent[0].amount, banks()[0].script}};
    for (std::size_t i = 0; i < spent.size(); ++i) spent[i].owner->sign(tx, i, spent[i].amount);
    return tx;
}
Spent spare(std::uint32_t bank, std::uint32_t n) {
    return {world().coin(bank, n), World::kCoinAmount, &banks()[bank - 1]};
}

// What a taken-over giro-chain could have signed.
//   block 2: a coinbase that commits to window 1 and mints for a stranger; window 3, and window 3 again
//   block 3: window 4 with a minted coin beside a bank's, and with it alone; then window 4 truly; window 2 with a coin
//            from nowhere, and with the banks' coins but not their signatures; window 1 truly, with a coin that a
//            settlement paid; window 3 once more
struct Attacked {
    static constexpr chain::Satoshi kMinted = 5'000;
    const World& w = world();
    Owner stranger{9};
    chain::Tx coinbase, again_at_once, mixed, minted, nowhere, not_signed, from_change, again_later;
    std::vector<Buffer> raw;

    Attacked() {
        again_at_once = committing(2, {spare(1, 5)});
        BlockPlan second{{commitment_output(0), {kMinted, stranger.script}}, {w.settled[2].tx, again_at_once}};
        coinbase = block_on(w.first, 2, second, Grind::no).txs[0];  // grinding does not change it
        const Spent mint{{chain::txid(coinbase), 1}, kMinted, &stranger};
        mixed = committing(3, {spare(1, 6), mint});
        minted = committing(3, {mint});
        nowhere = committing(1, {{{Hash256{std::byte{7}}, 0}, kMinted, &banks()[0]}});
        not_signed = w.settled[1].tx;
        std::swap(not_signed.inputs[0].witness[1], not_signed.inputs[0].witness[2]);  // the keys' order counts
        from_change = committing(0, {paid_by(w.settled[2].tx)});
        again_later = committing(2, {spare(2, 5)});
        BlockPlan third{{}, {mixed, minted, w.settled[3].tx, nowhere, not_signed, from_change, again_later}};
        raw = World::chain_of(w.first, {second, third}, Grind::yes);
    }
    static Spent paid_by(const chain::Tx& tx) {
        const auto& output = tx.outputs[1];
        const auto owner = std::ranges::find(banks(), output.script_pubkey, &Owner::script);
        return {{chain::txid(tx), 1}, output.value, &*owner};
    }
};
const Attacked& attacked() {
    static const Attacked made;
    return made;
}
std::optional<Check> failure_by(std::size_t which, const chain::Tx& tx, std::uint32_t height) {
    return failure_of(receipt_by(which, 0, tx, height, attacked().raw), attacked().raw);
}
}  // namespace

TEST_CASE("receipt: a commitment in a coinbase settles nothing") {
    CHECK(failure_by(0, attacked().coinbase, 2) == Check::coinbase);
}

TEST_CASE("receipt: a commitment that spends a stranger's coin settles nothing") {
    CHECK(failure_by(3, attacked().minted, 3) == Check::coins);
    CHECK(failure_by(3, attacked().mixed, 3) == Check::coins);  // one coin of a bank does not make it the banks'
    CHECK(failure_by(1, attacked().nowhere, 3) == Check::coins);
}

TEST_CASE("receipt: a commitment without the banks' signatures settles nothing") {
    CHECK(failure_by(1, attacked().not_signed, 3) == Check::signatures);
}

TEST_CASE("receipt: a second commitment for a window settles nothing, in the same block or a later one") {
    CHECK_FALSE(failure_by(2, attacked().w.settled[2].tx, 2));  // the first does, whatever follows
    CHECK(failure_by(2, attacked().again_at_once, 2) == Check::first);
    CHECK(failure_by(2, attacked().again_later, 3) == Check::first);
}

TEST_CASE("receipt: commitments that settle nothing do not spoil the true one after them") {
    CHECK_FALSE(failure_by(3, attacked().w.settled[3].tx, 3));
    CHECK_FALSE(failure_by(0, attacked().from_change, 3));  // spends what an earlier settlement paid a bank
}

TEST_CASE("receipt: an earlier settlement whose witness was spoilt still comes first") {
    auto raw = attacked().raw;
    auto block = chain::decode_block(raw[2]).value();
    std::swap(block.txs[1].inputs[0].witness[1], block.txs[1].inputs[0].witness[2]);  // same txids, same header
    raw[2] = chain::encode_block(block);
    CHECK(failure_of(receipt_by(2, 0, attacked().again_later, 3, raw), raw) == Check::first);
}

TEST_CASE("receipt: the bodies of earlier blocks are those of their headers") {
    const Receipt good = receipt_of(3, 0);
    auto raw = world().raw;
    auto block = chain::decode_block(raw[1]).value();
    block.txs[0].outputs[0].script_pubkey = Owner(9).script;  // one more participant
    raw[1] = chain::encode_block(block);
    CHECK(failure_of(good, raw) == Check::bodies);
    raw[1] = world().raw[1];
    raw[1].pop_back();
    CHECK(failure_of(good, raw) == Check::bodies);
    block = chain::decode_block(world().raw[1]).value();
    block.txs.push_back(block.txs[0]);  // a padded list; with one transaction more its root is another
    raw[1] = chain::encode_block(block);
    CHECK(failure_of(good, raw) == Check::bodies);
}
