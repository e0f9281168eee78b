#include "settlement/merkle.hpp"

#include "giro/result.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::settlement {

namespace {
Hash256 node(const Hash256& left, const Hash256& right) {
    ByteArray<65> message;
    message[0] = std::byte{0x01};
    std::memcpy(message.data() + 1, left.data(), left.size());
    std::memcpy(message.data() + 33, right.data(), right.size());
    return sha256(message);
}

// The level above; the last of an odd one comes along as it is.
void climb(std::vector<Hash256>& level) {
    const std::size_t pairs = level.size() / 2;
    for (std::size_t i = 0; i < pairs; ++i) level[i] = node(level[2 * i], level[2 * i + 1]);
    if (level.size() % 2 != 0) level[pairs] = level.back();
    level.resize(pairs + level.size() % 2);
}

Hash256 sealed(std::uint64_t window, std::uint64_t count, const Hash256& top) {
    ByteArray<49> message;
    message[0] = std::byte{0x02};
    store_le(message.data() + 1, window);
    store_le(message.data() + 9, count);
    std::memcpy(message.data() + 17, top.data(), top.size());
    return sha256(message);
}
}  // namespace

Hash256 window_root(std::uint64_t window, std::span<const Hash256> leaves) {
    if (leaves.empty()) return sealed(window, 0, Hash256{});
    std::vector<Hash256> level(leaves.begin(), leaves.end());
    while (level.size() > 1) climb(level);
    return sealed(window, leaves.size(), level.front());
}

std::vector<Hash256> merkle_path(std::span<const Hash256> leaves, std::size_t index) {
    ASSERT(index < leaves.size());
    std::vector<Hash256> level(leaves.begin(), leaves.end());
    std::vector<Hash256> path;
    for (; level.size() > 1; index /= 2) {
        const std::size_t sibling = index ^ 1U;
        if (sibling < level.size()) path.push_back(level[sibling]);
        climb(level);
    }
    return path;
}

std::optional<Hash256> root_from_path(std::uint64_t window, std::uint64_t count, std::uint64_t index,
                                      const Hash256& leaf, std::span<const Hash256> path) {
    if (index >= count) return std::nullopt;
    Hash256 hash = leaf;
    std::size_t used = 0;
    for (std::uint64_t size = count; size > 1; size = size / 2 + size % 2, index /= 2) {
        if ((index ^ 1U) >= size) continue;  // promoted
        if (used == path.size()) return std::nullopt;
        hash = index % 2 == 0 ? node(hash, path[used]) : node(path[used], hash);
        ++used;
    }
    if (used != path.size()) return std::nullopt;
    return sealed(window, count, hash);
}

}  // namespace giro::settlement
