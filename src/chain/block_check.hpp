// Block and tx rules that need no coins: context-free ones, then those of the place in the chain. In a node's order,
// with its words. Hostile: everything.
#pragma once

#include "chain/params.hpp"

namespace giro::chain {

using Verdict = Expected<void, RejectReason>;

// Rules of one tx by itself (a node's CheckTransaction).
[[nodiscard]] Verdict check_tx(const Tx& tx);

// Rules of one block by itself: high_hash, bad_signet_solution, bad_merkle_root, duplicate_txs, block_length,
// coinbase_*, each tx's, sigops (a node's CheckBlock).
[[nodiscard]] Verdict check_block(const Block& block, Bytes challenge);

// Where a block stands.
struct BlockPlace {
    std::uint32_t height = 0;
    std::uint32_t required_bits = 0;
    std::uint32_t median_time = 0;  // of the 11 blocks before
    std::int64_t now_s = 0;
};
// bad_bits, time_too_old, time_too_new, bad_version
[[nodiscard]] Verdict check_header_place(const BlockHeader& header, const BlockPlace& place);
// not_final, coinbase_height, witness_nonce_size, witness_commitment, block_weight
[[nodiscard]] Verdict check_block_place(const Block& block, const BlockPlace& place);

// Whether the lock time lets `tx` into a block at `height` after blocks of `median_time` (BIP113).
[[nodiscard]] bool is_final(const Tx& tx, std::uint32_t height, std::uint32_t median_time) noexcept;

inline constexpr std::size_t kWitnessScale = 4;
inline constexpr std::size_t kSigopsCostMax = 80'000;
inline constexpr std::size_t kCoinbaseScriptBytesMin = 2, kCoinbaseScriptBytesMax = 100;
inline constexpr std::uint32_t kLockTimeThreshold = 500'000'000;  // below: a height; from here: seconds since 1970
inline constexpr std::int32_t kBlockVersionMin = 4;               // BIP34, 66 and 65 hold from height 1

// Signature operations of scriptSigs and outputs, as the block limit counts them.
[[nodiscard]] std::size_t base_sigops(const Tx& tx) noexcept;

}  // namespace giro::chain
