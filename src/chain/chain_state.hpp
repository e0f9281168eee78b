// The embedded node's core: header tree, best chain by work, unspent outputs, mempool. Full validation with the words a
// Bitcoin node gives (BIP22), in a node's order. Deterministic and in memory: no clock, no disk (store.hpp writes).
// Hostile: every block and tx. A refused block leaves no trace and no failure is remembered by hash alone
// (CVE-2012-2459), except of a block whose body its header commits to and that failed to connect in a reorganisation.
//
// Limits: it spends P2WPKH and P2WSH k-of-n only (verify.hpp), and keeps raw blocks in memory (about 1 KB each).
#pragma once

#include <memory>

#include "chain/coins.hpp"
#include "chain/mempool.hpp"
#include "chain/params.hpp"
#include "chain/uint256.hpp"

namespace giro::chain {

struct ChainTip {
    Hash256 hash{};
    std::uint32_t height = 0;
    std::uint32_t time = 0;
    std::uint32_t median_time = 0;  // of the last 11 blocks: the next block's time must be greater
};

struct Accepted {
    Hash256 hash{};
    std::uint32_t height = 0;
    bool best = false;         // false: stored on a side branch (a node says "inconclusive")
    bool reorganised = false;  // blocks of the old best chain were disconnected
};

struct TxPlace {
    std::uint32_t height = 0;
    Hash256 block_hash{};
    std::size_t position = 0;  // 0 is the coinbase
};

struct Unspent {
    OutPoint outpoint;
    Coin coin;
};

class ChainState {
  public:
    static constexpr std::size_t kMempoolTxsMax = 10'000;

    explicit ChainState(ChainParams params, std::size_t mempool_txs_max = kMempoolTxsMax);
    ChainState(ChainState&&) noexcept;
    ChainState& operator=(ChainState&&) noexcept;
    ~ChainState();

    // Validates a block and adds it; makes its branch the best chain when it has more work. Bytes after the block are
    // ignored, as submitblock does. `now_s`: seconds since 1970, for time-too-new.
    [[nodiscard]] Expected<Accepted, RejectReason> submit_block(Bytes raw, std::int64_t now_s);

    // Adds a tx that would be valid in the next block. Errors: as for a block, and the mempool's own.
    // Txs that a block confirms or conflicts with leave; those of a disconnected block come back.
    [[nodiscard]] Expected<Hash256, RejectReason> accept_to_mempool(const Tx& tx);
    // Txs in an order in which they are valid, with their fees.
    [[nodiscard]] const std::vector<MempoolTx>& mempool() const noexcept;

    [[nodiscard]] const ChainParams& params() const noexcept;
    [[nodiscard]] ChainTip tip() const;
    // The bits the next block must have.
    [[nodiscard]] std::uint32_t next_bits() const;
    [[nodiscard]] std::optional<BlockHeader> header_at(std::uint32_t height) const;
    [[nodiscard]] std::optional<Block> block_at(std::uint32_t height) const;
    [[nodiscard]] Bytes raw_block_at(std::uint32_t height) const;                           // empty beyond the tip
    [[nodiscard]] std::optional<std::uint32_t> height_of(const Hash256& block_hash) const;  // on the best chain
    [[nodiscard]] std::optional<TxPlace> find_tx(const Hash256& txid) const;                // on the best chain
    [[nodiscard]] std::optional<Coin> coin(const OutPoint& outpoint) const;
    // Unspent outputs of the best chain that pay `script_pubkey`, by outpoint; immature coinbases included.
    [[nodiscard]] std::vector<Unspent> utxos_of(Bytes script_pubkey) const;
    [[nodiscard]] bool spendable_next(const Coin& coin) const;  // mature at the next height
    [[nodiscard]] bool in_mempool(const Hash256& txid) const;
    [[nodiscard]] bool spent_in_mempool(const OutPoint& outpoint) const;
    [[nodiscard]] const CoinSet& coins() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace giro::chain
