// Consensus rules one by one, on hand-made txs and coins: each refusal by its name.
#include <doctest/doctest.h>

#include "chain/block_check.hpp"
#include "chain/connect.hpp"
#include "support.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::chain;
using test::Key;

namespace {
OutPoint outpoint(std::string_view name, std::uint32_t index = 0) {
    return {sha256(as_bytes(name)), index};
}

Tx plain(std::vector<TxOut> outputs) {
    return Tx{2, {TxIn{outpoint("somewhere"), {}, kSequenceFinal, {}}}, std::move(outputs), 0};
}

Tx coinbase(Satoshi value, std::uint32_t height = 200) {
    Tx tx{2, {TxIn{}}, {{value, p2wpkh_script(Key::numbered(1).pub())}}, 0};
    append_number(tx.inputs[0].script_sig, height);
    append_push(tx.inputs[0].script_sig, as_bytes("tag"));
    return tx;
}

RejectReason refused(const Verdict& verdict) {
    REQUIRE_FALSE(verdict);
    return verdict.error();
}
}  // namespace

TEST_CASE("tx rules: each malformed tx has its word") {
    const TxOut one{1, {kOp1}};
    CHECK(check_tx(plain({one})));
    Tx tx = plain({one});
    tx.inputs.clear();
    CHECK(refused(check_tx(tx)) == RejectReason::vin_empty);
    CHECK(refused(check_tx(plain({}))) == RejectReason::vout_empty);
    CHECK(refused(check_tx(plain({{0, Buffer(1'000'000)}}))) == RejectReason::tx_oversize);
    CHECK(refused(check_tx(plain({{-1, {}}}))) == RejectReason::vout_negative);
    CHECK(refused(check_tx(plain({{kMoneyMax + 1, {}}}))) == RejectReason::vout_too_large);
    CHECK(refused(check_tx(plain({{kMoneyMax, {}}, one}))) == RejectReason::vout_total_too_large);
    tx = plain({one});
    tx.inputs.push_back(tx.inputs[0]);
    CHECK(refused(check_tx(tx)) == RejectReason::duplicate_inputs);
    tx = plain({one});
    tx.inputs.push_back({});
    CHECK(refused(check_tx(tx)) == RejectReason::prevout_null);
    tx = coinbase(1);
    CHECK(check_tx(tx));
    tx.inputs[0].script_sig.resize(1);
    CHECK(refused(check_tx(tx)) == RejectReason::coinbase_length);
    tx.inputs[0].script_sig.resize(101);
    CHECK(refused(check_tx(tx)) == RejectReason::coinbase_length);
}

TEST_CASE("lock time: heights and times, and a final sequence switches it off (BIP113)") {
    Tx tx = plain({{1, {}}});
    tx.inputs[0].sequence = 0;
    tx.lock_time = 100;
    CHECK_FALSE(is_final(tx, 100, 0));
    CHECK(is_final(tx, 101, 0));
    tx.lock_time = kLockTimeThreshold;
    CHECK_FALSE(is_final(tx, 1'000'000, kLockTimeThreshold));
    CHECK(is_final(tx, 1, kLockTimeThreshold + 1));
    tx.inputs[0].sequence = kSequenceFinal;
    CHECK(is_final(tx, 1, 1));
}

TEST_CASE("header place: bits, times and version in a node's order") {
    BlockHeader header;
    header.bits = kBitsLimit;
    header.time = 1001;
    const BlockPlace place{5, kBitsLimit, 1000, 1001};
    CHECK(check_header_place(header, place));
    header.version = 3;
    CHECK(refused(check_header_place(header, place)) == RejectReason::bad_version);
    header.time = 1001 + 7200;
    CHECK(refused(check_header_place(header, place)) == RejectReason::bad_version);
    header.time += 1;
    CHECK(refused(check_header_place(header, place)) == RejectReason::time_too_new);
    header.time = 1000;
    CHECK(refused(check_header_place(header, place)) == RejectReason::time_too_old);
    header.bits = kBitsLimit - 1;
    CHECK(refused(check_header_place(header, place)) == RejectReason::bad_bits);
}

TEST_CASE("block place: finality, height, nonce, commitment and weight in a node's order") {
    BlockTemplate tmpl;
    tmpl.height = 200;
    tmpl.coinbase_outputs = {{1, {kOp1}}};
    const Block good = build_block(tmpl);
    const BlockPlace place{200, kBitsLimit, 1000, 1001};
    CHECK(check_block_place(good, place));

    Block heavy = good;
    Tx big = plain({{1, {}}});
    big.inputs[0].witness = {Buffer(kBlockWeightMax)};
    tmpl.txs = {big};
    heavy = build_block(tmpl);
    CHECK(refused(check_block_place(heavy, place)) == RejectReason::block_weight);
    heavy.txs[1].inputs[0].witness[0].pop_back();
    CHECK(refused(check_block_place(heavy, place)) == RejectReason::witness_commitment);
    heavy.txs[0].inputs[0].witness[0].pop_back();
    CHECK(refused(check_block_place(heavy, place)) == RejectReason::witness_nonce_size);
    heavy.txs[0].inputs[0].script_sig[1] ^= std::byte{1};
    CHECK(refused(check_block_place(heavy, place)) == RejectReason::coinbase_height);
    heavy.txs[1].lock_time = 200;
    heavy.txs[1].inputs[0].sequence = 0;
    CHECK(refused(check_block_place(heavy, place)) == RejectReason::not_final);
}

TEST_CASE("block: size, coinbase and signature operations are bounded") {
    const auto& net = test::testnet();
    const auto judged = [&](const std::vector<TxOut>& outputs) {
        BlockTemplate tmpl;
        tmpl.previous = block_hash(genesis_block().header);
        tmpl.height = 1;
        tmpl.coinbase_outputs = outputs;
        tmpl.time = genesis_block().header.time + 600;
        Block block = build_block(tmpl);
        test::sign_block(block, std::span(net.signers).first(2), net.witness_script);
        test::grind_block(block);
        return check_block(block, net.params.challenge);
    };
    CHECK(refused(judged({{1, Buffer(1'000'000)}})) == RejectReason::block_length);
    CHECK(refused(judged({{1, Buffer(1001, kOpCheckMultiSig)}})) == RejectReason::sigops);
    CHECK(judged({{1, Buffer(1000, kOpCheckMultiSig)}}));
}

namespace {
// Coins at various heights and a block that spends them.
struct Ground {
    Key key = Key::numbered(1);
    Buffer script = p2wpkh_script(key.pub());
    CoinSet coins;
    SpendContext context{200, 1'000'000, [](std::uint32_t height) { return 600 * height; }};

    Ground() {
        coins.add(outpoint("old coinbase"), {{kCoin, script}, 100, true});
        coins.add(outpoint("young coinbase"), {{kCoin, script}, 101, true});
        coins.add(outpoint("plain"), {{kCoin, script}, 150, false});
        coins.add(outpoint("legacy"), {{kCoin, {kOp1}}, 150, false});
    }
    [[nodiscard]] Tx spend(std::string_view from, Satoshi pays, std::uint32_t sequence = kSequenceFinal) const {
        return test::spend_p2wpkh(key, outpoint(from), kCoin, {{pays, script}}, sequence);
    }
    // Connects a block of these; after a refusal the coins must be as they were.
    Expected<BlockUndo, RejectReason> connect(std::vector<Tx> txs, Satoshi claim = 50 * kCoin) {
        Block block;
        block.txs.push_back(coinbase(claim));
        block.txs.insert(block.txs.end(), txs.begin(), txs.end());
        const CoinSet before = coins;
        auto undo = connect_block(block, coins, context);
        if (undo) {
            CHECK_FALSE(coins == before);
            coins.disconnect(block.txs, *undo);
        }
        CHECK(coins == before);
        return undo;
    }
};
}  // namespace

TEST_CASE("connect: spends, chains of spends and fees connect and disconnect without a trace") {
    Ground g;
    CHECK(g.connect({}));
    const Tx first = g.spend("old coinbase", kCoin - 10);
    const Tx second = test::spend_p2wpkh(g.key, {txid(first), 0}, kCoin - 10, {{kCoin - 30, g.script}});
    CHECK(g.connect({first, second, g.spend("plain", kCoin)}, 50 * kCoin + 30));
    CHECK(g.connect({first, second, g.spend("plain", kCoin)}, 50 * kCoin + 31).error() ==
          RejectReason::coinbase_amount);
    CHECK(g.connect({second, first}).error() == RejectReason::inputs_missing_or_spent);
}

TEST_CASE("connect: each refusal has its word and gives the coins back") {
    Ground g;
    const Tx good = g.spend("plain", kCoin);
    CHECK(g.connect({good, good}).error() == RejectReason::inputs_missing_or_spent);
    CHECK(g.connect({good, g.spend("nowhere", 1)}).error() == RejectReason::inputs_missing_or_spent);
    CHECK(g.connect({good, g.spend("young coinbase", 1)}).error() == RejectReason::premature_coinbase_spend);
    CHECK(g.connect({g.spend("plain", kCoin + 1)}).error() == RejectReason::outputs_exceed_inputs);
    CHECK(g.connect({g.spend("legacy", 1)}).error() == RejectReason::script_unsupported);
    Tx unsigned_tx = good;
    unsigned_tx.inputs[0].witness.clear();
    CHECK(g.connect({unsigned_tx}).error() == RejectReason::script_failed);
    // One tx spends two coins; its second spoils it after the first was looked up.
    Tx two = g.spend("old coinbase", 1);
    two.inputs.push_back({outpoint("nowhere"), {}, 0, {}});
    CHECK(g.connect({good, two}).error() == RejectReason::inputs_missing_or_spent);
    // 1000 bare multisigs in outputs are at the limit; a spent key on top is over it.
    Tx many = test::spend_p2wpkh(g.key, outpoint("plain"), kCoin, {{1, Buffer(1000, kOpCheckMultiSig)}});
    CHECK(g.connect({many}).error() == RejectReason::sigops);
}

TEST_CASE("connect: relative lock times hold for version 2 (BIP68)") {
    Ground g;  // "plain" is at height 150, the block at 200
    CHECK(g.connect({g.spend("plain", 1, 50)}));
    CHECK(g.connect({g.spend("plain", 1, 51)}).error() == RejectReason::not_final);
    CHECK(g.connect({g.spend("plain", 1, 51 | (1U << 31))}));
    Tx old = test::spend_p2wpkh(g.key, outpoint("plain"), kCoin, {{1, g.script}}, 51);
    old.version = 1;
    CHECK(g.connect({old}).error() == RejectReason::script_failed);  // past BIP68: the signature was for version 2
    // Time: counted from the block before the coin's, 600 x 149, in units of 512 s.
    g.context.median_time = 600 * 149 + 512 * 10;
    CHECK(g.connect({g.spend("plain", 1, 10 | (1U << 22))}));
    CHECK(g.connect({g.spend("plain", 1, 11 | (1U << 22))}).error() == RejectReason::not_final);
}
