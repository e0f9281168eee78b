// Txs waiting for a block, in an order in which they are valid. chain_state.cpp asks the questions of the chain; here
// are only the entries and who spends what.
#pragma once

#include <map>
#include <vector>

#include "chain/coins.hpp"

namespace giro::chain {

struct MempoolTx {
    Tx tx;
    Hash256 txid{};
    Satoshi fee = 0;
};

class Mempool {
  public:
    explicit Mempool(std::size_t txs_max) : m_txs_max(txs_max) {}
    [[nodiscard]] const std::vector<MempoolTx>& txs() const noexcept { return m_txs; }
    [[nodiscard]] bool full() const noexcept { return m_txs.size() >= m_txs_max; }
    [[nodiscard]] bool contains(const Hash256& txid) const { return m_index.contains(txid); }
    [[nodiscard]] bool spends(const OutPoint& outpoint) const { return m_spent.contains(outpoint); }
    // An output of a waiting tx, spent or not; nullptr when there is none.
    [[nodiscard]] const TxOut* output(const OutPoint& outpoint) const;
    void add(MempoolTx entry);
    // Keeps the txs whose every input is a coin or an output of a kept tx: confirmed and conflicting ones leave.
    void keep_spendable(const CoinSet& coins);
    // Takes everything out.
    [[nodiscard]] std::vector<MempoolTx> drain();

  private:
    std::size_t m_txs_max;
    std::vector<MempoolTx> m_txs;
    std::map<Hash256, std::size_t> m_index;  // txid to place in m_txs
    std::set<OutPoint> m_spent;
};

}  // namespace giro::chain
