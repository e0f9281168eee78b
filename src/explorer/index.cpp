#include "explorer/index.hpp"

#include <algorithm>

#include "chain/script.hpp"
#include "util/hash.hpp"

namespace giro::explorer {

namespace {
std::size_t compact_size_bytes(std::uint64_t value) {
    Buffer bytes;
    Writer out(bytes);
    chain::write_compact_size(out, value);
    return bytes.size();
}

// The median of the last 11 block times up to the last of `blocks`.
std::uint32_t median_time(const std::vector<BlockRow>& blocks, std::uint32_t last) {
    std::vector<std::uint32_t> times{last};
    for (std::size_t i = 0; i + 1 < chain::kMedianTimeBlocks && i < blocks.size(); ++i)
        times.push_back(blocks[blocks.size() - 1 - i].header.time);
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

bool is_spendable(Bytes script) {
    return chain::classify(script) != chain::ScriptKind::op_return;
}
}  // namespace

Index::Index(chain::ChainParams params, std::vector<Party> parties)
    : m_chain(std::move(params)), m_parties(std::move(parties)) {
    rebuild();
}

Expected<bool, chain::RejectReason> Index::submit(Bytes raw_block) {
    Reader in(raw_block);
    const auto header = chain::decode_header(in.take(std::min(raw_block.size(), chain::kHeaderBytes)));
    if (!header) return tl::unexpected(chain::RejectReason::decode_failed);
    // A block's own time is "now": these have been accepted once, and a wrong clock here must not hide them.
    const auto accepted = m_chain.submit_block(raw_block, header->time);
    if (!accepted) {
        if (accepted.error() == chain::RejectReason::duplicate) return false;
        return tl::unexpected(accepted.error());
    }
    if (!accepted->best) return false;
    if (accepted->reorganised)
        rebuild();
    else
        add(accepted->height);
    return true;
}

void Index::rebuild() {
    m_blocks.clear();
    m_heights.clear();
    m_txs.clear();
    m_by_txid.clear();
    m_outputs.clear();
    m_scripts.clear();
    m_by_script.clear();
    m_by_script_hash.clear();
    m_windows.clear();
    m_window_of.clear();
    m_is_participant.clear();
    m_supply = 0;
    for (std::uint32_t height = 0; height <= m_chain.tip().height; ++height) add(height);
}

void Index::add(std::uint32_t height) {
    ASSERT(height == m_blocks.size());
    const auto block = m_chain.block_at(height);
    ASSERT(block.has_value());
    BlockRow row;
    row.hash = chain::block_hash(block->header);
    row.header = block->header;
    row.bytes = static_cast<std::uint32_t>(m_chain.raw_block_at(height).size());
    row.weight = static_cast<std::uint32_t>(chain::block_weight(*block));
    row.median_time = median_time(m_blocks, block->header.time);
    row.first_tx = static_cast<TxNumber>(m_txs.size());
    row.txs = static_cast<std::uint32_t>(block->txs.size());
    std::size_t at = chain::kHeaderBytes + compact_size_bytes(block->txs.size());
    for (std::uint32_t position = 0; position < row.txs; ++position) {
        const chain::Tx& tx = block->txs[position];
        TxRow made;
        made.txid = chain::txid(tx);
        made.height = height;
        made.position = position;
        made.at = static_cast<std::uint32_t>(at);
        made.bytes = static_cast<std::uint32_t>(chain::encode_tx(tx).size());
        made.weight = static_cast<std::uint32_t>(chain::tx_weight(tx));
        at += made.bytes;
        add_tx(tx, made);
    }
    ASSERT(at == row.bytes);
    m_heights[row.hash] = height;
    m_blocks.push_back(row);
    // As for receipts: the participants are who block 1 pays by P2WSH.
    if (height != 1) return;
    for (const auto& out : block->txs[0].outputs)
        if (chain::classify(out.script_pubkey) == chain::ScriptKind::p2wsh) m_is_participant[script_number(out.script_pubkey)] = true;
}

void Index::add_tx(const chain::Tx& tx, TxRow row) {
    const auto number = static_cast<TxNumber>(m_txs.size());
    row.first_output = static_cast<std::uint32_t>(m_outputs.size());
    row.outputs = static_cast<std::uint32_t>(tx.outputs.size());
    add_inputs(tx, number, row);
    for (const auto& out : tx.outputs) row.paid += out.value;
    row.fee = tx.is_coinbase() ? 0 : row.fee - row.paid;
    m_txs.push_back(row);
    m_by_txid[row.txid] = number;
    add_outputs(tx, number);
    note_window(tx, number);
}

// Leaves in row.fee what the inputs bring.
void Index::add_inputs(const chain::Tx& tx, TxNumber number, TxRow& row) {
    if (tx.is_coinbase()) return;
    for (std::uint32_t i = 0; i < tx.inputs.size(); ++i) {
        const chain::OutPoint& prevout = tx.inputs[i].prevout;
        OutputRow& spent = m_outputs.at(m_txs.at(m_by_txid.at(prevout.txid)).first_output + prevout.index);
        spent.spender = number;
        spent.spender_input = i;
        row.fee += spent.value;
        m_supply -= spent.value;
        ScriptRow& script = m_scripts[spent.script];
        ++script.spent_count;
        script.spent_sum += spent.value;
        if (script.txs.back() != number) script.txs.push_back(number);
    }
}

void Index::add_outputs(const chain::Tx& tx, TxNumber number) {
    for (const auto& out : tx.outputs) {
        const std::uint32_t script_at = script_number(out.script_pubkey);
        m_outputs.push_back({out.value, script_at, kNoTx, 0});
        if (is_spendable(out.script_pubkey) && m_txs[number].height != 0) m_supply += out.value;
        ScriptRow& script = m_scripts[script_at];
        ++script.funded_count;
        script.funded_sum += out.value;
        if (script.txs.empty() || script.txs.back() != number) script.txs.push_back(number);
    }
}

void Index::note_window(const chain::Tx& tx, TxNumber number) {
    if (tx.is_coinbase()) return;
    const auto commitment = settlement::commitment_of(tx);
    if (!commitment || m_windows.contains(commitment->window)) return;
    for (const auto& input : tx.inputs)
        if (!m_is_participant[spent_by(input.prevout)->script]) return;
    m_windows[commitment->window] = {*commitment, number};
    m_window_of[number] = commitment->window;
}

std::uint32_t Index::script_number(const Buffer& script) {
    const auto [at, is_new] = m_by_script.try_emplace(script, static_cast<std::uint32_t>(m_scripts.size()));
    if (is_new) {
        m_scripts.push_back({script, 0, 0, 0, 0, {}});
        m_by_script_hash[sha256(script)] = at->second;
        m_is_participant.push_back(false);
    }
    return at->second;
}

std::optional<std::uint32_t> Index::height_of(const Hash256& block_hash) const {
    const auto found = m_heights.find(block_hash);
    if (found == m_heights.end()) return std::nullopt;
    return found->second;
}

std::optional<TxNumber> Index::find_tx(const Hash256& txid) const {
    const auto found = m_by_txid.find(txid);
    if (found == m_by_txid.end()) return std::nullopt;
    return found->second;
}

Bytes Index::raw_tx(TxNumber number) const {
    const TxRow& row = tx(number);
    return m_chain.raw_block_at(row.height).subspan(row.at, row.bytes);
}

chain::Tx Index::decode(TxNumber number) const {
    auto decoded = chain::decode_tx(raw_tx(number));
    ASSERT(decoded.has_value());
    return std::move(*decoded);
}

const OutputRow& Index::output(TxNumber number, std::uint32_t index) const {
    const TxRow& row = tx(number);
    ASSERT(index < row.outputs);
    return m_outputs[row.first_output + index];
}

const OutputRow* Index::spent_by(const chain::OutPoint& prevout) const {
    const auto number = find_tx(prevout.txid);
    return number ? &output(*number, prevout.index) : nullptr;
}

const ScriptRow* Index::find_script(Bytes script_pubkey) const {
    const auto found = m_by_script.find(Buffer(script_pubkey.begin(), script_pubkey.end()));
    return found == m_by_script.end() ? nullptr : &m_scripts[found->second];
}

const ScriptRow* Index::find_script_hash(const Hash256& hash) const {
    const auto found = m_by_script_hash.find(hash);
    return found == m_by_script_hash.end() ? nullptr : &m_scripts[found->second];
}

const WindowRow* Index::find_window(std::uint64_t window) const {
    const auto found = m_windows.find(window);
    return found == m_windows.end() ? nullptr : &found->second;
}

const WindowRow* Index::window_of(TxNumber number) const {
    const auto found = m_window_of.find(number);
    return found == m_window_of.end() ? nullptr : find_window(found->second);
}

const WindowRow* Index::window_with_root(const Hash256& root) const {
    const auto found = std::find_if(m_windows.begin(), m_windows.end(), [&](const auto& item) { return item.second.commitment.root == root; });
    return found == m_windows.end() ? nullptr : &found->second;
}

const Party* Index::party_of(Bytes script_pubkey) const {
    const auto found = std::find_if(m_parties.begin(), m_parties.end(), [&](const Party& p) {
        return std::equal(p.script.begin(), p.script.end(), script_pubkey.begin(), script_pubkey.end());
    });
    return found == m_parties.end() ? nullptr : &*found;
}

std::vector<Position> Index::positions(TxNumber number) const {
    std::map<const Party*, chain::Satoshi> nets;
    const chain::Tx decoded = decode(number);
    for (const auto& input : decoded.inputs)
        if (const OutputRow* spent = spent_by(input.prevout))
            if (const Party* party = party_of(m_scripts[spent->script].script)) nets[party] -= spent->value;
    for (const auto& out : decoded.outputs)
        if (const Party* party = party_of(out.script_pubkey)) nets[party] += out.value;
    std::vector<Position> made;
    for (const auto& [party, net] : nets) made.push_back({party, net});
    std::sort(made.begin(), made.end(), [](const Position& a, const Position& b) { return a.party->id < b.party->id; });
    return made;
}

}  // namespace giro::explorer
