#include "chain/chain_state.hpp"

#include <algorithm>

#include "chain/block_check.hpp"
#include "chain/connect.hpp"
#include "chain/pow.hpp"

namespace giro::chain {

namespace {
tl::unexpected<RejectReason> reject(RejectReason r) {
    return tl::unexpected<RejectReason>(r);
}

struct Node {
    BlockHeader header;
    Hash256 hash{};
    Node* previous = nullptr;
    std::uint32_t height = 0;
    Uint256 work;         // of the whole branch up to here
    Buffer raw;           // canonical encoding
    BlockUndo undo;       // while connected
    bool failed = false;  // did not connect, or stands on one that did not
};

std::uint32_t median_time(const Node* node) {
    std::array<std::uint32_t, kMedianTimeBlocks> times;
    std::size_t count = 0;
    for (; node != nullptr && count < times.size(); node = node->previous) times[count++] = node->header.time;
    std::sort(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(count));
    return times[count / 2];
}
}  // namespace

struct ChainState::Impl {
    ChainParams params;
    std::map<Hash256, std::unique_ptr<Node>> nodes;
    std::vector<Node*> best;  // by height
    CoinSet coins;
    std::map<Hash256, TxPlace> places;
    Mempool mempool;

    Impl(ChainParams p, std::size_t mempool_txs_max) : params(std::move(p)), mempool(mempool_txs_max) {
        auto genesis = std::make_unique<Node>();
        genesis->header = genesis_block().header;
        genesis->hash = block_hash(genesis->header);
        genesis->work = block_work(genesis->header.bits);
        genesis->raw = encode_block(genesis_block());
        best.push_back(genesis.get());  // its output is no coin: a node never put it into the set
        nodes.emplace(genesis->hash, std::move(genesis));
    }

    [[nodiscard]] Node* tip() const { return best.back(); }
    [[nodiscard]] bool on_best(const Node* node) const {
        return node->height < best.size() && best[node->height] == node;
    }

    [[nodiscard]] const Node* ancestor(const Node* node, std::uint32_t height) const {
        while (node->height > height) node = on_best(node) ? best[height] : node->previous;
        return node;
    }

    // The bits of the block after `node`. The window is the period's own first and last block.
    [[nodiscard]] std::uint32_t bits_after(const Node* node) const {
        const std::uint32_t interval = params.retarget_interval();
        if ((node->height + 1) % interval != 0) return node->header.bits;
        const Node* first = ancestor(node, node->height + 1 - interval);
        return retarget(node->header.bits, first->header.time, node->header.time);
    }

    [[nodiscard]] SpendContext context_after(const Node* node) const {
        return {node->height + 1, median_time(node),
                [this, node](std::uint32_t height) { return median_time(ancestor(node, height)); }};
    }

    // --- the best chain's end --------------------------------------------------------------------------------------
    Verdict connect(Node* node, const Block& block) {
        ASSERT(node->previous == tip());
        auto undo = connect_block(block, coins, context_after(tip()));
        if (!undo) return reject(undo.error());
        node->undo = std::move(*undo);
        best.push_back(node);
        for (std::size_t i = 0; i < block.txs.size(); ++i)
            places.insert_or_assign(txid(block.txs[i]), TxPlace{node->height, node->hash, i});
        return {};
    }

    Verdict connect(Node* node) { return connect(node, *decode_block(node->raw)); }

    Block disconnect_tip() {
        Node* node = tip();
        Block block = *decode_block(node->raw);
        coins.disconnect(block.txs, node->undo);
        node->undo.clear();
        for (const Tx& tx : block.txs) places.erase(txid(tx));
        best.pop_back();
        return block;
    }

    // --- taking a block --------------------------------------------------------------------------------------------
    Expected<Accepted, RejectReason> submit(Bytes raw, std::int64_t now_s) {
        Reader in(raw);
        const auto block = read_block(in);
        if (!block) return reject(RejectReason::decode_failed);
        const Hash256 hash = block_hash(block->header);
        if (const auto known = nodes.find(hash); known != nodes.end())
            return reject(known->second->failed ? RejectReason::duplicate_invalid : RejectReason::duplicate);
        if (const Verdict verdict = check_block(*block, params.challenge); !verdict) return reject(verdict.error());

        const auto parent = nodes.find(block->header.previous);
        if (parent == nodes.end()) return reject(RejectReason::previous_unknown);
        Node* previous = parent->second.get();
        if (previous->failed) return reject(RejectReason::previous_invalid);
        const BlockPlace place{previous->height + 1, bits_after(previous), median_time(previous), now_s};
        if (const Verdict verdict = check_header_place(block->header, place); !verdict) return reject(verdict.error());
        if (const Verdict verdict = check_block_place(*block, place); !verdict) return reject(verdict.error());

        auto node = std::make_unique<Node>();
        node->header = block->header;
        node->hash = hash;
        node->previous = previous;
        node->height = place.height;
        node->work = previous->work + block_work(block->header.bits);
        node->raw = encode_block(*block);
        return add(std::move(node), *block);
    }

    Expected<Accepted, RejectReason> add(std::unique_ptr<Node> node, const Block& block) {
        Accepted accepted{node->hash, node->height, false, false};
        if (node->previous == tip()) {
            if (const Verdict verdict = connect(node.get(), block); !verdict) return reject(verdict.error());
            mempool.keep_spendable(coins);
            accepted.best = true;
        } else if (node->work > tip()->work) {
            if (const Verdict verdict = reorganise(node.get()); !verdict) return reject(verdict.error());
            accepted.best = accepted.reorganised = true;
        }
        nodes.emplace(node->hash, std::move(node));
        return accepted;
    }

    // Makes `node`, which has the most work and is not in `nodes` yet, the tip; or leaves everything as it was.
    Verdict reorganise(Node* node) {
        std::vector<Node*> path;  // from `node` down to above the fork
        Node* fork = node;
        for (; !on_best(fork); fork = fork->previous) {
            if (fork->failed) return reject(RejectReason::previous_invalid);
            path.push_back(fork);
        }
        std::vector<Node*> old_nodes(best.begin() + fork->height + 1, best.end());
        std::vector<Tx> returned;  // txs of the disconnected blocks, oldest block first
        while (tip() != fork) {
            Block block = disconnect_tip();
            returned.insert(returned.begin(), block.txs.begin() + 1, block.txs.end());
        }
        for (std::size_t i = path.size(); i-- > 0;) {
            const Verdict verdict = connect(path[i]);
            if (verdict) continue;
            for (std::size_t above = 0; above <= i; ++above) path[above]->failed = true;
            while (tip() != fork) disconnect_tip();
            for (Node* old : old_nodes) {
                const Verdict again = connect(old);
                ASSERT(again);
            }
            return i == 0 ? verdict : reject(RejectReason::previous_invalid);
        }
        refill_mempool(returned);
        return {};
    }

    // --- mempool ---------------------------------------------------------------------------------------------------
    void refill_mempool(const std::vector<Tx>& returned) {
        const auto waiting = mempool.drain();
        // What no longer fits is dropped: its refusal is the expected outcome here.
        for (const Tx& tx : returned) static_cast<void>(accept(tx));
        for (const MempoolTx& entry : waiting) static_cast<void>(accept(entry.tx));
    }

    Expected<Hash256, RejectReason> accept(const Tx& tx) {
        if (const Verdict verdict = check_tx(tx); !verdict) return reject(verdict.error());
        if (tx.is_coinbase()) return reject(RejectReason::tx_is_coinbase);
        const SpendContext context = context_after(tip());
        if (!is_final(tx, context.height, context.median_time)) return reject(RejectReason::not_final);
        const Hash256 id = txid(tx);
        if (mempool.contains(id) || places.contains(id)) return reject(RejectReason::tx_already_known);

        std::vector<Coin> found;
        for (const TxIn& input : tx.inputs) {
            if (mempool.spends(input.prevout)) return reject(RejectReason::tx_mempool_conflict);
            if (const Coin* coin = coins.find(input.prevout)) {
                found.push_back(*coin);
            } else if (const TxOut* output = mempool.output(input.prevout)) {
                found.push_back({*output, context.height, false});
            } else {
                return reject(RejectReason::inputs_missing_or_spent);
            }
        }
        std::vector<const Coin*> spent;
        for (const Coin& coin : found) spent.push_back(&coin);
        const auto fee = check_spends(tx, spent, context);
        if (!fee) return reject(fee.error());
        if (mempool.full()) return reject(RejectReason::mempool_full);
        mempool.add({tx, id, *fee});
        return id;
    }
};

ChainState::ChainState(ChainParams params, std::size_t mempool_txs_max)
    : m_impl(std::make_unique<Impl>(std::move(params), mempool_txs_max)) {}
ChainState::ChainState(ChainState&&) noexcept = default;
ChainState& ChainState::operator=(ChainState&&) noexcept = default;
ChainState::~ChainState() = default;

Expected<Accepted, RejectReason> ChainState::submit_block(Bytes raw, std::int64_t now_s) {
    return m_impl->submit(raw, now_s);
}

Expected<Hash256, RejectReason> ChainState::accept_to_mempool(const Tx& tx) {
    return m_impl->accept(tx);
}
const std::vector<MempoolTx>& ChainState::mempool() const noexcept {
    return m_impl->mempool.txs();
}
const ChainParams& ChainState::params() const noexcept {
    return m_impl->params;
}
const CoinSet& ChainState::coins() const noexcept {
    return m_impl->coins;
}
std::uint32_t ChainState::next_bits() const {
    return m_impl->bits_after(m_impl->tip());
}

ChainTip ChainState::tip() const {
    const Node* tip = m_impl->tip();
    return {tip->hash, tip->height, tip->header.time, median_time(tip)};
}

std::optional<BlockHeader> ChainState::header_at(std::uint32_t height) const {
    if (height >= m_impl->best.size()) return std::nullopt;
    return m_impl->best[height]->header;
}

Bytes ChainState::raw_block_at(std::uint32_t height) const {
    if (height >= m_impl->best.size()) return {};
    return m_impl->best[height]->raw;
}

std::optional<Block> ChainState::block_at(std::uint32_t height) const {
    if (height >= m_impl->best.size()) return std::nullopt;
    return *decode_block(m_impl->best[height]->raw);
}

std::optional<std::uint32_t> ChainState::height_of(const Hash256& hash) const {
    const auto it = m_impl->nodes.find(hash);
    if (it == m_impl->nodes.end() || !m_impl->on_best(it->second.get())) return std::nullopt;
    return it->second->height;
}

std::optional<TxPlace> ChainState::find_tx(const Hash256& id) const {
    const auto it = m_impl->places.find(id);
    if (it == m_impl->places.end()) return std::nullopt;
    return it->second;
}

std::optional<Coin> ChainState::coin(const OutPoint& outpoint) const {
    const Coin* found = m_impl->coins.find(outpoint);
    if (found == nullptr) return std::nullopt;
    return *found;
}

std::vector<Unspent> ChainState::utxos_of(Bytes script_pubkey) const {
    std::vector<Unspent> unspent;
    for (const OutPoint& outpoint : m_impl->coins.of_script(script_pubkey))
        unspent.push_back({outpoint, *m_impl->coins.find(outpoint)});
    return unspent;
}

bool ChainState::in_mempool(const Hash256& id) const {
    return m_impl->mempool.contains(id);
}
bool ChainState::spent_in_mempool(const OutPoint& outpoint) const {
    return m_impl->mempool.spends(outpoint);
}

bool ChainState::spendable_next(const Coin& coin) const {
    return !coin.coinbase || m_impl->tip()->height + 1 - coin.height >= kCoinbaseMaturity;
}

}  // namespace giro::chain
