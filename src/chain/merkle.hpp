// Bitcoin's Merkle tree: root, proof path, and the witness commitment (BIP141). No hostile sizes: leaves are already
// decoded txs. An odd level repeats its last hash, which lets two different lists share a root (CVE-2012-2459):
// `mutated` tells.
#pragma once

#include <optional>
#include <vector>

#include "chain/primitives.hpp"

namespace giro::chain {

struct MerkleRoot {
    Hash256 root{};
    bool mutated = false;  // two equal neighbours in some level: the list could be a padded copy of a shorter one
};

[[nodiscard]] MerkleRoot merkle_root(std::vector<Hash256> leaves);  // all zero for no leaves
[[nodiscard]] MerkleRoot block_merkle_root(const Block& block);     // of txids
// The sibling hashes from leaf `position` (ASSERTed to exist) up to the root.
[[nodiscard]] std::vector<Hash256> merkle_path(std::vector<Hash256> leaves, std::size_t position);
// The root that `leaf` at `position` and `path` lead to. Nothing when `position` does not fit the path's length.
[[nodiscard]] std::optional<Hash256> merkle_root_from_path(const Hash256& leaf, std::size_t position,
                                                           std::span<const Hash256> path);

// The largest tree a block of 4,000,000 weight units can hold has fewer than 2^16 txs: longer paths are refused.
inline constexpr std::size_t kMerklePathMax = 16;

// BIP141 commitment: SHA256d(witness root || nonce), where the coinbase's leaf is zero.
[[nodiscard]] Hash256 witness_commitment(const Block& block, const Hash256& nonce);
// The index of the LAST coinbase output that begins 6a 24 aa21a9ed; nothing when none (or no coinbase).
[[nodiscard]] std::optional<std::size_t> commitment_output(const Block& block);

inline constexpr std::array<std::byte, 6> kCommitmentPrefix{std::byte{0x6a}, std::byte{0x24}, std::byte{0xaa},
                                                            std::byte{0x21}, std::byte{0xa9}, std::byte{0xed}};
inline constexpr std::size_t kCommitmentScriptBytes = 38;  // prefix and 32 bytes

}  // namespace giro::chain
