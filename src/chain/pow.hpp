// Proof of work: compact targets, the floor, the retarget rule, block work. Pure. Hostile: a header's bits.
#pragma once

#include "chain/params.hpp"
#include "chain/uint256.hpp"

namespace giro::chain {

// The target `bits` stands for; nothing when it is negative, zero, over 256 bits or easier than kBitsLimit.
[[nodiscard]] std::optional<Uint256> target_from_bits(std::uint32_t bits) noexcept;
// The same without the floor of signet, for other networks' headers.
[[nodiscard]] std::optional<Uint256> decode_compact(std::uint32_t bits) noexcept;
// Rounds down to the 3-byte mantissa.
[[nodiscard]] std::uint32_t encode_compact(const Uint256& target) noexcept;
[[nodiscard]] bool meets_target(const Hash256& hash, const Uint256& target) noexcept;
// Whether the header's hash meets its own bits, and those are not easier than the floor.
[[nodiscard]] bool check_pow(const BlockHeader& header) noexcept;

// The bits after a period that began with a block at `first_time` and ended with one at `last_time` (the period's own
// first and last block, so one gap fewer than blocks: the off-by-one every node has). Clamped to a factor 4 either
// way, capped at kBitsLimit.
[[nodiscard]] std::uint32_t retarget(std::uint32_t bits, std::uint32_t first_time, std::uint32_t last_time) noexcept;

// Expected hashes for a block with these bits: 2^256 / (target + 1). Zero for bits that are no target.
[[nodiscard]] Uint256 block_work(std::uint32_t bits) noexcept;

}  // namespace giro::chain
