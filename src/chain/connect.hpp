// Rules that need the coins a tx spends, and connecting a whole block to the set of them. Hostile: everything but the
// coins.
#pragma once

#include <functional>

#include "chain/block_check.hpp"
#include "chain/coins.hpp"

namespace giro::chain {

// The chain a tx would stand on.
struct SpendContext {
    std::uint32_t height = 0;                                           // of the block that holds the tx
    std::uint32_t median_time = 0;                                      // of the 11 blocks before it
    std::function<std::uint32_t(std::uint32_t height)> median_time_at;  // median time past of the block at `height`
};

// The fee of `tx`, which spends `spent` (one coin an input, in order). Errors: premature_coinbase_spend,
// outputs_exceed_inputs, not_final (BIP68), script_failed, script_unsupported.
[[nodiscard]] Expected<Satoshi, RejectReason> check_spends(const Tx& tx, std::span<const Coin* const> spent,
                                                           const SpendContext& context);

// Applies a block that check_block and check_block_place passed. After an error the coins are as before. Errors:
// inputs_missing_or_spent, those of check_spends, sigops, coinbase_amount.
[[nodiscard]] Expected<BlockUndo, RejectReason> connect_block(const Block& block, CoinSet& coins,
                                                              const SpendContext& context);

}  // namespace giro::chain
