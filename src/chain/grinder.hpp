// Searches the nonce. giro-chain runs it on a thread of its own at SCHED_IDLE (an ordinary-priority miner takes commits
// from 5,000 to 500 a second). SHA-NI where the processor has it, plain C++ elsewhere: same results.
#pragma once

#include <functional>

#include "chain/primitives.hpp"
#include "chain/uint256.hpp"

namespace giro::chain {

struct GrindResult {
    enum class End { found, exhausted, stopped };
    End end = End::exhausted;
    std::uint32_t nonce = 0;   // when found
    std::uint64_t hashes = 0;  // tried
};

// Called every kGrindSlice hashes with the number tried so far; false stops.
using KeepGrinding = std::function<bool(std::uint64_t hashes)>;
inline constexpr std::uint32_t kGrindSlice = 1U << 17;  // some 15 ms with SHA-NI

// Tries the nonces from `first_nonce` to 2^32 - 1 until header.bits are met. Exhausted: change the time, sign again.
// ASSERTs bits that are a target within signet's floor.
[[nodiscard]] GrindResult grind(const BlockHeader& header, const KeepGrinding& keep_going,
                                std::uint32_t first_nonce = 0);

// The two engines, for tests and the benchmark: first nonce in [first, first + count) that meets the target.
// `count` is a multiple of 2 and first + count does not pass 2^32.
[[nodiscard]] std::optional<std::uint32_t> grind_portable(const BlockHeader& header, const Uint256& target,
                                                          std::uint32_t first, std::uint32_t count);
[[nodiscard]] std::optional<std::uint32_t> grind_sha_ni(const BlockHeader& header, const Uint256& target,
                                                        std::uint32_t first, std::uint32_t count);
[[nodiscard]] bool has_sha_ni() noexcept;

}  // namespace giro::chain
