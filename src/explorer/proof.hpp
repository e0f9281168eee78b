// That a block holds a transaction, in the two forms that Bitcoin's tools read. Pure.
#pragma once

#include "explorer/index.hpp"

namespace giro::explorer {

// The sibling hashes from the transaction up to the block's Merkle root.
[[nodiscard]] std::vector<Hash256> merkle_path_of(const Index& index, TxNumber number);
// A `merkleblock` message (BIP37): header, number of txs, hashes depth first, flag bits. What a node's verifytxoutproof
// takes.
[[nodiscard]] Buffer merkle_block_of(const Index& index, TxNumber number);

}  // namespace giro::explorer
