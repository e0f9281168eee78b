// What defines one chain: the signet challenge and the block spacing. Every node of a chain must agree on both.
#pragma once

#include "chain/primitives.hpp"

namespace giro::chain {

struct ChainParams {
    Buffer challenge;                     // script_pubkey that signs blocks; P2WSH k-of-n. For ever.
    std::uint32_t block_spacing_s = 600;  // target seconds a block; a stock node knows 600 only
    // Blocks between difficulty changes: a fixed 14 days over the spacing. 600 s gives 2016.
    [[nodiscard]] std::uint32_t retarget_interval() const noexcept;
};

inline constexpr std::uint32_t kRetargetTimespan_s = 14 * 24 * 60 * 60;
inline constexpr std::uint32_t kBitsLimit = 0x1e0377ae;  // signet's easiest target
inline constexpr std::uint32_t kCoinbaseMaturity = 100;  // blocks; a coinbase of height h is spendable in h + 100
inline constexpr std::uint32_t kHalvingInterval = 210'000;
inline constexpr std::int64_t kFutureSeconds_max = 2 * 60 * 60;  // a block's time may lead our clock by this
inline constexpr std::size_t kMedianTimeBlocks = 11;

// First 4 bytes of SHA256d(compactsize || challenge): the network magic (BIP325).
[[nodiscard]] ByteArray<4> network_magic(const ChainParams& params);
// The genesis block all signets share: 00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6.
[[nodiscard]] const Block& genesis_block();
// New coins of the block at `height`: 50 halving every 210,000 blocks.
[[nodiscard]] Satoshi block_subsidy(std::uint32_t height) noexcept;

}  // namespace giro::chain
