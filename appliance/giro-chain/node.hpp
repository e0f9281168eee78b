// The box's chain on disk and in memory: chain.db, what it leads to, and pub/blocks.dat for offline checks.
#pragma once

#include <filesystem>

#include "chain/block_file.hpp"
#include "chain/store.hpp"
#include "config/config.hpp"
#include "vault/bundle.hpp"

namespace giro::appliance {

class Node {
  public:
    // Replays chain.db. Failures: as ChainStore's.
    [[nodiscard]] static Result<Node> open(const std::filesystem::path& database,
                                           const std::filesystem::path& block_file, const chain::ChainParams& params);
    [[nodiscard]] const chain::ChainState& chain() const noexcept { return m_chain; }
    [[nodiscard]] chain::ChainState& chain() noexcept { return m_chain; }
    // Validates and writes. Refused by the rules: Failure::refused, whose text is the word. A failed write: try_again, and the
    // program must stop, since memory is ahead of the disk then.
    [[nodiscard]] Result<chain::Accepted> accept(const chain::Block& block, std::int64_t now_s);

  private:
    Node(chain::ChainStore store, chain::ChainState state, chain::BlockFile file)
        : m_store(std::move(store)), m_chain(std::move(state)), m_file(std::move(file)) {}
    chain::ChainStore m_store;
    chain::ChainState m_chain;
    chain::BlockFile m_file;
};

// What the coinbase of block 1 pays: each bank its backing (1 satoshi = 1 minor unit), the issuer the rest of the
// subsidy. Failure::config when the backings pass the subsidy or a bank has no keys in the bundle.
[[nodiscard]] Result<std::vector<chain::TxOut>> first_outputs(const config::Config& config,
                                                              const vault::Bundle& bundle);

}  // namespace giro::appliance
