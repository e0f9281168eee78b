// How giro-chain lives with a Bitcoin node that goes away, forgets, moves on by itself, or is another one. And how it lives
// with a program that only says it is a node.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "bitcoin_node/rpc.hpp"
#include "damaged.hpp"
#include "under_test.hpp"
#include "util/file.hpp"

using namespace giro;
using namespace giro::chain;
using node_test::Kind;
using node_test::UnderTest;
using node_test::word_of;

namespace {
const auto& mined() { return fuzz::mined_blocks(); }
bool contains(std::string_view all, std::string_view part) { return all.find(part) != std::string_view::npos; }

// As another producer's box would.
std::string give_to_node(UnderTest& at, const Buffer& raw) { return at.node().ask(bitcoin_node::tell_block(raw)); }
}  // namespace

TEST_CASE("a Bitcoin node: blocks and txs that it hears elsewhere are here at once, by its notifications") {
    if (!node_test::has_node()) return;
    UnderTest at(Kind::bitcoin_node);
    REQUIRE(at.in_step());
    at.submit_all(std::span(mined()).first(100));
    REQUIRE(at.eventually([&] { return at.subscribed(); }));
    CHECK(contains(give_to_node(at, mined()[100]), "\"result\":null"));
    CHECK(at.eventually([&] { return at.chain().tip().height == 101; }));
    CHECK(at.tip_changes == 1);
    const Tx pays = node_test::spend_of(1, block_subsidy(1) - 7);
    CHECK(contains(at.node().ask(bitcoin_node::tell_tx(encode_tx(pays))), hash_text(txid(pays))));
    CHECK(at.eventually([&] { return at.chain().in_mempool(txid(pays)); }));
    CHECK_FALSE(at.failure);
}

TEST_CASE("a Bitcoin node that is away is said to be, and takes up where it was when it is back") {
    if (!node_test::has_node()) return;
    UnderTest at(Kind::bitcoin_node);
    REQUIRE(at.in_step());
    at.submit_all(std::span(mined()).first(3));
    at.node().kill();
    const auto taken = at.submit(*decode_block(mined()[3]));
    REQUIRE_FALSE(taken);
    CHECK(taken.error().why == NotTaken::Why::unavailable);
    CHECK(at.submit(node_test::spend_of(1, 1)).error().why == NotTaken::Why::unavailable);
    at.restart();  // giro-chain starts without its node, too
    CHECK(at.eventually([&] { return contains(at.trouble(), "does not listen"); }));
    CHECK(at.chain().tip().height == 3);
    at.node().start();
    CHECK(at.in_step());
    at.submit_all(std::span(mined()).subspan(3, 2));
    CHECK(at.eventually([&] { return at.subscribed(); }));
    CHECK_FALSE(at.failure);
}

TEST_CASE("a Bitcoin node that lost its chain gets it back, and what waits with it") {
    if (!node_test::has_node()) return;
    UnderTest at(Kind::bitcoin_node);
    REQUIRE(at.in_step());
    at.submit_all(mined());
    const Tx pays = node_test::spend_of(1, block_subsidy(1) - 7);
    REQUIRE(at.submit(pays));
    at.node().stop();
    at.node().forget_chain();
    at.node().start();
    // The next block is refused for want of its parent, which makes giro-chain look.
    const Block next = node_test::ground_as("good", node_test::block_on(node_test::block_101(), 102, {pays}, 7));
    const auto first = at.submit(next);
    CHECK((first || first.error().why == NotTaken::Why::unavailable));
    CHECK(at.eventually([&] { return contains(at.node().ask(bitcoin_node::ask_block_hash(101)), hash_text(block_hash(node_test::block_101().header))); }));
    CHECK(at.eventually([&] { return contains(at.node().ask(bitcoin_node::ask_waiting_txs()), hash_text(txid(pays))); }));
    CHECK(at.in_step());
    if (!first) CHECK(at.submit(next));
    CHECK(at.chain().tip().height == 102);
    CHECK_FALSE(at.failure);
}

TEST_CASE("a Bitcoin node that stands on a branch with more work is followed; one with less gets ours") {
    if (!node_test::has_node()) return;
    const Block ours = node_test::ground_as("good", node_test::block_on(node_test::block_101(), 102, {node_test::spend_of(1, block_subsidy(1) - 7)}, 7));
    const Block rival = node_test::ground_as("rival", node_test::block_on(node_test::block_101(), 102, {}));
    const Block after = node_test::ground_as("after the rival", node_test::block_on(rival, 103, {}));
    UnderTest at(Kind::bitcoin_node);
    REQUIRE(at.in_step());
    at.submit_all(mined());
    CHECK(contains(give_to_node(at, encode_block(rival)), "null"));
    REQUIRE(at.eventually([&] { return at.chain().tip().hash == block_hash(rival.header); }));
    const auto stored = at.submit(ours);
    REQUIRE(stored);
    CHECK_FALSE(stored->best);
    CHECK(contains(give_to_node(at, encode_block(after)), "null"));
    CHECK(at.eventually([&] { return at.chain().tip().hash == block_hash(after.header); }));
    CHECK(at.in_step());
    CHECK_FALSE(at.failure);
}

TEST_CASE("a Bitcoin node of another chain is trouble that says how it must be started, and nothing is taken from it or given to it") {
    if (!node_test::has_node()) return;
    UnderTest at(Kind::bitcoin_node);
    REQUIRE(at.in_step());
    const node_test::Folder folder;
    node_test::RealNode other(folder.path, Buffer{kOp1});
    other.start();
    at.elsewhere = other.settings();
    at.restart();
    REQUIRE(at.eventually([&] { return contains(at.trouble(), "another chain"); }));
    CHECK(contains(at.trouble(), "-signetchallenge=" + to_hex(chain::test::testnet().params.challenge)));
    CHECK(at.chain().tip().height == 0);
    CHECK_FALSE(at.failure);
}

TEST_CASE("a Bitcoin node whose cookie cannot be read, or is not its own, is trouble that names the file") {
    if (!node_test::has_node()) return;
    UnderTest at(Kind::bitcoin_node);
    REQUIRE(at.in_step());
    const node_test::Folder folder;
    at.elsewhere = at.node().settings();
    at.elsewhere->cookie = folder.path / "cookie";
    at.restart();
    CHECK(at.eventually([&] { return contains(at.trouble(), "no cookie can be read from " + at.elsewhere->cookie.string()); }));
    REQUIRE(write_file_atomic(folder.path / "secret", as_bytes("__cookie__:of another"), 0600));
    std::filesystem::create_symlink(folder.path / "secret", at.elsewhere->cookie);  // by whoever has the node
    at.restart();
    CHECK(at.eventually([&] { return contains(at.trouble(), "no cookie can be read"); }));
    std::filesystem::remove(at.elsewhere->cookie);
    REQUIRE(::mkfifo(at.elsewhere->cookie.c_str(), 0600) == 0);
    at.restart();
    CHECK(at.eventually([&] { return contains(at.trouble(), "no cookie can be read"); }));
    std::filesystem::remove(at.elsewhere->cookie);
    REQUIRE(write_file_atomic(at.elsewhere->cookie, as_bytes("1234"), 0600));  // some other file
    at.restart();
    CHECK(at.eventually([&] { return contains(at.trouble(), "no cookie can be read"); }));
    REQUIRE(write_file_atomic(at.elsewhere->cookie, as_bytes("__cookie__:wrong"), 0600));
    CHECK(at.eventually([&] { return contains(at.trouble(), "does not take the cookie"); }));
    CHECK_FALSE(at.failure);
}
