// The default back end: what the embedded node takes is the chain.
#pragma once

#include "appliance/giro-chain/node.hpp"
#include "chain/backend.hpp"

namespace giro::appliance {

// Validates a block and writes it. `now_s`: seconds since 1970.
[[nodiscard]] chain::Taken<chain::Accepted> take_block(Node& node, const chain::Block& block, std::int64_t now_s);

class EmbeddedBackend final : public chain::Backend {
  public:
    // `now_s` gives seconds since 1970.
    EmbeddedBackend(Node node, std::function<std::int64_t()> now_s) : m_node(std::move(node)), m_now_s(std::move(now_s)) {}
    [[nodiscard]] const chain::ChainState& chain() const noexcept override { return m_node.chain(); }
    void submit_block(const chain::Block& block, chain::Done<chain::Accepted> done) override {
        done(take_block(m_node, block, m_now_s()));
    }
    void submit_tx(const chain::Tx& tx, chain::Done<Hash256> done) override { done(chain::take_tx(m_node.chain(), tx)); }
    [[nodiscard]] const std::string& trouble() const noexcept override { return m_no_trouble; }

  private:
    Node m_node;
    std::function<std::int64_t()> m_now_s;
    const std::string m_no_trouble;
};

}  // namespace giro::appliance
