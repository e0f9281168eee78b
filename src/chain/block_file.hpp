// Blocks in one flat file, laid out like a node's blk*.dat: 4 magic | u32 length | block, again and again, from the
// genesis block up. `giro verify` reads it offline. Hostile: the whole file.
#pragma once

#include <filesystem>

#include "chain/chain_state.hpp"

namespace giro::chain {

// The best chain, genesis first.
[[nodiscard]] Buffer export_blocks(const ChainState& chain);
// The same into a file, replaced atomically.
[[nodiscard]] Result<void> export_blocks_to(const ChainState& chain, const std::filesystem::path& path);

// The file kept up with a growing chain: rewritten whole when opened and after a reorganisation, appended to else.
// A copy for others to read; chain.db is what counts, so it is not synced block by block.
class BlockFile {
  public:
    [[nodiscard]] static Result<BlockFile> open(std::filesystem::path path, const ChainState& chain);
    // After each accepted block.
    [[nodiscard]] Result<void> follow(const ChainState& chain);

  private:
    BlockFile(std::filesystem::path path, const ChainTip& tip) : m_path(std::move(path)), m_tip(tip) {}
    std::filesystem::path m_path;
    ChainTip m_tip;  // of what is in the file
};

// The blocks in order, undecoded views into `file`. Errors: truncated, bad_magic, too_large.
[[nodiscard]] Expected<std::vector<Bytes>, ChainError> split_block_file(Bytes file, const ByteArray<4>& magic);
// Validates every block from nothing but the file and the params (a block's own time is "now").
// Failure::integrity with height and reason for the first that is refused, or when the genesis is another one.
[[nodiscard]] Result<ChainState> load_block_file(Bytes file, const ChainParams& params);

}  // namespace giro::chain
