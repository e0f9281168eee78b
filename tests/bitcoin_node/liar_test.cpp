// A program that took the node's port and says what it likes. Nothing it says is believed, and nothing ends giro-chain.
#include <doctest/doctest.h>

#include <map>

#include "bitcoin_node/rpc.hpp"
#include "damaged.hpp"
#include "under_test.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"

using namespace giro;
using namespace giro::chain;
using node_test::UnderTest;

namespace {
bool contains(std::string_view all, std::string_view part) { return all.find(part) != std::string_view::npos; }
std::string http(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string result(const std::string& value) { return http(R"({"result":)" + value + R"(,"error":null,"id":1})"); }

// By method: what it answers, byte for byte.
using Script = std::map<std::string, std::string>;

class Talker final : public net::Protocol {
  public:
    explicit Talker(const Script& script) : m_script(script) {}
    std::size_t received(net::Connection& connection, Bytes bytes) override {
        m_in += as_text(bytes);
        for (const auto& [method, answer] : m_script)
            if (contains(m_in, "\"" + method + "\"")) {
                m_in.clear();
                connection.send(as_bytes(answer));
                if (answer.empty()) connection.close();
                return 1;
            }
        return 0;
    }
    [[nodiscard]] bool mid_message() const override { return false; }

  private:
    const Script& m_script;
    std::string m_in;
};

// Listens on the loop of the one it lies to.
struct Liar {
    Script script;
    SystemClock clock;
    node_test::Folder folder;
    std::unique_ptr<UnderTest> at;
    std::unique_ptr<net::Connections> connections;

    explicit Liar(Script says) : script(std::move(says)) {
        REQUIRE(write_file_atomic(folder.path / "cookie", as_bytes("__cookie__:any"), 0600));
        at = std::make_unique<UnderTest>(config::Config::BitcoinNode{{"127.0.0.1", 9}, folder.path / "cookie", {{"127.0.0.1", 9}}});
        connections = std::make_unique<net::Connections>(at->loop(), clock, net::Limits{});
        net::ListenOptions options;
        options.host = "127.0.0.1";
        options.setting = "liar";
        options.make = [this](net::ConnectionId) { return std::make_unique<Talker>(script); };
        const auto port = connections->listen(std::move(options));
        REQUIRE(port);
        at->elsewhere = config::Config::BitcoinNode{{"127.0.0.1", *port}, folder.path / "cookie", {{"127.0.0.1", *port}}};
        at->restart();
    }
    Liar(const Liar&) = delete;
    Liar& operator=(const Liar&) = delete;
    void makes(std::string_view trouble) {
        CHECK_MESSAGE(at->eventually([&] { return contains(at->trouble(), trouble); }), at->trouble());
        CHECK(at->chain().tip().height == 0);
        CHECK_FALSE(at->failure);
    }
};

std::string info(std::uint32_t height, const Hash256& best) {
    return result(R"({"chain":"signet","blocks":)" + std::to_string(height) + R"(,"bestblockhash":")" + hash_text(best) + R"(","signet_challenge":")" +
                  to_hex(chain::test::testnet().params.challenge) + R"("})");
}
std::string quoted(const std::string& text) { return '"' + text + '"'; }
}  // namespace

TEST_CASE("a liar in the node's place: hanging up, other protocols and other JSON are trouble, each by its name") {
    Liar(Script{{"getblockchaininfo", ""}}).makes("hung up");
    Liar(Script{{"getblockchaininfo", "SSH-2.0-OpenSSH_9.2\r\n\r\n"}}).makes("no HTTP answer");
    Liar(Script{{"getblockchaininfo", http("<html>")}}).makes("not an answer to the call");
    Liar(Script{{"getblockchaininfo", result("[]")}}).makes("not what was asked for");
    Liar(Script{{"getblockchaininfo", http(R"({"result":null,"error":{"code":-28,"message":"Loading block index"},"id":1})")}}).makes("Loading block index");
    Liar(Script{{"getblockchaininfo", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"}}).makes("too much to do");
}

TEST_CASE("a liar in the node's place: a block that is not valid is not taken, nor one that is none") {
    const Block first = *decode_block(fuzz::mined_blocks()[0]);
    Block greedy = first;
    greedy.txs[0].outputs[0].value += 1;
    const Hash256 hash = block_hash(first.header);
    const auto says = [&](const std::string& block) {
        return Script{{"getblockchaininfo", info(1, hash)}, {"getblockhash", result(quoted(hash_text(hash)))}, {"getblock", result(quoted(block))}};
    };
    Liar(says("00")).makes("does not decode");
    Liar(says(to_hex(encode_block(greedy)))).makes("not valid here: bad-signet-blksig");
}

TEST_CASE("a liar in the node's place: another block than was asked for, and one that says it has ours and stays, are trouble") {
    const Block first = *decode_block(fuzz::mined_blocks()[0]);
    const Hash256 hash = block_hash(first.header);
    Liar(Script{{"getblockchaininfo", info(2, block_hash(decode_block(fuzz::mined_blocks()[1])->header))},
                {"getblockhash", result(quoted(std::string(64, 'a')))},
                {"getblock", result(quoted(to_hex(encode_block(first))))}})
        .makes("another block than that of height 1");
    Liar stays(Script{{"getblockchaininfo", info(0, block_hash(genesis_block().header))},
                      {"getblockhash", result(quoted(hash_text(block_hash(genesis_block().header))))},
                      {"getrawmempool", result("[]")},
                      {"submitblock", result("null")}});
    REQUIRE(stays.at->in_step());
    REQUIRE(stays.at->submit(first));
    stays.at->restart();
    CHECK(stays.at->eventually([&] { return contains(stays.at->trouble(), "has all blocks up to 1, and stays at 0"); }));
    CHECK_FALSE(stays.at->failure);
    CHECK(stays.at->chain().tip().hash == hash);
}

TEST_CASE("a liar in the node's place: whatever it says of a block or a tx is said on, and no block is made for a while") {
    const Block first = *decode_block(fuzz::mined_blocks()[0]);
    const Tx tx = decode_block(fuzz::mined_blocks()[0])->txs[0];
    Liar liar(Script{{"getblockchaininfo", info(0, block_hash(genesis_block().header))}, {"getrawmempool", result("[]")}});
    REQUIRE(liar.at->in_step());
    const auto block_said = [&](const std::string& answer) {
        liar.script["submitblock"] = answer;
        const auto taken = liar.at->submit(first);
        REQUIRE_FALSE(taken);
        CHECK_FALSE(liar.at->trouble().empty());
        CHECK(liar.at->in_step());  // after its pause
        return taken.error();
    };
    const auto error = [](int code, const std::string& text) {
        return http(R"({"result":null,"error":{"code":)" + std::to_string(code) + R"(,"message":")" + text + R"("},"id":1})");
    };
    CHECK(block_said(result(R"("any-word")")).word == "any-word");
    CHECK(block_said(error(-25, "disk full")).why == NotTaken::Why::unavailable);
    CHECK(block_said(error(bitcoin_node::kDecodeFailed, "")).word == "block-decode-failed");
    CHECK(liar.at->chain().tip().height == 0);
    const auto tx_said = [&](const std::string& answer) {
        liar.script["sendrawtransaction"] = answer;
        return liar.at->submit(tx).error();
    };
    const NotTaken policy = tx_said(error(-26, "min relay fee not met, 0 < 110"));
    CHECK(policy.why == NotTaken::Why::unavailable);
    CHECK(contains(policy.word, "min relay fee not met, 0 < 110"));
    CHECK(tx_said(error(-26, "bad-txns-in-belowout, value in (1)")).word == "bad-txns-in-belowout");
    CHECK(tx_said(error(-1, "bad")).why == NotTaken::Why::unavailable);
    CHECK_FALSE(liar.at->failure);
}
