// What BIP174 calls roles, for the spends Giro uses (P2WPKH, P2WSH k-of-n): who makes a PSBT, who says what it spends,
// who signs, who puts signatures together. Hostile: PSBTs from other participants' boxes, in every value.
//
// None of this decides whether a transaction should be signed: that is the vault's, from the officers' approvals.
#pragma once

#include "chain/psbt.hpp"
#include "chain/script.hpp"

namespace giro::chain {

// --- creator and updater -----------------------------------------------------------------------------------------
// ASSERTs that no input has a scriptSig or a witness.
[[nodiscard]] Psbt create_psbt(const Tx& unsigned_tx);
// What input `index` (ASSERTed to exist) spends; for P2WSH with the witness script.
void set_spent(Psbt& psbt, std::size_t index, const TxOut& spent, Bytes witness_script = {});

// --- signer ------------------------------------------------------------------------------------------------------
// What an input wants signed, after every check BIP174 asks of a signer.
struct Signable {
    TxOut spent;
    Buffer script_code;           // of BIP143
    Hash256 sighash{};            // of SIGHASH_ALL, the one hash type that is signed here
    std::size_t required = 1;     // k
    std::vector<PublicKey> keys;  // n in the script's order; P2WPKH: none, only their hash is known
    Hash160 key_hash{};           // P2WPKH
    [[nodiscard]] bool may_sign(const PublicKey& key) const;
};
// Errors: no_utxo, utxo_mismatch, unsupported_script, script_mismatch, hash_type. ASSERTs that the input exists.
[[nodiscard]] Expected<Signable, PsbtError> signable(const Psbt& psbt, std::size_t index);
// Adds a signature (strict DER and the byte 01) after verifying it. Errors: those of signable(), foreign_key,
// signature_invalid.
[[nodiscard]] Expected<void, PsbtError> add_signature(Psbt& psbt, std::size_t index, const PublicKey& key,
                                                      Bytes der_and_hash_type);
// The keys whose signatures input `index` has; not verified.
[[nodiscard]] std::vector<PublicKey> signers(const Psbt& psbt, std::size_t index);

// --- combiner, finalizer, extractor ------------------------------------------------------------------------------
// Everything that is in any of them, unknown pairs too; where two have the same key with another value, the first's.
// ASSERTs at least one. Error: other_transaction.
[[nodiscard]] Expected<Psbt, PsbtError> combine(std::span<const Psbt> psbts);
// Makes each input's witness from the first k valid signatures in the script's order and drops what only signers need.
// Inputs that are final stay. Changes nothing on an error: those of signable(), foreign_key, signature_invalid,
// incomplete.
[[nodiscard]] Expected<void, PsbtError> finalize(Psbt& psbt);
// The signed transaction, each spend of it verified. Errors: incomplete when an input is not final, no_utxo,
// utxo_mismatch, unsupported_script, signature_invalid.
[[nodiscard]] Expected<Tx, PsbtError> extract(const Psbt& psbt);

}  // namespace giro::chain
