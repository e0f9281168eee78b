// The Merkle tree of a settlement window. Run by giro-settle and by `giro receipt`/`giro verify`. Pure.
// Hostile: the path of a receipt.
//
//   leaf   SHA-256(0x00 || salt || canonical bytes)      posting.hpp
//   node   SHA-256(0x01 || left || right)                 the prefixes keep a node from being passed off as a leaf (RFC
//   6962) root   SHA-256(0x02 || window u64 || leaf count u64 || top)   top = 32 zero bytes for a window without
//   postings
//
// The last of an odd level is promoted to the next one as it is. Doubling it, as Bitcoin does, lets two different lists
// have one root (CVE-2012-2459). The count stands in the root because, without it, a leaf's path fits trees of several
// sizes, and a receipt could lie about how many postings its window had.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "giro/types.hpp"

namespace giro::settlement {

inline constexpr std::size_t kMerklePathMax = 64;

[[nodiscard]] Hash256 window_root(std::uint64_t window, std::span<const Hash256> leaves);

// The sibling hashes from leaf `index` (ASSERTed to exist) upwards; levels at which it is promoted give none.
[[nodiscard]] std::vector<Hash256> merkle_path(std::span<const Hash256> leaves, std::size_t index);

// The window's root that `leaf` at `index` of `count` and `path` lead to. Nothing when index >= count or the path does
// not have exactly the length that (index, count) asks for.
[[nodiscard]] std::optional<Hash256> root_from_path(std::uint64_t window, std::uint64_t count, std::uint64_t index,
                                                    const Hash256& leaf, std::span<const Hash256> path);

}  // namespace giro::settlement
