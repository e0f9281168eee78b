// The index beside the chain it is made of.
#include <doctest/doctest.h>

#include <algorithm>

#include "explorer/search.hpp"
#include "tests/explorer/world.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::explorer;
namespace t = giro::explorer::test;
namespace st = giro::settlement::test;

TEST_CASE("index: every transaction is found where it lies, with its own bytes") {
    const Index index = t::index();
    CHECK(index.tip_height() == 102);
    std::size_t seen = 0;
    for (std::uint32_t height = 0; height <= index.tip_height(); ++height) {
        const auto block = chain::decode_block(t::blocks()[height]).value();
        CHECK(index.height_of(chain::block_hash(block.header)) == height);
        for (std::uint32_t position = 0; position < block.txs.size(); ++position, ++seen) {
            const auto number = index.find_tx(chain::txid(block.txs[position]));
            REQUIRE(number);
            CHECK(index.tx(*number).height == height);
            CHECK(index.tx(*number).position == position);
            CHECK(index.decode(*number) == block.txs[position]);
        }
    }
    CHECK(seen == index.tx_count());
    CHECK_FALSE(index.find_tx(Hash256{}));
}

TEST_CASE("index: balances are the chain's own unspent outputs, and their sum is the supply") {
    const Index index = t::index();
    chain::Satoshi all = 0;
    for (const Party& party : index.parties()) {
        chain::Satoshi sum = 0;
        for (const auto& unspent : index.chain().utxos_of(party.script)) sum += unspent.coin.out.value;
        REQUIRE(index.find_script(party.script) != nullptr);
        CHECK(index.find_script(party.script)->balance() == sum);
        CHECK(index.find_script_hash(sha256(party.script)) == index.find_script(party.script));
        all += sum;
    }
    CHECK(index.supply() == all);
}

TEST_CASE("index: an output knows who spent it") {
    const Index index = t::index();
    for (const auto& settled : st::world().settled) {
        const auto spender = index.find_tx(chain::txid(settled.tx)).value();
        for (std::uint32_t i = 0; i < settled.tx.inputs.size(); ++i) {
            const OutputRow* row = index.spent_by(settled.tx.inputs[i].prevout);
            REQUIRE(row != nullptr);
            CHECK(row->spender == spender);
            CHECK(row->spender_input == i);
        }
        CHECK(index.tx(spender).fee == 0);
    }
}

TEST_CASE("index: a window is settled by the transaction that commits to it, and moves its nets") {
    const Index index = t::index();
    CHECK(index.windows().size() == 4);
    for (const auto& settled : st::world().settled) {
        const WindowRow* row = index.find_window(settled.window.window);
        REQUIRE(row != nullptr);
        CHECK(row->commitment.root == settled.window.root);
        CHECK(index.tx(row->tx).txid == chain::txid(settled.tx));
        CHECK(index.window_of(row->tx) == row);
        CHECK(index.window_with_root(settled.window.root) == row);
        chain::Satoshi sum = 0;
        for (const Position& position : index.positions(row->tx)) {
            const auto net = std::find_if(settled.window.nets.begin(), settled.window.nets.end(),
                                          [&](const auto& n) { return n.participant == position.party->id; });
            REQUIRE(net != settled.window.nets.end());
            CHECK(position.net == net->net);
            sum += position.net;
        }
        CHECK(sum == 0);
    }
    CHECK(index.find_window(5) == nullptr);
}

TEST_CASE("index: a block that the rules refuse changes nothing, one that is known is no error") {
    Index index = t::index();
    Buffer changed = t::other_end()[0];
    changed[100] ^= std::byte{1};
    CHECK_FALSE(index.submit(changed));
    CHECK_FALSE(index.submit(Bytes(t::blocks()[50]).first(60)));
    CHECK(index.submit(t::blocks()[50]) == false);
    CHECK(index.submit(t::blocks()[0]) == false);
    CHECK(index.tip_height() == 102);
}

TEST_CASE("index: after a reorganisation only the new chain is shown") {
    Index index = t::index();
    CHECK(index.submit(t::other_end()[0]) == false);  // as much work: the first one stays
    CHECK(index.windows().size() == 4);
    CHECK(index.submit(t::other_end()[1]) == true);
    CHECK(index.tip_height() == 103);
    CHECK(index.windows().size() == 1);
    CHECK_FALSE(index.find_tx(chain::txid(st::world().settled[1].tx)));
    chain::Satoshi all = 0;
    for (const Party& party : index.parties()) all += index.find_script(party.script)->balance();
    CHECK(index.supply() == all);
}

TEST_CASE("search: height, hash, txid, window, root, address and name lead to their pages") {
    const Index index = t::index();
    const auto hash = chain::hash_text(index.block(7).hash);
    const auto txid = chain::hash_text(index.tx(7).txid);
    const auto root = to_hex(st::world().settled[2].window.root);
    CHECK(path_of(index, "7") == "/block/" + hash);
    CHECK(path_of(index, " " + hash + "\n") == "/block/" + hash);
    CHECK(path_of(index, txid) == "/tx/" + txid);
    CHECK(path_of(index, root) == "/window/3");
    CHECK(path_of(index, "W2") == "/window/2");
    CHECK(path_of(index, "window 2") == "/window/2");
    CHECK(path_of(index, "Alpha").starts_with("/address/tb1q"));
    CHECK(path_of(index, path_of(index, "alpha").substr(9)) == path_of(index, "alpha"));
    for (const char* nothing : {"", " ", "103", "-1", "w9", "w", "07", "<script>", "tb1qqqqq", "0000000000000000000000000000000000000000000000000000000000000000"})
        CHECK(path_of(index, nothing).empty());
    CHECK(path_of(index, std::string(101, '1')).empty());
}
