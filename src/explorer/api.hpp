// The explorer's data for programs, in the paths and shapes of the Esplora HTTP API, so that its clients work; and
// windows and positions, which only this chain has. Pure: index in, answer out. Hostile: the path.
//
//   /api/block/:hash  /header /status /raw /txids /txid/:index /txs[/:start]     /api/block-height/:height
//   /api/blocks[/:start]  /api/blocks/tip/height  /api/blocks/tip/hash
//   /api/tx/:txid  /status /hex /raw /outspends /outspend/:vout /merkle-proof /merkleblock-proof
//   /api/address/:address  /txs /txs/chain[/:last] /txs/mempool /utxo            the same for /api/scripthash/:sha256
//   /api/mempool  /txids /recent   /api/fee-estimates     empty: it sees blocks alone, and fees are zero here
//   /api/windows  /api/window/:window   /api/positions
//
// 400 for what is no hash, number or address, 404 for what the chain does not have; both as a line of text.
#pragma once

#include "explorer/answer.hpp"
#include "explorer/index.hpp"

namespace giro::explorer {

inline constexpr std::size_t kTxsOfPage = 25;     // Esplora's
inline constexpr std::size_t kBlocksOfPage = 10;  // Esplora's
inline constexpr std::size_t kUtxosMax = 1'000;   // of one address; above it, 400, as Esplora does with its own bound

// `path` begins with "/api/".
[[nodiscard]] Answer api_answer(const Index& index, std::string_view path);

}  // namespace giro::explorer
