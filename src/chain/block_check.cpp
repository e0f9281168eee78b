#include "chain/block_check.hpp"

#include <algorithm>
#include <set>

#include "chain/merkle.hpp"
#include "chain/pow.hpp"
#include "chain/script.hpp"
#include "chain/signet.hpp"

namespace giro::chain {

namespace {
tl::unexpected<RejectReason> reject(RejectReason r) {
    return tl::unexpected<RejectReason>(r);
}

Verdict check_values(const Tx& tx) {
    Satoshi total = 0;
    for (const TxOut& output : tx.outputs) {
        if (output.value < 0) return reject(RejectReason::vout_negative);
        if (output.value > kMoneyMax) return reject(RejectReason::vout_too_large);
        total += output.value;  // at most twice kMoneyMax: no overflow
        if (total > kMoneyMax) return reject(RejectReason::vout_total_too_large);
    }
    return {};
}

Verdict check_inputs_shape(const Tx& tx) {
    std::set<OutPoint> seen;
    for (const TxIn& input : tx.inputs)
        if (!seen.insert(input.prevout).second) return reject(RejectReason::duplicate_inputs);
    if (tx.is_coinbase()) {
        const std::size_t size = tx.inputs[0].script_sig.size();
        const bool fits = size >= kCoinbaseScriptBytesMin && size <= kCoinbaseScriptBytesMax;
        return fits ? Verdict{} : reject(RejectReason::coinbase_length);
    }
    for (const TxIn& input : tx.inputs)
        if (input.prevout.is_null()) return reject(RejectReason::prevout_null);
    return {};
}

Verdict check_merkle(const Block& block) {
    const MerkleRoot merkle = block_merkle_root(block);
    if (merkle.root != block.header.merkle_root) return reject(RejectReason::bad_merkle_root);
    if (merkle.mutated) return reject(RejectReason::duplicate_txs);
    return {};
}

std::size_t base_bytes(const Block& block) {
    std::size_t bytes = kHeaderBytes + 1;
    for (const Tx& tx : block.txs) bytes += encode_tx(tx, WithWitness::no).size();
    return bytes;
}

Verdict check_txs(const Block& block) {
    if (block.txs.empty() || base_bytes(block) * kWitnessScale > kBlockWeightMax)
        return reject(RejectReason::block_length);
    if (!block.txs[0].is_coinbase()) return reject(RejectReason::coinbase_missing);
    if (std::any_of(block.txs.begin() + 1, block.txs.end(), [](const Tx& tx) { return tx.is_coinbase(); }))
        return reject(RejectReason::coinbase_multiple);
    std::size_t sigops = 0;
    for (const Tx& tx : block.txs) {
        if (const Verdict verdict = check_tx(tx); !verdict) return verdict;
        sigops += base_sigops(tx);
    }
    if (sigops * kWitnessScale > kSigopsCostMax) return reject(RejectReason::sigops);
    return {};
}

Verdict check_witness(const Block& block) {
    const auto index = commitment_output(block);
    ASSERT(index);  // without one there is no signet solution, and check_block has refused it
    const auto& witness = block.txs[0].inputs[0].witness;
    if (witness.size() != 1 || witness[0].size() != 32) return reject(RejectReason::witness_nonce_size);
    Hash256 nonce;
    std::copy(witness[0].begin(), witness[0].end(), nonce.begin());
    const Hash256 expected = witness_commitment(block, nonce);
    const Buffer& script = block.txs[0].outputs[*index].script_pubkey;
    if (!std::equal(expected.begin(), expected.end(), script.begin() + kCommitmentPrefix.size()))
        return reject(RejectReason::witness_commitment);
    return {};
}
}  // namespace

Verdict check_tx(const Tx& tx) {
    if (tx.inputs.empty()) return reject(RejectReason::vin_empty);
    if (tx.outputs.empty()) return reject(RejectReason::vout_empty);
    if (encode_tx(tx, WithWitness::no).size() * kWitnessScale > kBlockWeightMax)
        return reject(RejectReason::tx_oversize);
    if (const Verdict verdict = check_values(tx); !verdict) return verdict;
    return check_inputs_shape(tx);
}

Verdict check_block(const Block& block, Bytes challenge) {
    if (!check_pow(block.header)) return reject(RejectReason::high_hash);
    if (!verify_signet(block, challenge)) return reject(RejectReason::bad_signet_solution);
    if (const Verdict verdict = check_merkle(block); !verdict) return verdict;
    return check_txs(block);
}

Verdict check_header_place(const BlockHeader& header, const BlockPlace& place) {
    if (header.bits != place.required_bits) return reject(RejectReason::bad_bits);
    if (header.time <= place.median_time) return reject(RejectReason::time_too_old);
    if (header.time > place.now_s + kFutureSeconds_max) return reject(RejectReason::time_too_new);
    if (header.version < kBlockVersionMin) return reject(RejectReason::bad_version);
    return {};
}

Verdict check_block_place(const Block& block, const BlockPlace& place) {
    for (const Tx& tx : block.txs)
        if (!is_final(tx, place.height, place.median_time)) return reject(RejectReason::not_final);
    Buffer height;
    append_number(height, place.height);
    const Buffer& script = block.txs[0].inputs[0].script_sig;
    if (script.size() < height.size() || !std::equal(height.begin(), height.end(), script.begin()))
        return reject(RejectReason::coinbase_height);
    if (const Verdict verdict = check_witness(block); !verdict) return verdict;
    if (block_weight(block) > kBlockWeightMax) return reject(RejectReason::block_weight);
    return {};
}

bool is_final(const Tx& tx, std::uint32_t height, std::uint32_t median_time) noexcept {
    if (tx.lock_time == 0) return true;
    const std::uint32_t reached = tx.lock_time < kLockTimeThreshold ? height : median_time;
    if (tx.lock_time < reached) return true;
    return std::all_of(tx.inputs.begin(), tx.inputs.end(),
                       [](const TxIn& input) { return input.sequence == kSequenceFinal; });
}

std::size_t base_sigops(const Tx& tx) noexcept {
    std::size_t sigops = 0;
    for (const TxIn& input : tx.inputs) sigops += count_sigops(input.script_sig);
    for (const TxOut& output : tx.outputs) sigops += count_sigops(output.script_pubkey);
    return sigops;
}

}  // namespace giro::chain
