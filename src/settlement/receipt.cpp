#include "settlement/receipt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "chain/merkle.hpp"
#include "chain/params.hpp"
#include "chain/pow.hpp"
#include "chain/script.hpp"
#include "chain/signet.hpp"
#include "chain/verify.hpp"
#include "settlement/merkle.hpp"
#include "settlement/transaction.hpp"

namespace giro::settlement {

namespace {
struct CheckText {
    std::string_view name;
    std::string_view meaning;
};
constexpr std::array<CheckText, 15> kCheckTexts{{
    {"form", "it is not a receipt in its canonical form"},
    {"leaf", "its path is too short or too long for a leaf of that window"},
    {"merkle_path", "payment, salt and path do not lead to the window's root"},
    {"op_return", "the transaction does not commit to this window's root"},
    {"block", "the chain has no such block at that height"},
    {"header_path", "a block header is not the chain's"},
    {"header_chain", "the blocks do not link back to signet's genesis block"},
    {"proof_of_work", "a block lacks its proof of work"},
    {"signet", "the block is not signed by the holders of the challenge"},
    {"transaction", "the transaction is not the one in the block"},
    {"bodies", "an earlier block holds other transactions than its header says"},
    {"coinbase", "the transaction is a coinbase, which no bank has signed"},
    {"coins", "the transaction spends coins that are not the participants' of block 1"},
    {"signatures", "the transaction is not signed by the banks whose coins it spends"},
    {"first", "an earlier transaction of the participants has settled that window"},
}};
static_assert(kCheckTexts.size() == static_cast<std::size_t>(Check::first) + 1);

std::optional<chain::BlockHeader> header_of(Bytes raw_block) {
    if (raw_block.size() < chain::kHeaderBytes) return std::nullopt;
    const auto header = chain::decode_header(raw_block.first(chain::kHeaderBytes));
    if (!header) return std::nullopt;
    return *header;
}

std::vector<Hash256> txids_of(const chain::Block& block) {
    std::vector<Hash256> ids;
    for (const auto& tx : block.txs) ids.push_back(chain::txid(tx));
    return ids;
}

// What the transactions before the receipt's say about it. Fed in the chain's order, the coinbase of block 1 first.
class History {
  public:
    explicit History(std::uint64_t window) : m_window(window) {}

    void add(const chain::Tx& tx, const Hash256& id) {
        if (!m_participants) m_participants = p2wsh_scripts(tx);
        const auto commitment = commitment_of(tx);
        // Signatures are not asked for here: a txid does not cover them, so that whoever hands out the blocks could
        // spoil those of the true settlement and have a later one taken for it.
        if (commitment && commitment->window == m_window && spends_participants_coins(tx)) m_settled = true;
        for (std::uint32_t i = 0; i < tx.outputs.size(); ++i)
            if (m_participants->contains(tx.outputs[i].script_pubkey))
                m_coins.insert_or_assign(chain::OutPoint{id, i}, tx.outputs[i]);
    }
    [[nodiscard]] bool settled() const noexcept { return m_settled; }
    [[nodiscard]] bool spends_participants_coins(const chain::Tx& tx) const {
        return !tx.inputs.empty() && std::ranges::all_of(tx.inputs, [&](const chain::TxIn& input) {
            return m_coins.contains(input.prevout);
        });
    }
    // Of a transaction that spends participants' coins.
    [[nodiscard]] bool is_signed(const chain::Tx& tx) const {
        for (std::size_t i = 0; i < tx.inputs.size(); ++i)
            if (!chain::verify_spend(tx, i, m_coins.at(tx.inputs[i].prevout))) return false;
        return true;
    }

  private:
    static std::set<Buffer> p2wsh_scripts(const chain::Tx& tx) {
        std::set<Buffer> scripts;
        for (const auto& output : tx.outputs)
            if (chain::classify(output.script_pubkey) == chain::ScriptKind::p2wsh) scripts.insert(output.script_pubkey);
        return scripts;
    }

    std::uint64_t m_window;
    std::optional<std::set<Buffer>> m_participants;
    std::map<chain::OutPoint, chain::TxOut> m_coins;  // the participants', spent ones too
    bool m_settled = false;
};

// The checks of one receipt, one function each, in the order of Check.
class Verifier {
  public:
    Verifier(const Receipt& receipt, std::span<const Bytes> blocks, Bytes challenge)
        : m_receipt(receipt), m_blocks(blocks), m_challenge(challenge), m_history(receipt.window) {}

    std::optional<Check> first_failure() {
        const auto root = root_from_path(m_receipt.window, m_receipt.postings, m_receipt.index,
                                         leaf_hash(m_receipt.posting, m_receipt.salt), m_receipt.path);
        if (!root) return Check::leaf;
        if (*root != m_receipt.root) return Check::merkle_path;
        if (!commits()) return Check::op_return;
        if (!block_is_there()) return Check::block;
        if (!headers_are_the_chains()) return Check::header_path;
        if (!links_to_genesis()) return Check::header_chain;
        if (!has_work()) return Check::proof_of_work;
        if (!chain::verify_signet(m_block, m_challenge)) return Check::signet;
        if (!transaction_in_block()) return Check::transaction;
        if (!read_history()) return Check::bodies;
        const chain::Tx& tx = m_block.txs[m_receipt.tx_position];
        if (tx.is_coinbase()) return Check::coinbase;
        if (!m_history.spends_participants_coins(tx)) return Check::coins;
        if (!m_history.is_signed(tx)) return Check::signatures;
        if (m_history.settled()) return Check::first;
        return std::nullopt;
    }

  private:
    bool commits() const {
        const auto tx = chain::decode_tx(m_receipt.tx);
        return tx && commitment_of(*tx) == Commitment{m_receipt.window, m_receipt.root};
    }
    bool block_is_there() {
        if (m_receipt.height == 0 || m_receipt.height >= m_blocks.size()) return false;
        auto block = chain::decode_block(m_blocks[m_receipt.height]);
        if (!block || chain::block_hash(block->header) != m_receipt.block_hash) return false;
        m_block = std::move(*block);
        m_ids = txids_of(m_block);
        return is_body_of(m_block.header, m_ids);
    }
    static bool is_body_of(const chain::BlockHeader& header, const std::vector<Hash256>& ids) {
        const auto root = chain::merkle_root(ids);
        return !root.mutated && root.root == header.merkle_root;
    }
    // The last headers up to the block, exactly as many as there are up to the bound.
    bool headers_are_the_chains() const {
        if (m_receipt.headers.size() != std::min<std::size_t>(m_receipt.height, kReceiptHeadersMax)) return false;
        const std::size_t first = m_receipt.height + 1 - m_receipt.headers.size();
        for (std::size_t i = 0; i < m_receipt.headers.size(); ++i) {
            const Bytes raw = m_blocks[first + i];
            if (raw.size() < chain::kHeaderBytes ||
                !std::ranges::equal(raw.first(chain::kHeaderBytes), m_receipt.headers[i]))
                return false;
        }
        return true;
    }
    bool links_to_genesis() const {
        if (!std::ranges::equal(m_blocks[0], chain::encode_block(chain::genesis_block()))) return false;
        Hash256 previous = chain::block_hash(chain::genesis_block().header);
        for (std::size_t height = 1; height <= m_receipt.height; ++height) {
            const auto header = header_of(m_blocks[height]);
            if (!header || header->previous != previous) return false;
            previous = chain::block_hash(*header);
        }
        return true;
    }
    bool has_work() const {
        return std::ranges::all_of(m_blocks.subspan(1, m_receipt.height), [](Bytes raw) {
            const auto header = header_of(raw);
            return header && chain::check_pow(*header);
        });
    }
    bool transaction_in_block() const {
        if (m_receipt.tx_position >= m_block.txs.size()) return false;
        const chain::Tx& tx = m_block.txs[m_receipt.tx_position];
        return chain::encode_tx(tx) == m_receipt.tx &&
               chain::merkle_root_from_path(chain::txid(tx), m_receipt.tx_position, m_receipt.tx_path) ==
                   m_block.header.merkle_root;
    }

    // Everything before the transaction, once; what comes after it cannot take a settlement back.
    bool read_history() {
        for (std::size_t height = 1; height < m_receipt.height; ++height) {
            const auto block = chain::decode_block(m_blocks[height]);
            if (!block) return false;
            const auto ids = txids_of(*block);
            if (!is_body_of(block->header, ids)) return false;
            for (std::size_t i = 0; i < ids.size(); ++i) m_history.add(block->txs[i], ids[i]);
        }
        for (std::size_t i = 0; i < m_receipt.tx_position; ++i) m_history.add(m_block.txs[i], m_ids[i]);
        return true;
    }

    const Receipt& m_receipt;
    std::span<const Bytes> m_blocks;
    Bytes m_challenge;
    chain::Block m_block;        // the receipt's
    std::vector<Hash256> m_ids;  // of its transactions
    History m_history;
};
}  // namespace

bool pays_participants_alone(const chain::Block& block1, std::span<const Buffer> scripts) {
    const auto& outputs = block1.txs.at(0).outputs;
    return std::ranges::all_of(outputs, [&](const chain::TxOut& out) {
        return chain::classify(out.script_pubkey) != chain::ScriptKind::p2wsh || std::ranges::find(scripts, out.script_pubkey) != scripts.end();
    });
}

std::string_view name(Check check) noexcept {
    return kCheckTexts[static_cast<std::size_t>(check)].name;
}
std::string_view describe(Check check) noexcept {
    return kCheckTexts[static_cast<std::size_t>(check)].meaning;
}

Expected<Receipt, Check> verify_receipt(std::string_view text, std::span<const Bytes> blocks, Bytes challenge) {
    auto receipt = parse_receipt(text);
    if (!receipt) return tl::unexpected(Check::form);
    if (const auto failed = Verifier(*receipt, blocks, challenge).first_failure()) return tl::unexpected(*failed);
    return std::move(*receipt);
}

Result<Receipt> make_receipt(const ReceiptSource& source) {
    const auto broken = [&](std::string_view why) {
        return fail(Failure::Kind::integrity,
                    fmt::format("block {} of the chain {}; the chain and the journal do not belong together",
                                source.height, why));
    };
    if (source.height == 0 || source.height >= source.blocks.size()) return broken("is not there");
    const auto block = chain::decode_block(source.blocks[source.height]);
    if (!block) return broken("does not decode");
    const auto ids = txids_of(*block);
    const auto at = std::ranges::find(ids, source.txid);
    if (at == ids.end()) return broken("does not hold the settlement transaction");
    const auto position = static_cast<std::size_t>(at - ids.begin());

    Receipt r;
    r.posting = source.posting;
    r.reversed = source.reversed;
    r.salt = source.salt;
    r.window = source.window;
    r.postings = source.leaves.size();
    r.index = source.index;
    r.path = merkle_path(source.leaves, source.index);
    r.root = window_root(source.window, source.leaves);
    r.tx = chain::encode_tx(block->txs[position]);
    r.tx_position = static_cast<std::uint32_t>(position);
    r.tx_path = chain::merkle_path(ids, position);
    r.height = source.height;
    r.block_hash = chain::block_hash(block->header);
    const std::size_t headers = std::min<std::size_t>(source.height, kReceiptHeadersMax);
    for (std::size_t height = source.height + 1 - headers; height <= source.height; ++height) {
        const auto header = header_of(source.blocks[height]);
        if (!header) return broken("has a damaged block before it");
        r.headers.push_back(chain::encode_header(*header));
    }
    return r;
}

}  // namespace giro::settlement
