#include "chain/mempool.hpp"

#include <algorithm>

namespace giro::chain {

const TxOut* Mempool::output(const OutPoint& outpoint) const {
    const auto it = m_index.find(outpoint.txid);
    if (it == m_index.end()) return nullptr;
    const auto& outputs = m_txs[it->second].tx.outputs;
    return outpoint.index < outputs.size() ? &outputs[outpoint.index] : nullptr;
}

void Mempool::add(MempoolTx entry) {
    for (const TxIn& input : entry.tx.inputs) m_spent.insert(input.prevout);
    m_index.emplace(entry.txid, m_txs.size());
    m_txs.push_back(std::move(entry));
}

void Mempool::keep_spendable(const CoinSet& coins) {
    for (MempoolTx& entry : drain()) {
        const auto spendable = [&](const TxIn& input) {
            return coins.find(input.prevout) != nullptr || output(input.prevout) != nullptr;
        };
        if (std::all_of(entry.tx.inputs.begin(), entry.tx.inputs.end(), spendable)) add(std::move(entry));
    }
}

std::vector<MempoolTx> Mempool::drain() {
    m_index.clear();
    m_spent.clear();
    return std::exchange(m_txs, {});
}

}  // namespace giro::chain
