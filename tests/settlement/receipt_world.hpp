// What the receipt tests share: three banks with 2-of-3 keys, windows of several sizes, and short chains that are
// signed and ground for real. Block 1 pays the banks; the rule that its coins rest for 100 blocks is giro-chain's, not
// a receipt's.
#pragma once

#include <algorithm>
#include <optional>

#include "../chain/support.hpp"
#include "chain/sighash.hpp"
#include "chain/verify.hpp"
#include "journal_maker.hpp"
#include "settlement/receipt.hpp"
#include "settlement/transaction.hpp"

namespace giro::settlement::test {

// Who can sign for a script: a bank, or a stranger with keys of the same kind.
struct Owner {
    std::vector<chain::test::Key> keys;
    Buffer witness_script, script;

    explicit Owner(std::uint32_t id) {
        std::vector<chain::PublicKey> pubs;
        for (unsigned i = 0; i < 3; ++i)
            pubs.push_back(keys.emplace_back(chain::test::Key::numbered(10 * id + i)).pub());
        witness_script = chain::multisig_script(2, pubs);
        script = chain::p2wsh_script(witness_script);
    }
    void sign(chain::Tx& tx, std::size_t input, chain::Satoshi amount) const {
        const Hash256 hash = chain::bip143_sighash(tx, input, witness_script, amount);
        tx.inputs[input].witness =
            chain::multisig_witness(std::vector{keys[0].sign(hash), keys[2].sign(hash)}, witness_script);
    }
};
inline const std::vector<Owner>& banks() {
    static const std::vector<Owner> made{Owner(1), Owner(2), Owner(3)};
    return made;
}

enum class Grind { yes, no };

struct BlockPlan {
    std::vector<chain::TxOut> coinbase;  // empty: the subsidy goes to bank 1
    std::vector<chain::Tx> txs;
};
inline chain::Block block_on(const chain::Block& parent, std::uint32_t height, BlockPlan plan, Grind grind) {
    const auto& net = chain::test::testnet();
    chain::BlockTemplate tmpl;
    tmpl.previous = chain::block_hash(parent.header);
    tmpl.height = height;
    tmpl.time = parent.header.time + 600;
    tmpl.coinbase_outputs = std::move(plan.coinbase);
    if (tmpl.coinbase_outputs.empty()) tmpl.coinbase_outputs = {{chain::block_subsidy(height), banks()[0].script}};
    tmpl.txs = std::move(plan.txs);
    auto block = chain::build_block(tmpl);
    chain::test::sign_block(block, std::span(net.signers).first(2), net.witness_script);
    if (grind == Grind::yes) chain::test::grind_block(block);
    return block;
}

// One settled window: everything a receipt is made of but the chain.
struct Settled {
    WindowResult window;
    std::vector<Posting> postings;
    std::vector<entry::Salt> salts;
    chain::Tx tx;
};

// Genesis, block 1 that pays every bank kCoins coins, and a block with the settlements of windows 1 to 4, which have 1,
// 2, 3 and 1000 postings. A second chain of the same is signed but not ground.
struct World {
    static constexpr chain::Satoshi kCoinAmount = 1'000'000;
    static constexpr std::uint32_t kCoins = 8;  // each bank's: one for each window, the others spare
    std::vector<std::size_t> sizes{1, 2, 3, 1000};
    chain::Block first;
    std::vector<Settled> settled;
    std::vector<Buffer> raw, raw_unground;

    World() : first(block_on(chain::genesis_block(), 1, {first_outputs(), {}}, Grind::yes)) {
        settle();
        BlockPlan plan;
        for (const Settled& s : settled) plan.txs.push_back(s.tx);
        raw = chain_of(first, {plan}, Grind::yes);
        raw_unground =
            chain_of(block_on(chain::genesis_block(), 1, {first_outputs(), {}}, Grind::no), {plan}, Grind::no);
    }
    // `first` and the planned blocks on it, genesis before them.
    static std::vector<Buffer> chain_of(chain::Block tip, std::vector<BlockPlan> plans, Grind grind) {
        std::vector<Buffer> out{chain::encode_block(chain::genesis_block()), chain::encode_block(tip)};
        for (auto& plan : plans) {
            tip = block_on(tip, static_cast<std::uint32_t>(out.size()), std::move(plan), grind);
            out.push_back(chain::encode_block(tip));
        }
        return out;
    }
    // The nth coin of bank 1 to 3 in block 1.
    [[nodiscard]] chain::OutPoint coin(std::uint32_t bank, std::uint32_t n) const {
        return {chain::txid(first.txs[0]), (bank - 1) * kCoins + n};
    }

  private:
    static std::vector<chain::TxOut> first_outputs() {
        std::vector<chain::TxOut> outputs;
        for (const Owner& bank : banks()) outputs.insert(outputs.end(), kCoins, {kCoinAmount, bank.script});
        return outputs;
    }
    void settle() {
        JournalMaker journal(3);
        for (const std::size_t size : sizes) {
            for (std::size_t i = 0; i < size; ++i)
                journal.payment(1 + static_cast<std::uint32_t>(i % 3),
                                1 + static_cast<std::uint32_t>((i + 1 + i / 3) % 3), 100 + static_cast<MinorUnits>(i));
            journal.close();
        }
        auto collected = collect(journal).value();
        std::ptrdiff_t at = 0;
        for (auto& window : collected.windows) {
            const auto end = at + static_cast<std::ptrdiff_t>(window.leaves.size());
            Settled s;
            s.postings.assign(collected.postings.begin() + at, collected.postings.begin() + end);
            s.salts.assign(collected.salts.begin() + at, collected.salts.begin() + end);
            s.window = std::move(window);
            s.tx = transaction(s.window);
            settled.push_back(std::move(s));
            at = end;
        }
    }
    [[nodiscard]] chain::Tx transaction(const WindowResult& window) const {
        std::vector<Party> parties;
        for (std::uint32_t id = 1; id <= 3; ++id)
            parties.push_back(
                {id, banks()[id - 1].script, {{coin(id, static_cast<std::uint32_t>(window.window) - 1), kCoinAmount}}});
        auto made = build_settlement({window.window, window.root}, window.nets, parties).value();
        for (std::size_t i = 0; i < made.inputs.size(); ++i)
            banks()[made.inputs[i].participant - 1].sign(made.tx, i, kCoinAmount);
        return std::move(made.tx);
    }
};
inline const World& world() {
    static const World made;
    return made;
}
inline std::vector<Bytes> views(const std::vector<Buffer>& raw) {
    return {raw.begin(), raw.end()};
}
inline const Buffer& challenge() {
    return chain::test::testnet().params.challenge;
}

// The receipt of a posting of settled[which] as if `tx`, in the block at `height`, had settled its window.
inline Receipt receipt_by(std::size_t which, std::size_t index, const chain::Tx& tx, std::uint32_t height,
                          const std::vector<Buffer>& raw) {
    const Settled& s = world().settled[which];
    const auto blocks = views(raw);
    ReceiptSource source;
    source.posting = s.postings[index];
    source.salt = s.salts[index];
    source.window = s.window.window;
    source.leaves = s.window.leaves;
    source.index = index;
    source.txid = chain::txid(tx);
    source.height = height;
    source.blocks = blocks;
    return make_receipt(source).value();
}
inline Receipt receipt_of(std::size_t which, std::size_t index, const std::vector<Buffer>& raw = world().raw) {
    return receipt_by(which, index, world().settled[which].tx, 2, raw);
}
inline std::optional<Check> failure_of(std::string_view text, const std::vector<Buffer>& raw = world().raw,
                                       Bytes by = challenge()) {
    const auto verified = verify_receipt(text, views(raw), by);
    if (verified) return std::nullopt;
    return verified.error();
}
inline std::optional<Check> failure_of(const Receipt& r, const std::vector<Buffer>& raw = world().raw) {
    return failure_of(to_json(r), raw);
}

}  // namespace giro::settlement::test
