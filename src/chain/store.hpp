// chain.db: the accepted blocks in the order they were accepted (SQLite, synchronous=FULL, one writer: giro-chain).
// At start every block is submitted again and fully validated, proof of work, solution and scripts included: an edited
// file stops the start with Failure::integrity that names the row. A block is stored before anyone is told of it.
//
//   PRAGMA user_version = 1
//   meta(challenge BLOB, block_spacing_s INTEGER)   one row: a file belongs to one chain
//   blocks(seq INTEGER PRIMARY KEY, hash BLOB UNIQUE, raw BLOB)   seq 1, 2, ... without a gap
#pragma once

#include <filesystem>
#include <memory>

#include "chain/chain_state.hpp"

namespace giro::chain {

class ChainStore {
  public:
    // Opens or creates the file. Failures: config when it belongs to another chain, try_again when another process
    // writes it, integrity for a wrong format.
    [[nodiscard]] static Result<ChainStore> open(const std::filesystem::path& path, const ChainParams& params);
    ChainStore(ChainStore&&) noexcept;
    ChainStore& operator=(ChainStore&&) noexcept;
    ~ChainStore();

    // The state all stored blocks lead to.
    [[nodiscard]] Result<ChainState> replay() const;
    // Durable when it returns ok. A failure here means stop: memory is ahead of the disk.
    [[nodiscard]] Result<void> append(Bytes raw_block);
    [[nodiscard]] std::uint64_t block_count() const noexcept;

  private:
    struct Impl;
    explicit ChainStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

}  // namespace giro::chain
