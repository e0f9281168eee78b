// Blocks for height 102 of the mined chain (tests/fuzz/mined.hpp): good ones, and one of each kind of damage, signed and
// ground as far as the damage lets them, so that only the rule in question can refuse them.
#pragma once

#include <string>
#include <vector>

#include "tests/fuzz/mined.hpp"

namespace giro::node_test {

// The block with the nonce that somebody has found for `name`; ground anew, which it says, when the block has changed since.
[[nodiscard]] chain::Block ground_as(const std::string& name, chain::Block block);

// On `parent`, signed by the test net's first two keys; not ground. The coinbase pays the subsidy and `fees`.
[[nodiscard]] chain::Block block_on(const chain::Block& parent, std::uint32_t height, std::vector<chain::Tx> txs, chain::Satoshi fees = 0);

// The last of the mined blocks.
[[nodiscard]] const chain::Block& block_101();
// Spends the coinbase of `height`, with this much to the miner and nothing else.
[[nodiscard]] chain::Tx spend_of(std::uint32_t height, chain::Satoshi pays, std::uint32_t sequence = 0xfffffffd, std::uint32_t lock_time = 0);

struct Damaged {
    std::string name;
    std::string word;  // both nodes' reason
    chain::Block block;
};
[[nodiscard]] const std::vector<Damaged>& damaged_blocks();

}  // namespace giro::node_test
