// What the chain tests share: test keys that sign in process (the product signs in the token), the recorded signet
// chain, and short blocks that are signed and ground for real.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chain/backend.hpp"
#include "chain/block_builder.hpp"
#include "chain/chain_state.hpp"
#include "chain/script.hpp"

namespace giro::chain::test {

// A secp256k1 test key. Signs with RFC 6979 nonces and low S.
struct Key {
    ByteArray<32> secret{};
    [[nodiscard]] static Key of(std::string_view hex);
    [[nodiscard]] static Key numbered(unsigned n);  // some key, the same for the same n
    [[nodiscard]] PublicKey pub() const;
    [[nodiscard]] Buffer sign(const Hash256& hash, std::uint8_t hash_type = 1) const;  // DER and hash type
};

// ../shared/vectors/<name>; empty when that folder is absent.
[[nodiscard]] std::string vector_path(std::string_view name);

struct Verdict71 {
    std::string name;
    std::string result;  // "" for accepted
    bool accepted = false;
    Buffer block;
};
// signet/chain-p2wsh.json
struct RecordedChain {
    ChainParams params;
    Buffer witness_script;
    std::vector<Key> signers;
    Key reward;
    Buffer reward_script;
    ByteArray<4> magic{};
    std::vector<Buffer> blocks;  // heights 1 to 102
    std::vector<Verdict71> verdicts;
    std::int64_t recorded_at = 0;
    Buffer settlement_tx;
};
[[nodiscard]] const RecordedChain* recorded_chain();  // nullptr when absent
// A chain that holds the first `blocks` of them.
[[nodiscard]] ChainState replay_recorded(std::size_t blocks = 102);

// A 2-of-3 signet of numbered keys, for tests without vectors.
struct TestNet {
    std::vector<Key> signers;
    Buffer witness_script;
    ChainParams params;
    TestNet();
};
[[nodiscard]] const TestNet& testnet();

// A chain in memory as a back end: what answers requests and makes blocks, without files and nodes.
class MemoryBackend final : public Backend {
  public:
    explicit MemoryBackend(ChainState& state) : m_chain(state) {}
    [[nodiscard]] const ChainState& chain() const noexcept override { return m_chain; }
    void submit_block(const Block& block, Done<Accepted> done) override;  // its own time is now
    void submit_tx(const Tx& tx, Done<Hash256> done) override { done(take_tx(m_chain, tx)); }
    [[nodiscard]] const std::string& trouble() const noexcept override { return said; }
    std::string said;

  private:
    ChainState& m_chain;
};

void sign_block(Block& block, std::span<const Key> two_signers, Bytes witness_script);
void grind_block(Block& block);

// Spends a P2WPKH output of `key` to `outputs`.
[[nodiscard]] Tx spend_p2wpkh(const Key& key, const OutPoint& from, Satoshi amount, std::vector<TxOut> outputs,
                              std::uint32_t sequence = 0xfffffffd, std::uint32_t lock_time = 0);

}  // namespace giro::chain::test
