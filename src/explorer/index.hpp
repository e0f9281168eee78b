// The chain as the explorer looks things up in it: every block validated again by the same rules as everywhere
// (chain/chain_state.hpp), then txid -> place, output -> who spent it, script -> its history, window -> its settlement.
// In memory; built from the blocks alone. Pure: no clock, no disk.
//
// Hostile: every block. One that the rules refuse changes nothing. Maps are ordered, so hostile txids cannot make
// them slow. About 250 bytes a transaction and 100 an output, beside the raw blocks that ChainState keeps.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "chain/chain_state.hpp"
#include "settlement/transaction.hpp"

namespace giro::explorer {

using TxNumber = std::uint32_t;  // in the order of the chain
inline constexpr TxNumber kNoTx = 0xffffffff;

// Who holds coins under a name: the banks and, as 0, the issuer. From pub/bundle.json.
struct Party {
    std::uint32_t id = 0;
    std::string name;
    Buffer script;  // scriptPubKey of its coins
};

struct OutputRow {
    chain::Satoshi value = 0;
    std::uint32_t script = 0;  // into scripts
    TxNumber spender = kNoTx;
    std::uint32_t spender_input = 0;
};

struct TxRow {
    Hash256 txid{};
    std::uint32_t height = 0;
    std::uint32_t position = 0;  // in its block; 0 is the coinbase
    std::uint32_t at = 0;        // where its bytes begin in the raw block
    std::uint32_t bytes = 0;
    std::uint32_t weight = 0;
    std::uint32_t first_output = 0;
    std::uint32_t outputs = 0;
    chain::Satoshi fee = 0;      // 0 of a coinbase
    chain::Satoshi paid = 0;     // all its outputs together
};

struct BlockRow {
    Hash256 hash{};
    chain::BlockHeader header;
    std::uint32_t bytes = 0;
    std::uint32_t weight = 0;
    std::uint32_t median_time = 0;  // of the 11 blocks that end with it
    TxNumber first_tx = 0;
    std::uint32_t txs = 0;
};

struct ScriptRow {
    Buffer script;
    std::uint64_t funded_count = 0, spent_count = 0;
    chain::Satoshi funded_sum = 0, spent_sum = 0;
    std::vector<TxNumber> txs;  // that pay it or spend from it, each once, oldest first
    [[nodiscard]] chain::Satoshi balance() const noexcept { return funded_sum - spent_sum; }
};

// A commitment to a window (settlement/transaction.hpp) in a transaction that spends participants' coins alone. The
// participants are, as for a receipt, who block 1 pays by P2WSH.
struct WindowRow {
    settlement::Commitment commitment;
    TxNumber tx = kNoTx;  // the first one; it is what settles
};

struct Position {
    const Party* party = nullptr;
    chain::Satoshi net = 0;  // what a transaction's outputs give it less what its inputs take
};

class Index {
  public:
    Index(chain::ChainParams params, std::vector<Party> parties);

    // Adds a block; true when the best chain is another one than before. Errors: as ChainState's; a block that is known
    // already is none.
    [[nodiscard]] Expected<bool, chain::RejectReason> submit(Bytes raw_block);

    [[nodiscard]] const chain::ChainState& chain() const noexcept { return m_chain; }
    [[nodiscard]] std::uint32_t tip_height() const noexcept { return static_cast<std::uint32_t>(m_blocks.size() - 1); }
    [[nodiscard]] const BlockRow& block(std::uint32_t height) const { return m_blocks.at(height); }
    [[nodiscard]] std::optional<std::uint32_t> height_of(const Hash256& block_hash) const;
    [[nodiscard]] std::optional<TxNumber> find_tx(const Hash256& txid) const;
    [[nodiscard]] const TxRow& tx(TxNumber number) const { return m_txs.at(number); }
    [[nodiscard]] std::size_t tx_count() const noexcept { return m_txs.size(); }
    [[nodiscard]] Bytes raw_tx(TxNumber number) const;
    [[nodiscard]] chain::Tx decode(TxNumber number) const;
    [[nodiscard]] const OutputRow& output(TxNumber number, std::uint32_t index) const;  // ASSERTs that there is one
    // The output that `prevout` names; null for a coinbase's input.
    [[nodiscard]] const OutputRow* spent_by(const chain::OutPoint& prevout) const;
    [[nodiscard]] const ScriptRow& script(std::uint32_t number) const { return m_scripts.at(number); }
    [[nodiscard]] const ScriptRow* find_script(Bytes script_pubkey) const;  // null when no transaction names it
    // By the SHA-256 of the script.
    [[nodiscard]] const ScriptRow* find_script_hash(const Hash256& hash) const;

    [[nodiscard]] const std::map<std::uint64_t, WindowRow>& windows() const noexcept { return m_windows; }
    [[nodiscard]] const WindowRow* find_window(std::uint64_t window) const;
    [[nodiscard]] const WindowRow* window_of(TxNumber number) const;  // that this transaction settles; null for none
    [[nodiscard]] const WindowRow* window_with_root(const Hash256& root) const;
    [[nodiscard]] const std::vector<Party>& parties() const noexcept { return m_parties; }
    [[nodiscard]] const Party* party_of(Bytes script_pubkey) const;
    // What a transaction moves between the parties; those it does not touch are left out.
    [[nodiscard]] std::vector<Position> positions(TxNumber number) const;
    // All that was ever minted by block rewards and not burned.
    [[nodiscard]] chain::Satoshi supply() const noexcept { return m_supply; }

  private:
    void rebuild();
    void add(std::uint32_t height);
    void add_tx(const chain::Tx& tx, TxRow row);
    void add_inputs(const chain::Tx& tx, TxNumber number, TxRow& row);
    void add_outputs(const chain::Tx& tx, TxNumber number);
    void note_window(const chain::Tx& tx, TxNumber number);
    [[nodiscard]] std::uint32_t script_number(const Buffer& script);

    chain::ChainState m_chain;
    std::vector<Party> m_parties;
    std::vector<BlockRow> m_blocks;
    std::map<Hash256, std::uint32_t> m_heights;
    std::vector<TxRow> m_txs;
    std::map<Hash256, TxNumber> m_by_txid;
    std::vector<OutputRow> m_outputs;
    std::vector<ScriptRow> m_scripts;
    std::map<Buffer, std::uint32_t> m_by_script;
    std::map<Hash256, std::uint32_t> m_by_script_hash;
    std::map<std::uint64_t, WindowRow> m_windows;
    std::map<TxNumber, std::uint64_t> m_window_of;
    std::vector<bool> m_is_participant;  // by script number
    chain::Satoshi m_supply = 0;
};

}  // namespace giro::explorer
