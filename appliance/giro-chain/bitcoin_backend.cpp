#include "appliance/giro-chain/bitcoin_backend.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "util/log.hpp"

namespace giro::appliance {

namespace {
using namespace bitcoin_node;
using chain::NotTaken;
using Why = NotTaken::Why;

tl::unexpected<NotTaken> not_taken(Why why, std::string word) {
    return tl::unexpected<NotTaken>({why, std::move(word)});
}

std::string words_of(const NodeError& error) {
    return error.kind == NodeError::Kind::refused ? fmt::format("the node refuses: {}", error.text) : error.text;
}

// submitblock's words that are no verdict on the block: it is stored, and another branch has as much work.
constexpr std::string_view kStored = "inconclusive", kDuplicate = "duplicate", kNoParent = "prev-blk-not-found";
constexpr std::string_view kScriptFailedInMempool = "mempool-script-verify-flag-failed";
}  // namespace

BitcoinBackend::BitcoinBackend(bus::Loop& loop, const config::Config::BitcoinNode& settings, Node node, Ports ports)
    : m_node(std::move(node)),
      m_ports(std::move(ports)),
      m_connections(loop, m_clock, node_limits()),
      m_rpc(loop, m_connections, {settings.rpc.host, settings.rpc.port, settings.cookie}),
      m_timer(loop, [this] { look(); }),
      m_trouble("the Bitcoin node has not been heard yet"),
      m_block_timer(loop, [this] { m_block_trouble.clear(); }),
      m_pause_ms(kTroublePauseMin_ms) {
    for (const auto& address : settings.zmq)
        m_subscribers.push_back(std::make_unique<Subscriber>(
            loop, m_connections, address.host, address.port, [this](const Notice& n) { noticed(n); }, [this] { look(); }));
    look();
}

bool BitcoinBackend::subscribed() const noexcept {
    return std::ranges::all_of(m_subscribers, [](const auto& s) { return s->subscribed(); });
}

// --- a round ---------------------------------------------------------------------------------------------------------

template <typename T, typename Next>
void BitcoinBackend::ask(std::string body, NodeAnswer<T> (*read)(Bytes), Next next) {
    m_rpc.call(std::move(body), [this, read, next = std::move(next)](const NodeAnswer<Bytes>& answer) {
        if (!answer) return end_round(words_of(answer.error()));
        NodeAnswer<T> value = read(*answer);
        if (!value) return end_round(words_of(value.error()));
        next(std::move(*value));
    });
}

void BitcoinBackend::look() {
    if (m_looking) {
        m_look_again = true;
        return;
    }
    m_looking = true;
    m_look_again = false;
    m_timer.stop();
    ask<ChainInfo>(ask_chain_info(), read_chain_info, [this](const ChainInfo& info) { found(info); });
}

void BitcoinBackend::found(const ChainInfo& info) {
    if (info.network != "signet" || info.challenge != chain().params().challenge)
        return end_round(fmt::format("the Bitcoin node is of another chain ({}); it must run with -signet -signetchallenge={}", info.network,
                                     to_hex(chain().params().challenge)));
    m_info = info;
    if (info.best == chain().tip().hash) return compare_waiting();
    find_fork(std::min(info.height, chain().tip().height));
}

// From `height` down, the highest block that both best chains have. The genesis block is every signet's.
void BitcoinBackend::find_fork(std::uint32_t height) {
    ask<Hash256>(ask_block_hash(height), read_hash, [this, height](const Hash256& hash) {
        if (height > 0 && chain().height_of(hash) != height) return find_fork(height - 1);
        m_fork = height;
        pull(height + 1, chain::block_hash(*chain().header_at(height)));
    });
}

// Each block must be the one that was asked for and stand on the one before, so that a round ends.
void BitcoinBackend::pull(std::uint32_t height, const Hash256& previous) {
    if (height > m_info.height) return push(m_fork + 1);
    ask<Hash256>(ask_block_hash(height), read_hash, [this, height, previous](const Hash256& hash) {
        ask<Buffer>(ask_block(hash), read_raw, [this, height, hash, previous](const Buffer& raw) { take_from_node(raw, height, hash, previous); });
    });
}

void BitcoinBackend::take_from_node(Bytes raw, std::uint32_t height, const Hash256& hash, const Hash256& previous) {
    const auto block = chain::decode_block(raw);
    if (!block) return end_round(fmt::format("the node's block {} does not decode", height));
    if (chain::block_hash(block->header) != hash || block->header.previous != previous)
        return end_round(fmt::format("the node gives another block than that of height {}", height));
    const Hash256 before = chain().tip().hash;
    const auto taken = take_block(m_node, *block, m_ports.now_s());
    if (!taken && taken.error().why == Why::disk) return m_ports.fail({Failure::Kind::try_again, taken.error().word});
    if (!taken && taken.error().word != kDuplicate) {
        // Not fatal: nothing of it was taken, and the operator may mend either side.
        return end_round(fmt::format("the node's block {} is not valid here: {}", height, taken.error().word));
    }
    if (chain().tip().hash != before) {
        log::info("block {} of the node: {}", height, chain::hash_text(hash));
        m_ports.tip_changed();
    }
    pull(height + 1, hash);
}

// What the node lacks of the best chain. Where ours has no more work than its own, it stores it and stays.
void BitcoinBackend::push(std::uint32_t height) {
    if (m_info.best == chain().tip().hash) return compare_waiting();
    if (height > chain().tip().height) return compare_tips();
    ask<std::string>(tell_block(chain().raw_block_at(height)), read_verdict, [this, height](const std::string& verdict) {
        if (!verdict.empty() && verdict != kStored && verdict != kDuplicate)
            return end_round(fmt::format("the node refuses block {}: {}", height, verdict));
        push(height + 1);
    });
}

// Everything of either side is on both. Where they still differ, two branches have as much work, which the next block made
// here ends; or the node does not do as it says.
void BitcoinBackend::compare_tips() {
    ask<ChainInfo>(ask_chain_info(), read_chain_info, [this](const ChainInfo& info) {
        if (info.best != chain().tip().hash && info.height < chain().tip().height)
            return end_round(fmt::format("the node has all blocks up to {}, and stays at {}", chain().tip().height, info.height));
        compare_waiting();
    });
}

void BitcoinBackend::compare_waiting() {
    ask<std::vector<Hash256>>(ask_waiting_txs(), read_hashes, [this](std::vector<Hash256> theirs) {
        std::vector<chain::Tx> ours;
        std::ranges::sort(theirs);
        for (const auto& waiting : chain().mempool())
            if (!std::ranges::binary_search(theirs, waiting.txid)) ours.push_back(waiting.tx);
        if (std::exchange(m_passed_at, chain().tip().hash) != chain().tip().hash || m_passed_over.size() > kPassedOverMax) m_passed_over.clear();
        std::erase_if(theirs, [this](const Hash256& id) { return chain().in_mempool(id) || chain().find_tx(id) || m_passed_over.contains(id); });
        if (theirs.size() > kWaitingTxsARound) theirs.resize(kWaitingTxsARound);
        std::ranges::reverse(ours);  // they leave from the back
        tell_waiting(std::move(ours));
        fetch_waiting(std::move(theirs));
    });
}

// Whether the node takes them is its affair: they may be in a block by now.
void BitcoinBackend::tell_waiting(std::vector<chain::Tx> txs) {
    if (txs.empty()) return;
    const Buffer raw = chain::encode_tx(txs.back());
    txs.pop_back();
    m_rpc.call(tell_tx(raw), [this, txs = std::move(txs)](const NodeAnswer<Bytes>& answer) mutable {
        if (answer) tell_waiting(std::move(txs));
    });
}

void BitcoinBackend::fetch_waiting(std::vector<Hash256> ids) {
    if (ids.empty()) return end_round({});
    const Hash256 id = ids.back();
    ids.pop_back();
    m_rpc.call(ask_waiting_tx(id), [this, id, ids = std::move(ids)](const NodeAnswer<Bytes>& answer) mutable {
        if (!answer) return end_round(words_of(answer.error()));
        // One that has gone meanwhile, or that the embedded node does not understand, is no trouble.
        const auto raw = read_raw(*answer);
        const auto tx = raw ? chain::decode_tx(*raw) : tl::unexpected<chain::ChainError>(chain::ChainError::truncated);
        if (!tx || !chain::take_tx(m_node.chain(), *tx)) m_passed_over.insert(id);
        fetch_waiting(std::move(ids));
    });
}

void BitcoinBackend::end_round(std::string trouble) {
    m_looking = false;
    if (trouble != m_trouble) {
        if (trouble.empty())
            log::info("in step with the Bitcoin node at height {}", chain().tip().height);
        else
            log::warn("{}; no block is made until that is over", trouble);
    }
    m_trouble = std::move(trouble);
    if (m_trouble.empty()) {
        m_pause_ms = kTroublePauseMin_ms;
        m_timer.once(m_look_again ? 0 : kLook_ms);
    } else {
        m_timer.once(m_pause_ms);
        m_pause_ms = std::min(2 * m_pause_ms, kTroublePauseMax_ms);
    }
}

void BitcoinBackend::noticed(const Notice& notice) {
    if (notice.topic == Notice::Topic::tx) {
        if (const auto tx = chain::decode_tx(notice.body)) static_cast<void>(chain::take_tx(m_node.chain(), *tx));
        return;
    }
    if (m_trouble.empty()) look();  // else the next try comes by itself, and not as often as somebody likes
}

// --- what is given to both -------------------------------------------------------------------------------------------

void BitcoinBackend::block_failed(NotTaken why, const chain::Done<chain::Accepted>& done) {
    if (why.word != kDuplicate) {
        m_block_trouble = why.why == Why::refused ? fmt::format("the node refuses a block: {}", why.word) : why.word;
        m_block_pause_ms = std::clamp(2 * m_block_pause_ms, kBlockPauseMin_ms, kBlockPauseMax_ms);
        m_block_timer.once(m_block_pause_ms);
        look();  // finds out what there is, and says it
    }
    done(tl::unexpected<NotTaken>(std::move(why)));
}

void BitcoinBackend::submit_block(const chain::Block& block, chain::Done<chain::Accepted> done) {
    m_rpc.call(tell_block(chain::encode_block(block)), [this, block, done = std::move(done)](const NodeAnswer<Bytes>& answer) {
        if (!answer) return block_failed({Why::unavailable, words_of(answer.error())}, done);
        block_judged(block, read_verdict(*answer), done);
    });
}

void BitcoinBackend::block_judged(const chain::Block& block, const NodeAnswer<std::string>& verdict, const chain::Done<chain::Accepted>& done) {
    if (!verdict) {
        const NodeError& error = verdict.error();
        const bool no_block = error.kind == NodeError::Kind::refused && error.code == kDecodeFailed;
        return block_failed(no_block ? NotTaken{Why::refused, std::string(chain::bip22_word(chain::RejectReason::decode_failed))}
                                     : NotTaken{Why::unavailable, words_of(error)},
                            done);
    }
    const bool known = chain().height_of(chain::block_hash(block.header)).has_value();
    if (*verdict == kNoParent && chain().height_of(block.header.previous))  // it has lost blocks; it gets them back
        return block_failed({Why::unavailable, "the node lacks the block before"}, done);
    if (!verdict->empty() && *verdict != kStored && (*verdict != kDuplicate || known)) return block_failed({Why::refused, *verdict}, done);
    auto taken = take_here(block);
    if (!taken) return block_failed(std::move(taken.error()), done);
    m_block_pause_ms = 0;
    m_block_trouble.clear();
    done(std::move(taken));
}

chain::Taken<chain::Accepted> BitcoinBackend::take_here(const chain::Block& block) {
    auto taken = take_block(m_node, block, m_ports.now_s());
    if (taken || taken.error().why != Why::refused) return taken;
    const Hash256 hash = chain::block_hash(block.header);
    // A notice was quicker than the answer.
    if (const auto height = chain().height_of(hash); height && taken.error().word == kDuplicate) return chain::Accepted{hash, *height, true, false};
    log::error("the Bitcoin node has taken block {}, which the embedded one refuses: {}", chain::hash_text(hash), taken.error().word);
    return taken;
}

// A consensus rule's word is a verdict. The node's policy is none: its configuration, or time, mends that.
void BitcoinBackend::submit_tx(const chain::Tx& tx, chain::Done<Hash256> done) {
    m_rpc.call(tell_tx(chain::encode_tx(tx)), [this, tx, done = std::move(done)](const NodeAnswer<Bytes>& answer) {
        if (!answer) {
            look();
            return done(not_taken(Why::unavailable, words_of(answer.error())));
        }
        const auto said = read_hash(*answer);
        if (said || said.error().code == kAlreadyInChain) return done(chain::take_tx(m_node.chain(), tx));
        std::string word = bare_word(said.error().text);
        if (word == kScriptFailedInMempool) word = chain::bip22_word(chain::RejectReason::script_failed);
        const bool verdict = said.error().kind == NodeError::Kind::refused && chain::is_bip22_word(word);
        done(verdict ? not_taken(Why::refused, std::move(word)) : not_taken(Why::unavailable, words_of(said.error())));
    });
}

}  // namespace giro::appliance
