// The API in Esplora's shapes, against a chain that is known.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "chain/address.hpp"
#include "chain/merkle.hpp"
#include "explorer/api.hpp"
#include "tests/explorer/world.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::explorer;
using nlohmann::json;
namespace t = giro::explorer::test;
namespace st = giro::settlement::test;

namespace {
const Index& shared() {
    static const Index made = t::index();
    return made;
}
Answer get(const std::string& path) {
    return api_answer(shared(), "/api" + path);
}
std::string text(const std::string& path) {
    const Answer answer = get(path);
    CHECK_MESSAGE(answer.status == 200, path);
    return answer.body;
}
json object(const std::string& path) {
    const Answer answer = get(path);
    CHECK_MESSAGE(answer.status == 200, path << ": " << answer.body);
    CHECK(answer.type == kJsonType);
    return json::parse(answer.body);
}
std::string hash_at(std::uint32_t height) {
    return chain::hash_text(shared().block(height).hash);
}
std::set<std::string> keys(const json& j) {
    std::set<std::string> out;
    for (const auto& [key, value] : j.items()) out.insert(key);
    return out;
}
const std::string kSettlement = chain::hash_text(chain::txid(st::world().settled[0].tx));
}  // namespace

TEST_CASE("api: the tip, heights and hashes") {
    CHECK(text("/blocks/tip/height") == "102");
    CHECK(text("/blocks/tip/hash") == hash_at(102));
    CHECK(text("/block-height/0") == "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6");
    CHECK(text("/block-height/5") == hash_at(5));
    CHECK(get("/block-height/103").status == 404);
    CHECK(get("/block-height/x").status == 400);
}

// What Blockstream's own API says of signet's genesis block, whose bytes every signet shares.
TEST_CASE("api: signet's genesis block has the values that every explorer gives it") {
    const json block = object("/block/00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6");
    CHECK(block == json{{"id", "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6"},
                        {"height", 0},
                        {"version", 1},
                        {"timestamp", 1598918400},
                        {"tx_count", 1},
                        {"size", 285},
                        {"weight", 1140},
                        {"merkle_root", "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"},
                        {"previousblockhash", nullptr},
                        {"mediantime", 1598918400},
                        {"nonce", 52613770},
                        {"bits", 503543726},
                        {"difficulty", block["difficulty"]}});
    CHECK(block["difficulty"].get<double>() == doctest::Approx(0.001126515290698186));
    const json tx = object("/tx/4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b");
    CHECK(tx["vin"][0]["is_coinbase"] == true);
    CHECK(tx["vin"][0]["prevout"] == nullptr);
    CHECK(tx["vin"][0]["vout"] == 4294967295);
    CHECK(tx["vout"][0]["scriptpubkey_type"] == "p2pk");
    CHECK(tx["vout"][0]["value"] == 5000000000);
    CHECK(tx["vout"][0]["scriptpubkey_asm"] ==
          "OP_PUSHBYTES_65 04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f "
          "OP_CHECKSIG");
}

TEST_CASE("api: a block's parts") {
    const std::string block = "/block/" + hash_at(102);
    CHECK(keys(object(block)) == std::set<std::string>{"id", "height", "version", "timestamp", "tx_count", "size", "weight", "merkle_root", "previousblockhash",
                                                       "mediantime", "nonce", "bits", "difficulty"});
    CHECK(object(block)["previousblockhash"] == hash_at(101));
    CHECK(object(block)["mediantime"] == shared().chain().tip().median_time);
    CHECK(text(block + "/raw") == as_text(t::blocks()[102]));
    CHECK(text(block + "/header") == to_hex(Bytes(t::blocks()[102]).first(80)));
    CHECK(object(block + "/status") == json{{"in_best_chain", true}, {"height", 102}, {"next_best", nullptr}});
    CHECK(object("/block/" + hash_at(101) + "/status")["next_best"] == hash_at(102));
    const json ids = object(block + "/txids");
    REQUIRE(ids.size() == 4);
    CHECK(ids[1] == chain::hash_text(chain::txid(st::world().settled[1].tx)));
    CHECK(text(block + "/txid/1") == ids[1]);
    CHECK(get(block + "/txid/4").status == 404);
    const json txs = object(block + "/txs");
    REQUIRE(txs.size() == 4);
    CHECK(txs[1] == object("/tx/" + ids[1].get<std::string>()));
    CHECK(object(block + "/txs/0") == txs);
    CHECK(get(block + "/txs/1").status == 400);
    CHECK(get(block + "/txs/25").status == 400);
    CHECK(get("/block/" + std::string(64, '0')).status == 404);
    CHECK(get("/block/" + std::string(63, '0')).status == 400);
}

TEST_CASE("api: ten blocks a list, newest first") {
    const json newest = object("/blocks");
    REQUIRE(newest.size() == 10);
    CHECK(newest[0]["height"] == 102);
    CHECK(newest[9]["height"] == 93);
    CHECK(object("/blocks/3").size() == 4);
    CHECK(object("/blocks/9999")[0]["height"] == 102);
}

TEST_CASE("api: a settlement's transaction, field by field") {
    const json tx = object("/tx/" + kSettlement);
    CHECK(keys(tx) == std::set<std::string>{"txid", "version", "locktime", "vin", "vout", "size", "weight", "fee", "status"});
    CHECK(tx["fee"] == 0);
    CHECK(tx["size"] == chain::encode_tx(st::world().settled[0].tx).size());
    CHECK(tx["status"] == json{{"confirmed", true}, {"block_height", 101}, {"block_hash", hash_at(101)}, {"block_time", shared().block(101).header.time}});
    const json& in = tx["vin"][0];
    CHECK(keys(in) == std::set<std::string>{"txid", "vout", "prevout", "scriptsig", "scriptsig_asm", "witness", "is_coinbase", "sequence", "inner_witnessscript_asm"});
    CHECK(in["prevout"]["scriptpubkey_type"] == "v0_p2wsh");
    CHECK(in["prevout"]["value"] == st::World::kCoinAmount);
    CHECK(in["prevout"]["scriptpubkey_address"].get<std::string>().starts_with("tb1q"));
    CHECK(in["witness"].size() == 4);
    CHECK(in["inner_witnessscript_asm"].get<std::string>().starts_with("OP_PUSHNUM_2 OP_PUSHBYTES_33 0"));
    CHECK(in["inner_witnessscript_asm"].get<std::string>().ends_with(" OP_PUSHNUM_3 OP_CHECKMULTISIG"));
    const json& out = tx["vout"][0];
    CHECK(out["scriptpubkey_type"] == "op_return");
    CHECK_FALSE(out.contains("scriptpubkey_address"));
    CHECK(out["scriptpubkey_asm"].get<std::string>().starts_with("OP_RETURN OP_PUSHBYTES_44 4749524f0100000000000000"));
    CHECK(text("/tx/" + kSettlement + "/hex") == to_hex(chain::encode_tx(st::world().settled[0].tx)));
    CHECK(text("/tx/" + kSettlement + "/raw") == as_text(chain::encode_tx(st::world().settled[0].tx)));
    CHECK(object("/tx/" + kSettlement + "/status") == tx["status"]);
}

TEST_CASE("api: who spent an output") {
    const json in = object("/tx/" + kSettlement)["vin"][0];
    const std::string first = "/tx/" + in["txid"].get<std::string>();
    const json spends = object(first + "/outspends");
    const json& spend = spends.at(in["vout"].get<std::size_t>());
    CHECK(spend["spent"] == true);
    CHECK(spend["txid"] == kSettlement);
    CHECK(spend["vin"] == 0);
    CHECK(spend["status"]["block_height"] == 101);
    CHECK(object(fmt::format("{}/outspend/{}", first, in["vout"].get<int>())) == spend);
    CHECK(object(first + "/outspend/7") == json{{"spent", false}});  // bank 1's last coin
    CHECK(object(first + "/outspend/9999") == json{{"spent", false}});
}

TEST_CASE("api: both proofs lead from the transaction to the block's Merkle root") {
    for (const auto& settled : st::world().settled) {
        const Hash256 id = chain::txid(settled.tx);
        const json proof = object("/tx/" + chain::hash_text(id) + "/merkle-proof");
        std::vector<Hash256> path;
        for (const auto& hash : proof["merkle"]) path.push_back(chain::hash_from_text(hash.get<std::string>()).value());
        const auto& header = shared().block(proof["block_height"].get<std::uint32_t>()).header;
        CHECK(chain::merkle_root_from_path(id, proof["pos"].get<std::size_t>(), path) == header.merkle_root);
    }
    // Block 102: four txs, the second wanted: three hashes, flags 1 1 0 1 0, depth first (BIP37).
    const std::string id = chain::hash_text(chain::txid(st::world().settled[1].tx));
    const Buffer message = from_hex(text("/tx/" + id + "/merkleblock-proof")).value();
    Reader in(message);
    CHECK(std::ranges::equal(in.take(80), Bytes(t::blocks()[102]).first(80)));
    CHECK(in.u32() == 4);
    CHECK(in.u8() == 3);
    const auto block = chain::decode_block(t::blocks()[102]).value();
    const auto left = in.array<32>(), leaf = in.array<32>(), right = in.array<32>();
    CHECK(left == chain::txid(block.txs[0]));
    CHECK(leaf == chain::txid(block.txs[1]));
    Buffer two(left.begin(), left.end()), top;
    two.insert(two.end(), leaf.begin(), leaf.end());
    const Hash256 pair = sha256d(two);
    top.assign(pair.begin(), pair.end());
    top.insert(top.end(), right.begin(), right.end());
    CHECK(sha256d(top) == block.header.merkle_root);
    CHECK(in.u8() == 1);
    CHECK(in.u8() == 0b01011);
    CHECK(in.done());
}

TEST_CASE("api: an address's sums, history and coins") {
    const std::string address = chain::encode_address(st::banks()[0].script).value();
    const json stats = object("/address/" + address);
    CHECK(keys(stats) == std::set<std::string>{"address", "chain_stats", "mempool_stats"});
    CHECK(keys(stats["chain_stats"]) == std::set<std::string>{"funded_txo_count", "funded_txo_sum", "spent_txo_count", "spent_txo_sum", "tx_count"});
    const json utxo = object("/address/" + address + "/utxo");
    std::int64_t sum = 0;
    for (const auto& one : utxo) {
        CHECK(keys(one) == std::set<std::string>{"txid", "vout", "status", "value"});
        sum += one["value"].get<std::int64_t>();
    }
    CHECK(sum == stats["chain_stats"]["funded_txo_sum"].get<std::int64_t>() - stats["chain_stats"]["spent_txo_sum"].get<std::int64_t>());
    const json txs = object("/address/" + address + "/txs");
    REQUIRE(txs.size() == stats["chain_stats"]["tx_count"]);
    CHECK(txs.back()["status"]["block_height"] == 1);
    CHECK(object("/address/" + address + "/txs/chain") == txs);
    CHECK(object("/address/" + address + "/txs/chain/" + txs[0]["txid"].get<std::string>()).size() == txs.size() - 1);
    CHECK(object("/address/" + address + "/txs/mempool") == json::array());
    CHECK(object("/scripthash/" + to_hex(sha256(st::banks()[0].script)))["chain_stats"] == stats["chain_stats"]);
    CHECK(object("/scripthash/" + to_hex(sha256(st::banks()[0].script)) + "/utxo") == utxo);
    CHECK(object("/address/" + address + "/txs/chain/" + txs.back()["txid"].get<std::string>()) == json::array());
    CHECK(get("/address/" + address + "/txs/chain/" + std::string(64, '0')).status == 404);
    CHECK(get("/address/tb1qnone").status == 400);
    CHECK(object("/address/tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx")["chain_stats"]["tx_count"] == 0);  // BIP173's
}

TEST_CASE("api: an address with many transactions is read page by page, each once") {
    const std::string address = chain::encode_address(t::issuer().script).value();
    std::set<std::string> seen;
    for (std::string path = "/address/" + address + "/txs";;) {
        const json page = object(path);
        if (page.empty()) break;
        CHECK(page.size() <= kTxsOfPage);
        for (const auto& tx : page) CHECK(seen.insert(tx["txid"].get<std::string>()).second);
        path = "/address/" + address + "/txs/chain/" + page.back()["txid"].get<std::string>();
    }
    CHECK(seen.size() == 101);
}

TEST_CASE("api: no mempool, windows and positions") {
    CHECK(object("/mempool") == json{{"count", 0}, {"vsize", 0}, {"total_fee", 0}, {"fee_histogram", json::array()}});
    CHECK(object("/mempool/txids") == json::array());
    CHECK(object("/mempool/recent") == json::array());
    CHECK(object("/fee-estimates") == json::object());
    const json windows = object("/windows");
    REQUIRE(windows.size() == 4);
    CHECK(windows[0]["window"] == 4);
    CHECK(object("/windows/2").size() == 2);
    CHECK(object("/window/4") == windows[0]);
    CHECK(windows[3]["txid"] == kSettlement);
    CHECK(windows[3]["root"] == to_hex(st::world().settled[0].window.root));
    CHECK(get("/window/5").status == 404);
    const json positions = object("/positions");
    std::int64_t sum = 0;
    for (const auto& one : positions["positions"]) sum += one["balance"].get<std::int64_t>();
    CHECK(sum == positions["supply"]);
}

TEST_CASE("api: what a hash names and is buried deep is for ever, the rest until the next block") {
    CHECK(get("/block/" + hash_at(96) + "/raw").lifetime == Lifetime::forever);
    CHECK(get("/block/" + hash_at(97) + "/raw").lifetime == Lifetime::block);
    CHECK(get("/block/" + hash_at(1) + "/status").lifetime == Lifetime::block);
    CHECK(get("/blocks/tip/hash").lifetime == Lifetime::block);
}

TEST_CASE("api: paths that are none") {
    for (const char* path : {"", "/", "/block", "/block/", "/tx//hex", "/blocks/tip", "/blocks/tip/height/", "/tx/x/y/z", "/address/", "/windows/x"})
        CHECK_MESSAGE(get(path).status >= 400, path);
}
