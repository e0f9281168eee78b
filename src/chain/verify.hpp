// Verifies the spends Giro uses: P2WPKH and P2WSH k-of-n, by consensus rules (strict DER, null dummy, clean stack, key
// order; high S and any hash type are allowed, as in a node). Every other output type is refused with
// unsupported_script: the embedded node is no script interpreter. Hostile: witness, scripts and signatures.
#pragma once

#include "chain/primitives.hpp"
#include "chain/script.hpp"

namespace giro::chain {

// Checks that input `input_index` of `tx` may spend `spent`.
[[nodiscard]] Expected<void, ChainError> verify_spend(const Tx& tx, std::size_t input_index, const TxOut& spent);

// True when `der_and_hash_type` (strict DER and one byte) is a signature by `key` of the BIP143 hash.
// Errors: signature_encoding when it is not strict DER; an empty one, a bad key or a wrong signature is false.
[[nodiscard]] Expected<bool, ChainError> check_signature(const Tx& tx, std::size_t input_index, Bytes script_code,
                                                         Satoshi amount, Bytes der_and_hash_type, Bytes key);

// --- signatures as bytes -----------------------------------------------------------------------------------------
using CompactSignature = ByteArray<64>;  // r || s, big endian: what PKCS#11 CKM_ECDSA gives
enum class LowS { any, required };

// BIP66: the r and s of a strict DER signature (without hash type byte); nothing when it is not strict, or r or s has
// more than 32 bytes.
[[nodiscard]] std::optional<CompactSignature> parse_strict_der(Bytes der);
// ECDSA over secp256k1. False for a bad key, a bad signature, and with LowS::required for s over half the order.
[[nodiscard]] bool verify_ecdsa(const Hash256& hash, const CompactSignature& signature, Bytes key,
                                LowS low_s = LowS::any);
// Strict DER of the signature with s made low, which nodes require to relay; nothing when r or s is out of range.
// A token returns high S half of the time.
[[nodiscard]] std::optional<Buffer> encode_der_low_s(const CompactSignature& signature);
// True when `key` is a point on the curve in compressed form.
[[nodiscard]] bool is_public_key(const PublicKey& key);

// --- witnesses ---------------------------------------------------------------------------------------------------
// The witness of a P2WSH k-of-n input: empty dummy, signatures (DER and hash type, in the keys' order), script.
[[nodiscard]] std::vector<Buffer> multisig_witness(std::span<const Buffer> signatures, Bytes witness_script);
// The witness of a P2WPKH input.
[[nodiscard]] std::vector<Buffer> p2wpkh_witness(Bytes signature, const PublicKey& key);

}  // namespace giro::chain
