// The set of unspent outputs, with undo: what connecting and disconnecting a block does to it.
#pragma once

#include <map>
#include <set>

#include "chain/primitives.hpp"

namespace giro::chain {

struct Coin {
    TxOut out;
    std::uint32_t height = 0;
    bool coinbase = false;
    bool operator==(const Coin&) const = default;
};

// What a block took: the coins its inputs spent, in order of txs and inputs (the coinbase has none).
using BlockUndo = std::vector<Coin>;

class CoinSet {
  public:
    [[nodiscard]] const Coin* find(const OutPoint& outpoint) const;
    void add(const OutPoint& outpoint, Coin coin);  // ASSERTs that it is new
    Coin take(const OutPoint& outpoint);            // ASSERTs that it is there
    // Adds the spendable outputs of `tx` (OP_RETURN is never one).
    void add_outputs(const Tx& tx, const Hash256& id, std::uint32_t height);
    // Undoes `txs` (the first of them a coinbase): takes their outputs back and returns what they spent.
    void disconnect(std::span<const Tx> txs, const BlockUndo& undo);
    [[nodiscard]] std::vector<OutPoint> of_script(Bytes script_pubkey) const;
    [[nodiscard]] std::size_t size() const noexcept { return m_coins.size(); }
    bool operator==(const CoinSet&) const = default;

  private:
    std::map<OutPoint, Coin> m_coins;  // ordered: hostile txids cannot make it slow
    std::map<Buffer, std::set<OutPoint>> m_by_script;
};

}  // namespace giro::chain
