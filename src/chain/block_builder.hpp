// Makes a block step by step, so that signing can be a request to the vault and grinding a job of its own thread:
//   build_block -> signet_parts(block).message -> the vault's signatures -> set_signet_solution -> grind ->
//   header.nonce
#pragma once

#include "chain/chain_state.hpp"
#include "chain/signet.hpp"

namespace giro::chain {

struct BlockTemplate {
    Hash256 previous{};
    std::uint32_t height = 0;  // of the new block, at least 1
    std::uint32_t time = 0;
    std::uint32_t bits = kBitsLimit;
    std::vector<TxOut> coinbase_outputs;
    std::vector<Tx> txs;  // in an order in which they are valid
    Buffer tag;           // pushed after the height, so that the script has at least 2 bytes; at most 64 bytes
};

// The template for the block after the tip: the mempool's txs as far as they fit, and one output that pays subsidy and
// fees to `reward_script`. Its time is `now_s`, or the smallest allowed when that is past it.
[[nodiscard]] BlockTemplate next_template(const ChainState& chain, Bytes reward_script, std::uint32_t now_s);

// An unsigned, unground block: BIP34 height, lock time height - 1 (BIP54), witness commitment, bare signet header push.
[[nodiscard]] Block build_block(const BlockTemplate& tmpl);

inline constexpr std::size_t kCoinbaseTagBytesMax = 64;
// Kept free for header, coinbase and solution when a template is filled.
inline constexpr std::size_t kReservedWeight = 16'000;

}  // namespace giro::chain
