// Why the chain module refuses something. ChainError: bytes, scripts, addresses and files that are wrong by
// themselves. RejectReason: a consensus verdict on a block or tx, with the word a Bitcoin node gives (BIP22).
#pragma once

#include <string_view>

namespace giro::chain {

enum class ChainError {
    // decoding (primitives, address, block_file)
    truncated,             // the bytes end before the structure does
    not_canonical_size,    // a compactsize longer than its value needs
    too_large,             // a count or length over its bound, or over what the bytes left could hold
    unknown_witness_flag,  // BIP144 flag other than 1
    superfluous_witness,   // BIP144 flag set although every witness is empty
    trailing_bytes,        // bytes after the structure
    bad_magic,             // a block file's record does not begin with this chain's magic
    bad_address,           // not bech32(m), wrong prefix, wrong checksum kind or wrong program size
    // spending (verify, signet)
    unsupported_script,          // neither P2WPKH nor P2WSH: a documented limit of the embedded node
    unsupported_witness_script,  // P2WSH whose script is not k-of-n CHECKMULTISIG: the same limit
    script_sig_not_empty,        // BIP141: a native witness program takes an empty scriptSig
    witness_mismatch,            // the key or the script does not hash to the witness program
    witness_shape,               // a wrong number of witness items, or an item over 520 bytes
    signature_encoding,          // not strict DER (BIP66)
    null_dummy,                  // the CHECKMULTISIG dummy is not empty (BIP147)
    signature_invalid,           // a signature does not verify, is missing, or is out of key order
    // signet (BIP325)
    no_commitment,  // the coinbase has no witness commitment output
    no_solution,    // the commitment output has no solution push
    bad_solution,   // the solution does not decode, or bytes follow it
};

enum class RejectReason {
    decode_failed,  // bitcoind: RPC error -22
    duplicate,
    duplicate_invalid,
    previous_unknown,
    previous_invalid,
    high_hash,
    bad_signet_solution,
    bad_merkle_root,
    duplicate_txs,  // CVE-2012-2459
    block_length,
    coinbase_missing,
    coinbase_multiple,
    coinbase_length,
    vin_empty,
    vout_empty,
    tx_oversize,
    vout_negative,
    vout_too_large,
    vout_total_too_large,
    duplicate_inputs,  // CVE-2018-17144
    prevout_null,
    sigops,
    bad_bits,
    time_too_old,
    time_too_new,
    bad_version,
    not_final,
    coinbase_height,
    witness_nonce_size,
    witness_commitment,
    block_weight,
    inputs_missing_or_spent,
    premature_coinbase_spend,
    outputs_exceed_inputs,
    script_failed,
    script_unsupported,  // bitcoind would run it; the embedded node cannot
    coinbase_amount,
    // mempool only
    tx_is_coinbase,
    tx_already_known,
    tx_mempool_conflict,
    mempool_full,
};

// "truncated", "witness mismatch", ...: for logs.
[[nodiscard]] std::string_view describe(ChainError error) noexcept;
// The node's word: "high-hash", "bad-signet-blksig", "bad-cb-amount", ...
[[nodiscard]] std::string_view bip22_word(RejectReason reason) noexcept;
[[nodiscard]] bool is_bip22_word(std::string_view word) noexcept;  // one of those

}  // namespace giro::chain
