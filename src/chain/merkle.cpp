#include "chain/merkle.hpp"

#include <algorithm>

#include "util/hash.hpp"

namespace giro::chain {

namespace {
Hash256 hash_pair(const Hash256& left, const Hash256& right) {
    ByteArray<64> both;
    std::copy(left.begin(), left.end(), both.begin());
    std::copy(right.begin(), right.end(), both.begin() + 32);
    return sha256d(both);
}

// One level up, in place. True when two neighbours that both exist are equal.
bool climb(std::vector<Hash256>& level) {
    bool equal_pair = false;
    for (std::size_t i = 0; i + 1 < level.size(); i += 2) equal_pair = equal_pair || level[i] == level[i + 1];
    if (level.size() % 2 != 0) level.push_back(level.back());
    for (std::size_t i = 0; i < level.size(); i += 2) level[i / 2] = hash_pair(level[i], level[i + 1]);
    level.resize(level.size() / 2);
    return equal_pair;
}
}  // namespace

MerkleRoot merkle_root(std::vector<Hash256> leaves) {
    if (leaves.empty()) return {};
    MerkleRoot result;
    while (leaves.size() > 1) result.mutated = climb(leaves) || result.mutated;
    result.root = leaves.front();
    return result;
}

MerkleRoot block_merkle_root(const Block& block) {
    std::vector<Hash256> leaves;
    leaves.reserve(block.txs.size());
    for (const Tx& tx : block.txs) leaves.push_back(txid(tx));
    return merkle_root(std::move(leaves));
}

std::vector<Hash256> merkle_path(std::vector<Hash256> leaves, std::size_t position) {
    ASSERT(position < leaves.size());
    std::vector<Hash256> path;
    while (leaves.size() > 1) {
        const std::size_t sibling = position ^ 1;
        path.push_back(sibling < leaves.size() ? leaves[sibling] : leaves[position]);
        climb(leaves);
        position /= 2;
    }
    return path;
}

std::optional<Hash256> merkle_root_from_path(const Hash256& leaf, std::size_t position, std::span<const Hash256> path) {
    if (path.size() > kMerklePathMax || (position >> path.size()) != 0) return std::nullopt;
    Hash256 hash = leaf;
    for (const Hash256& sibling : path) {
        hash = position % 2 != 0 ? hash_pair(sibling, hash) : hash_pair(hash, sibling);
        position /= 2;
    }
    return hash;
}

Hash256 witness_commitment(const Block& block, const Hash256& nonce) {
    std::vector<Hash256> leaves(1);  // the coinbase's is zero
    for (std::size_t i = 1; i < block.txs.size(); ++i) leaves.push_back(wtxid(block.txs[i]));
    return hash_pair(merkle_root(std::move(leaves)).root, nonce);
}

std::optional<std::size_t> commitment_output(const Block& block) {
    if (block.txs.empty()) return std::nullopt;
    const auto& outputs = block.txs.front().outputs;
    for (std::size_t i = outputs.size(); i-- > 0;) {
        const Buffer& script = outputs[i].script_pubkey;
        if (script.size() >= kCommitmentScriptBytes &&
            std::equal(kCommitmentPrefix.begin(), kCommitmentPrefix.end(), script.begin()))
            return i;
    }
    return std::nullopt;
}

}  // namespace giro::chain
