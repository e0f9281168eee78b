#include "damaged.hpp"

#include <doctest/doctest.h>

#include <map>

#include "chain/merkle.hpp"
#include "chain/pow.hpp"
#include "chain/sighash.hpp"
#include "chain/signet.hpp"
#include "chain/verify.hpp"
#include "nonces.hpp"
#include "util/hash.hpp"

namespace giro::node_test {

using namespace chain;

namespace {
const auto& net() { return chain::test::testnet(); }
constexpr std::uint32_t kHeight = 102, kSpacing_s = 600, kFarFuture = 4'000'000'000;

Tx change_and_sign(Tx tx, std::uint32_t coinbase_height) {
    const auto key = chain::test::Key::numbered(7);
    const Buffer code = p2wpkh_script_code(hash160(key.pub()));
    tx.inputs[0].witness = p2wpkh_witness(key.sign(bip143_sighash(tx, 0, code, block_subsidy(coinbase_height))), key.pub());
    return tx;
}

BlockTemplate template_on(const Block& parent, std::uint32_t height, std::vector<Tx> txs, Satoshi fees) {
    BlockTemplate tmpl;
    tmpl.previous = block_hash(parent.header);
    tmpl.height = height;
    tmpl.time = parent.header.time + kSpacing_s;
    tmpl.coinbase_outputs = {{block_subsidy(height) + fees, fuzz::miner_script()}};
    tmpl.tag = fuzz::owned("back end");
    tmpl.txs = std::move(txs);
    return tmpl;
}

void sign(Block& block) { chain::test::sign_block(block, std::span(net().signers).first(2), net().witness_script); }

Block unsigned_block(std::vector<Tx> txs = {}, Satoshi fees = 0) {
    return build_block(template_on(block_101(), kHeight, std::move(txs), fees));
}

// Ways to change a block before it is signed ...
using Change = void (*)(Block&);
// ... and one that makes a solution of its own: what the signers' keys say of `hash`.
Buffer solution_of(const Block& block, std::span<const std::size_t> keys) {
    const Hash256 hash = signet_sighash(signet_parts(block)->message, net().witness_script);
    std::vector<Buffer> signatures;
    for (const std::size_t key : keys) signatures.push_back(net().signers[key].sign(hash));
    return signet_solution(signatures, net().witness_script);
}

// A commitment over the txs as they are now, in place of the one that was made before.
void commit_anew(Block& block) {
    const Hash256 commitment = witness_commitment(block, Hash256{});
    Buffer& script = block.txs[0].outputs.back().script_pubkey;
    std::copy(commitment.begin(), commitment.end(), script.begin() + kCommitmentPrefix.size());
}

class Maker {
  public:
    void add(const std::string& name, std::string word, Block block) { m_made.push_back({name, std::move(word), ground_as(name, std::move(block))}); }
    void as_it_is(std::string name, std::string word, Block block) { m_made.push_back({std::move(name), std::move(word), std::move(block)}); }
    // Changed, then signed and ground.
    void changed(const std::string& name, std::string word, Change change) {
        Block block = unsigned_block();
        change(block);
        sign(block);
        add(name, std::move(word), std::move(block));
    }
    // Signed, then changed, then ground.
    void spoiled(const std::string& name, std::string word, Change change) {
        Block block = unsigned_block();
        sign(block);
        change(block);
        add(name, std::move(word), std::move(block));
    }
    void with_txs(const std::string& name, std::string word, std::vector<Tx> txs, Satoshi fees = 0) {
        Block block = unsigned_block(std::move(txs), fees);
        sign(block);
        add(name, std::move(word), std::move(block));
    }
    void with_solution(const std::string& name, std::vector<std::size_t> keys, void (*spoil)(Buffer&) = [](Buffer&) {}) {
        Block block = unsigned_block();
        Buffer solution = solution_of(block, keys);
        spoil(solution);
        set_signet_solution(block, solution);
        add(name, "bad-signet-blksig", std::move(block));
    }
    std::vector<Damaged> take() { return std::move(m_made); }

  private:
    std::vector<Damaged> m_made;
};

void headers(Maker& m) {
    Block good = unsigned_block();
    sign(good);
    for (std::uint32_t nonce = 0; check_pow(good.header); ++nonce) good.header.nonce = nonce;
    m.as_it_is("no work", "high-hash", good);
    good.header.bits = 0x1f0377ae;
    m.as_it_is("bits beyond the limit", "high-hash", good);
    good.header.bits = 0;
    m.as_it_is("no bits", "high-hash", good);
    m.spoiled("harder bits than are due", "bad-diffbits", [](Block& b) { b.header.bits = 0x1e0377ad; });
    m.changed("no later than the median", "time-too-old", [](Block& b) { b.header.time = block_101().header.time - 5 * kSpacing_s; });
    m.changed("dated in the future", "time-too-new", [](Block& b) { b.header.time = kFarFuture; });
    m.changed("version 3", "bad-version", [](Block& b) { b.header.version = 3; });
    m.changed("version 0", "bad-version", [](Block& b) { b.header.version = 0; });
    m.changed("of no parent", "prev-blk-not-found", [](Block& b) { b.header.previous[0] ^= std::byte{1}; });
}

void solutions(Maker& m) {
    m.add("unsigned", "bad-signet-blksig", unsigned_block());
    m.with_solution("one signature", {0});
    m.with_solution("three signatures", {0, 1, 2});
    m.with_solution("signatures in the wrong order", {1, 0});
    m.with_solution("one key twice", {0, 0});
    m.with_solution("a byte behind the solution", {0, 1}, [](Buffer& s) { s.push_back(std::byte{0}); });
    m.with_solution("a solution cut short", {0, 1}, [](Buffer& s) { s.pop_back(); });
    m.with_solution("a scriptSig", {0, 1}, [](Buffer& s) {
        s[0] = std::byte{1};
        s.insert(s.begin() + 1, kOp1);
    });
    m.with_solution("a dummy that is not null", {0, 1}, [](Buffer& s) {
        s[2] = std::byte{1};
        s.insert(s.begin() + 3, std::byte{1});
    });
    m.with_solution("a signature off by a bit", {0, 1}, [](Buffer& s) { s[20] ^= std::byte{1}; });
    m.spoiled("signed for another time", "bad-signet-blksig", [](Block& b) { b.header.time += 1; });
    m.spoiled("signed for another version", "bad-signet-blksig", [](Block& b) { b.header.version += 1; });
    m.spoiled("signed for another parent", "bad-signet-blksig", [](Block& b) { b.header.previous = block_hash(genesis_block().header); });
    m.spoiled("signed for another coinbase", "bad-signet-blksig", [](Block& b) {
        b.txs[0].outputs[0].value -= 1;
        b.header.merkle_root = block_merkle_root(b).root;
    });
    m.spoiled("no commitment", "bad-signet-blksig", [](Block& b) {
        b.txs[0].outputs.pop_back();
        b.header.merkle_root = block_merkle_root(b).root;
    });
    m.spoiled("no transactions", "bad-signet-blksig", [](Block& b) { b.txs.clear(); });
}

void shapes(Maker& m) {
    m.spoiled("another Merkle root", "bad-txnmrklroot", [](Block& b) { b.header.merkle_root[0] ^= std::byte{1}; });
    const Tx first = spend_of(1, block_subsidy(1));
    const Tx second = chain::test::spend_p2wpkh(chain::test::Key::numbered(7), {txid(first), 0}, block_subsidy(1), {{block_subsidy(1), fuzz::miner_script()}});
    Block twice = unsigned_block({first, second});
    sign(twice);
    twice.txs.push_back(second);  // the root and the hash stay the same: CVE-2012-2459
    m.add("the last transaction twice", "bad-txns-duplicate", twice);
    m.changed("two coinbases", "bad-cb-multiple", [](Block& b) {
        b.txs.push_back(b.txs[0]);
        b.txs[1].outputs.pop_back();
        commit_anew(b);
    });
    m.changed("a coinbase script of a byte", "bad-cb-length", [](Block& b) { b.txs[0].inputs[0].script_sig.resize(1); });
    m.changed("a coinbase script of 101 bytes", "bad-cb-length", [](Block& b) { b.txs[0].inputs[0].script_sig.resize(101); });
    const auto shaped = [&](const std::string& name, std::string word, std::vector<TxOut> outputs) {
        Tx tx = spend_of(1, 1);
        tx.outputs = std::move(outputs);
        m.with_txs(name, std::move(word), {change_and_sign(tx, 1)});
    };
    const Buffer& script = fuzz::miner_script();
    shaped("no outputs", "bad-txns-vout-empty", {});
    shaped("a negative output", "bad-txns-vout-negative", {{-1, script}});
    shaped("an output beyond all money", "bad-txns-vout-toolarge", {{kMoneyMax + 1, script}});
    shaped("outputs that together are beyond it", "bad-txns-txouttotal-toolarge", {{kMoneyMax, script}, {kMoneyMax, script}});
    shaped("too many signature operations", "bad-blk-sigops", {{1, Buffer(1001, kOpCheckMultiSig)}});
    Tx repeated = spend_of(1, 1);
    repeated.inputs.push_back(repeated.inputs[0]);
    m.with_txs("a coin twice in one transaction", "bad-txns-inputs-duplicate", {repeated});
    Tx null = spend_of(1, 1);
    null.inputs.push_back({});
    m.with_txs("an input of no coin", "bad-txns-prevout-null", {null});
}

void places(Maker& m) {
    m.with_txs("a lock time not reached", "bad-txns-nonfinal", {spend_of(1, 1, 0, kHeight)});
    m.changed("another height in the coinbase", "bad-cb-height", [](Block& b) { b.txs[0].inputs[0].script_sig[1] ^= std::byte{1}; });
    m.changed("a witness nonce of 31 bytes", "bad-witness-nonce-size", [](Block& b) { b.txs[0].inputs[0].witness[0].pop_back(); });
    m.changed("two witness nonces", "bad-witness-nonce-size", [](Block& b) { b.txs[0].inputs[0].witness.emplace_back(32); });
    m.changed("another witness commitment", "bad-witness-merkle-match", [](Block& b) { b.txs[0].outputs.back().script_pubkey[10] ^= std::byte{1}; });
    Block other_witness = unsigned_block({spend_of(1, block_subsidy(1))});
    other_witness.txs[1].inputs[0].witness[0][10] ^= std::byte{1};
    sign(other_witness);
    m.add("a witness that was changed since", "bad-witness-merkle-match", other_witness);
}

void spends(Maker& m) {
    const Satoshi all = block_subsidy(1);
    Tx nowhere = spend_of(1, 1);
    nowhere.inputs[0].prevout.index = 7;
    m.with_txs("a coin that never was", "bad-txns-inputs-missingorspent", {change_and_sign(nowhere, 1)});
    m.with_txs("a coin spent twice", "bad-txns-inputs-missingorspent", {spend_of(1, all), spend_of(1, all - 1)});
    m.with_txs("a coinbase too young", "bad-txns-premature-spend-of-coinbase", {spend_of(3, 1)});
    m.with_txs("more out than in", "bad-txns-in-belowout", {spend_of(1, all + 1)});
    m.with_txs("a relative lock not passed", "bad-txns-nonfinal", {spend_of(1, all, 102)});
    const auto spoiled = [&](const std::string& name, void (*spoil)(TxIn&)) {
        Tx tx = spend_of(1, all);
        spoil(tx.inputs[0]);
        m.with_txs(name, "mandatory-script-verify-flag-failed", {tx});
    };
    spoiled("a spend without a witness", [](TxIn& in) { in.witness.clear(); });
    spoiled("a spend signed for another", [](TxIn& in) { in.witness = spend_of(2, 5).inputs[0].witness; });
    spoiled("a spend by a stranger's key", [](TxIn& in) {
        const auto& key = chain::test::Key::numbered(8).pub();
        in.witness[1].assign(key.begin(), key.end());
    });
    spoiled("a scriptSig beside the witness", [](TxIn& in) { in.script_sig = {kOp1}; });
    Block greedy = unsigned_block({}, 1);
    sign(greedy);
    m.add("a satoshi more than is due", "bad-cb-amount", greedy);
    m.with_txs("fees that nobody pays", "bad-cb-amount", {spend_of(1, all - 5)}, 6);
}
}  // namespace

Block ground_as(const std::string& name, Block block) {
    static const std::map<std::string, std::uint32_t> nonces(std::begin(kNonces), std::end(kNonces));
    const auto known = nonces.find(name);
    if (known != nonces.end()) {
        block.header.nonce = known->second;
        if (check_pow(block.header)) return block;
    }
    block.header.nonce = 0;
    chain::test::grind_block(block);
    MESSAGE("ground anew: {\"" << name << "\", " << block.header.nonce << "},");
    return block;
}

Block block_on(const Block& parent, std::uint32_t height, std::vector<Tx> txs, Satoshi fees) {
    Block block = build_block(template_on(parent, height, std::move(txs), fees));
    sign(block);
    return block;
}

const Block& block_101() {
    static const Block block = *decode_block(fuzz::mined_blocks().back());
    return block;
}

Tx spend_of(std::uint32_t height, Satoshi pays, std::uint32_t sequence, std::uint32_t lock_time) {
    const Hash256 coinbase = txid(decode_block(fuzz::mined_blocks()[height - 1])->txs[0]);
    return chain::test::spend_p2wpkh(chain::test::Key::numbered(7), {coinbase, 0}, block_subsidy(height), {{pays, fuzz::miner_script()}}, sequence, lock_time);
}

const std::vector<Damaged>& damaged_blocks() {
    static const std::vector<Damaged> blocks = [] {
        Maker maker;
        headers(maker);
        solutions(maker);
        shapes(maker);
        places(maker);
        spends(maker);
        return maker.take();
    }();
    return blocks;
}

}  // namespace giro::node_test
