#include "chain/error.hpp"

namespace giro::chain {

std::string_view describe(ChainError error) noexcept {
    switch (error) {
        case ChainError::truncated:
            return "truncated";
        case ChainError::not_canonical_size:
            return "size not in its shortest form";
        case ChainError::too_large:
            return "count or length too large";
        case ChainError::unknown_witness_flag:
            return "unknown witness flag";
        case ChainError::superfluous_witness:
            return "witness flag without a witness";
        case ChainError::trailing_bytes:
            return "bytes after the end";
        case ChainError::bad_magic:
            return "magic of another network";
        case ChainError::bad_address:
            return "not an address of this network";
        case ChainError::unsupported_script:
            return "output type not supported by the embedded node";
        case ChainError::unsupported_witness_script:
            return "witness script not supported by the embedded node";
        case ChainError::script_sig_not_empty:
            return "scriptSig not empty";
        case ChainError::witness_mismatch:
            return "witness program hash mismatch";
        case ChainError::witness_shape:
            return "wrong number or size of witness items";
        case ChainError::signature_encoding:
            return "signature is not strict DER";
        case ChainError::null_dummy:
            return "multisig dummy not null";
        case ChainError::signature_invalid:
            return "signature missing or wrong";
        case ChainError::no_commitment:
            return "no witness commitment in the coinbase";
        case ChainError::no_solution:
            return "no signet solution";
        case ChainError::bad_solution:
            return "malformed signet solution";
    }
    return "unknown";
}

std::string_view bip22_word(RejectReason reason) noexcept {
    switch (reason) {
        case RejectReason::decode_failed:
            return "block-decode-failed";
        case RejectReason::duplicate:
            return "duplicate";
        case RejectReason::duplicate_invalid:
            return "duplicate-invalid";
        case RejectReason::previous_unknown:
            return "prev-blk-not-found";
        case RejectReason::previous_invalid:
            return "bad-prevblk";
        case RejectReason::high_hash:
            return "high-hash";
        case RejectReason::bad_signet_solution:
            return "bad-signet-blksig";
        case RejectReason::bad_merkle_root:
            return "bad-txnmrklroot";
        case RejectReason::duplicate_txs:
            return "bad-txns-duplicate";
        case RejectReason::block_length:
            return "bad-blk-length";
        case RejectReason::coinbase_missing:
            return "bad-cb-missing";
        case RejectReason::coinbase_multiple:
            return "bad-cb-multiple";
        case RejectReason::coinbase_length:
            return "bad-cb-length";
        case RejectReason::vin_empty:
            return "bad-txns-vin-empty";
        case RejectReason::vout_empty:
            return "bad-txns-vout-empty";
        case RejectReason::tx_oversize:
            return "bad-txns-oversize";
        case RejectReason::vout_negative:
            return "bad-txns-vout-negative";
        case RejectReason::vout_too_large:
            return "bad-txns-vout-toolarge";
        case RejectReason::vout_total_too_large:
            return "bad-txns-txouttotal-toolarge";
        case RejectReason::duplicate_inputs:
            return "bad-txns-inputs-duplicate";
        case RejectReason::prevout_null:
            return "bad-txns-prevout-null";
        case RejectReason::sigops:
            return "bad-blk-sigops";
        case RejectReason::bad_bits:
            return "bad-diffbits";
        case RejectReason::time_too_old:
            return "time-too-old";
        case RejectReason::time_too_new:
            return "time-too-new";
        case RejectReason::bad_version:
            return "bad-version";
        case RejectReason::not_final:
            return "bad-txns-nonfinal";
        case RejectReason::coinbase_height:
            return "bad-cb-height";
        case RejectReason::witness_nonce_size:
            return "bad-witness-nonce-size";
        case RejectReason::witness_commitment:
            return "bad-witness-merkle-match";
        case RejectReason::block_weight:
            return "bad-blk-weight";
        case RejectReason::inputs_missing_or_spent:
            return "bad-txns-inputs-missingorspent";
        case RejectReason::premature_coinbase_spend:
            return "bad-txns-premature-spend-of-coinbase";
        case RejectReason::outputs_exceed_inputs:
            return "bad-txns-in-belowout";
        case RejectReason::script_failed:
            return "mandatory-script-verify-flag-failed";
        case RejectReason::script_unsupported:
            return "script-type-unsupported";
        case RejectReason::coinbase_amount:
            return "bad-cb-amount";
        case RejectReason::tx_is_coinbase:
            return "coinbase";
        case RejectReason::tx_already_known:
            return "txn-already-known";
        case RejectReason::tx_mempool_conflict:
            return "txn-mempool-conflict";
        case RejectReason::mempool_full:
            return "mempool-full";
    }
    return "unknown";
}

bool is_bip22_word(std::string_view word) noexcept {
    for (int reason = 0; reason <= static_cast<int>(RejectReason::mempool_full); ++reason)
        if (bip22_word(static_cast<RejectReason>(reason)) == word) return true;
    return false;
}

}  // namespace giro::chain
