#include "chain/coins.hpp"

#include "chain/script.hpp"

namespace giro::chain {

const Coin* CoinSet::find(const OutPoint& outpoint) const {
    const auto it = m_coins.find(outpoint);
    return it == m_coins.end() ? nullptr : &it->second;
}

void CoinSet::add(const OutPoint& outpoint, Coin coin) {
    m_by_script[coin.out.script_pubkey].insert(outpoint);
    const bool added = m_coins.emplace(outpoint, std::move(coin)).second;
    ASSERT(added);
}

Coin CoinSet::take(const OutPoint& outpoint) {
    auto node = m_coins.extract(outpoint);
    ASSERT(!node.empty());
    const auto of_script = m_by_script.find(node.mapped().out.script_pubkey);
    of_script->second.erase(outpoint);
    if (of_script->second.empty()) m_by_script.erase(of_script);
    return std::move(node.mapped());
}

void CoinSet::add_outputs(const Tx& tx, const Hash256& id, std::uint32_t height) {
    for (std::size_t i = 0; i < tx.outputs.size(); ++i) {
        if (classify(tx.outputs[i].script_pubkey) == ScriptKind::op_return) continue;
        add({id, static_cast<std::uint32_t>(i)}, {tx.outputs[i], height, tx.is_coinbase()});
    }
}

void CoinSet::disconnect(std::span<const Tx> txs, const BlockUndo& undo) {
    // Backwards: a later tx may have spent what an earlier one of the block made.
    std::size_t left = undo.size();
    for (std::size_t t = txs.size(); t-- > 0;) {
        const Tx& tx = txs[t];
        const Hash256 id = txid(tx);
        for (std::size_t i = 0; i < tx.outputs.size(); ++i) {
            if (classify(tx.outputs[i].script_pubkey) == ScriptKind::op_return) continue;
            take({id, static_cast<std::uint32_t>(i)});
        }
        if (t == 0) break;
        for (std::size_t i = tx.inputs.size(); i-- > 0;) add(tx.inputs[i].prevout, undo[--left]);
    }
    ASSERT(left == 0);
}

std::vector<OutPoint> CoinSet::of_script(Bytes script_pubkey) const {
    const auto it = m_by_script.find(Buffer(script_pubkey.begin(), script_pubkey.end()));
    if (it == m_by_script.end()) return {};
    return {it->second.begin(), it->second.end()};
}

}  // namespace giro::chain
