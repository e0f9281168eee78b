#include "chain/connect.hpp"

#include "chain/script.hpp"
#include "chain/verify.hpp"

namespace giro::chain {

namespace {
// BIP68 relative lock time, the fields of nSequence.
constexpr std::uint32_t kSequenceDisable = 1U << 31, kSequenceTypeTime = 1U << 22, kSequenceMask = 0xffff;
constexpr unsigned kSequenceGranularity = 9;  // 512 seconds

tl::unexpected<RejectReason> reject(RejectReason r) {
    return tl::unexpected<RejectReason>(r);
}

bool relative_lock_passed(const TxIn& input, const Coin& coin, const SpendContext& context) {
    if ((input.sequence & kSequenceDisable) != 0) return true;
    const std::int64_t units = input.sequence & kSequenceMask;
    if ((input.sequence & kSequenceTypeTime) == 0)
        return std::int64_t{coin.height} + units - 1 < std::int64_t{context.height};
    const std::uint32_t before_coin = coin.height == 0 ? 0 : coin.height - 1;
    const std::int64_t start = context.median_time_at(before_coin);
    return start + (units << kSequenceGranularity) - 1 < std::int64_t{context.median_time};
}

bool relative_locks_passed(const Tx& tx, std::span<const Coin* const> spent, const SpendContext& context) {
    if (static_cast<std::uint32_t>(tx.version) < 2) return true;  // BIP68 compares it unsigned
    for (std::size_t i = 0; i < tx.inputs.size(); ++i)
        if (!relative_lock_passed(tx.inputs[i], *spent[i], context)) return false;
    return true;
}

std::size_t witness_sigops(const TxIn& input, const Coin& coin) {
    const ScriptKind kind = classify(coin.out.script_pubkey);
    if (kind == ScriptKind::p2wpkh) return 1;
    if (kind != ScriptKind::p2wsh || input.witness.empty()) return 0;
    const auto multisig = parse_multisig(input.witness.back());
    return multisig ? multisig->keys.size() : 0;
}

RejectReason reason_of(ChainError error) {
    const bool unsupported = error == ChainError::unsupported_script || error == ChainError::unsupported_witness_script;
    return unsupported ? RejectReason::script_unsupported : RejectReason::script_failed;
}

// One block being connected: what has been applied so far, so that it can be taken back.
class Connecting {
  public:
    Connecting(const Block& block, CoinSet& coins, const SpendContext& context)
        : m_block(block), m_coins(coins), m_context(context) {}

    Expected<BlockUndo, RejectReason> run() {
        Satoshi fees = 0;
        for (const Tx& tx : m_block.txs) {
            const auto fee = tx.is_coinbase() ? Expected<Satoshi, RejectReason>(0) : spend(tx);
            if (!fee) return give_up(fee.error());
            fees += *fee;
            m_sigops_cost += base_sigops(tx) * kWitnessScale;
            if (m_sigops_cost > kSigopsCostMax) return give_up(RejectReason::sigops);
            m_coins.add_outputs(tx, txid(tx), m_context.height);
            ++m_applied;
        }
        Satoshi claimed = 0;
        for (const TxOut& output : m_block.txs[0].outputs) claimed += output.value;
        if (claimed > block_subsidy(m_context.height) + fees) return give_up(RejectReason::coinbase_amount);
        return std::move(m_undo);
    }

  private:
    Expected<Satoshi, RejectReason> spend(const Tx& tx) {
        std::vector<const Coin*> spent;
        for (const TxIn& input : tx.inputs) {
            spent.push_back(m_coins.find(input.prevout));
            if (spent.back() == nullptr) return reject(RejectReason::inputs_missing_or_spent);
            m_sigops_cost += witness_sigops(input, *spent.back());
        }
        const auto fee = check_spends(tx, spent, m_context);
        if (fee)
            for (const TxIn& input : tx.inputs) m_undo.push_back(m_coins.take(input.prevout));
        return fee;
    }

    tl::unexpected<RejectReason> give_up(RejectReason reason) {
        // The tx at hand may have had its coins taken without its outputs being added yet.
        std::size_t undone = 0;
        for (std::size_t t = 1; t < m_applied; ++t) undone += m_block.txs[t].inputs.size();
        while (m_undo.size() > undone) {
            const std::size_t at = m_undo.size() - undone - 1;
            m_coins.add(m_block.txs[m_applied].inputs[at].prevout, std::move(m_undo.back()));
            m_undo.pop_back();
        }
        m_coins.disconnect(std::span(m_block.txs).first(m_applied), m_undo);
        return reject(reason);
    }

    const Block& m_block;
    CoinSet& m_coins;
    const SpendContext& m_context;
    BlockUndo m_undo;
    std::size_t m_applied = 0;
    std::size_t m_sigops_cost = 0;
};
}  // namespace

Expected<Satoshi, RejectReason> check_spends(const Tx& tx, std::span<const Coin* const> spent,
                                             const SpendContext& context) {
    ASSERT(spent.size() == tx.inputs.size());
    Satoshi in = 0, out = 0;
    for (const Coin* coin : spent) {
        if (coin->coinbase && context.height - coin->height < kCoinbaseMaturity)
            return reject(RejectReason::premature_coinbase_spend);
        in += coin->out.value;
        ASSERT(in <= kMoneyMax);  // coins come from subsidies alone
    }
    for (const TxOut& output : tx.outputs) out += output.value;
    if (out > in) return reject(RejectReason::outputs_exceed_inputs);
    if (!relative_locks_passed(tx, spent, context)) return reject(RejectReason::not_final);
    for (std::size_t i = 0; i < tx.inputs.size(); ++i)
        if (const auto verified = verify_spend(tx, i, spent[i]->out); !verified)
            return reject(reason_of(verified.error()));
    return in - out;
}

Expected<BlockUndo, RejectReason> connect_block(const Block& block, CoinSet& coins, const SpendContext& context) {
    return Connecting(block, coins, context).run();
}

}  // namespace giro::chain
