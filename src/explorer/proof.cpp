#include "explorer/proof.hpp"

#include "chain/merkle.hpp"
#include "util/hash.hpp"

namespace giro::explorer {

namespace {
std::vector<Hash256> txids_of(const Index& index, const BlockRow& block) {
    std::vector<Hash256> ids;
    for (std::uint32_t i = 0; i < block.txs; ++i) ids.push_back(index.tx(block.first_tx + i).txid);
    return ids;
}

Hash256 parent_of(const Hash256& left, const Hash256& right) {
    Buffer both(left.begin(), left.end());
    both.insert(both.end(), right.begin(), right.end());
    return sha256d(both);
}

// The tree of a block's txids, level by level, and its walk from the root, as BIP37 defines it.
class PartialTree {
  public:
    PartialTree(std::vector<Hash256> leaves, std::size_t wanted) : m_wanted(wanted) {
        m_levels.push_back(std::move(leaves));
        while (m_levels.back().size() > 1) {
            const auto& below = m_levels.back();
            std::vector<Hash256> level;
            for (std::size_t i = 0; i < below.size(); i += 2) level.push_back(parent_of(below[i], below[std::min(i + 1, below.size() - 1)]));
            m_levels.push_back(std::move(level));
        }
        walk(m_levels.size() - 1, 0);
    }
    void write(Writer& out) const {
        chain::write_compact_size(out, m_hashes.size());
        for (const Hash256& hash : m_hashes) out.bytes(hash);
        Buffer bytes((m_bits.size() + 7) / 8);
        for (std::size_t i = 0; i < m_bits.size(); ++i)
            if (m_bits[i]) bytes[i / 8] |= std::byte{1} << (i % 8);
        chain::write_var_bytes(out, bytes);
    }

  private:
    void walk(std::size_t level, std::size_t at) {
        const bool above_wanted = m_wanted >> level == at;
        m_bits.push_back(above_wanted);
        if (level == 0 || !above_wanted) {
            m_hashes.push_back(m_levels[level][at]);
            return;
        }
        walk(level - 1, 2 * at);
        if (2 * at + 1 < m_levels[level - 1].size()) walk(level - 1, 2 * at + 1);
    }

    std::size_t m_wanted;
    std::vector<std::vector<Hash256>> m_levels;
    std::vector<Hash256> m_hashes;
    std::vector<bool> m_bits;
};
}  // namespace

std::vector<Hash256> merkle_path_of(const Index& index, TxNumber number) {
    const TxRow& tx = index.tx(number);
    return chain::merkle_path(txids_of(index, index.block(tx.height)), tx.position);
}

Buffer merkle_block_of(const Index& index, TxNumber number) {
    const TxRow& tx = index.tx(number);
    const BlockRow& block = index.block(tx.height);
    Buffer bytes;
    Writer out(bytes);
    out.bytes(chain::encode_header(block.header));
    out.u32(block.txs);
    PartialTree(txids_of(index, block), tx.position).write(out);
    return bytes;
}

}  // namespace giro::explorer
