// A chain whose first coin can be spent: 101 blocks that are signed and ground for real. What stands behind the proof
// of work and the maturity of a coinbase is out of a fuzzer's reach otherwise.
#pragma once

#include "tests/chain/support.hpp"
#include "tests/fuzz/target.hpp"

namespace giro::fuzz {

// The block with this nonce, which somebody has ground before; ground anew (seconds) when the block has changed since.
[[nodiscard]] chain::Block ground(chain::Block block, std::uint32_t nonce);

// Signed by the test net's first two keys, on the genesis block, paying the subsidy to miner_script(); not ground.
[[nodiscard]] chain::Block first_block(std::vector<chain::Tx> txs);

// Where the subsidies go: P2WPKH of chain::test::Key::numbered(7).
[[nodiscard]] const Buffer& miner_script();

// In seconds since 1970; no block's time is after it.
inline const std::int64_t kLongAfter = std::int64_t{chain::genesis_block().header.time} + 1'000'000;

// Heights 1 to 101 as they lie in pub/blocks.dat.
[[nodiscard]] const std::vector<Buffer>& mined_blocks();
[[nodiscard]] chain::ChainState mined_chain(std::size_t mempool_txs_max);
// Spends the only mature coin, the subsidy of block 1, to miner_script().
[[nodiscard]] chain::Tx mined_spend();

}  // namespace giro::fuzz
