// Partially signed transactions, version 0 (BIP174): how participants pass a settlement from box to box until it has
// all its signatures. Here the format; who does what with it: psbt_roles.hpp. Hostile: every byte given to decode_psbt.
//
//   psbt  "psbt" ff | global map | one map per input | one map per output
//   map   { compactsize key size, type:u8 and key data | var bytes value }... 00
//
// A map keeps its pairs as they were read, those of unknown type too, in their order: encode(decode(x)) == x. Typed
// pairs have been checked for the sizes BIP174 gives; whether they are true is the signer's question.
#pragma once

#include "chain/primitives.hpp"

namespace giro::chain {

inline constexpr std::size_t kPsbtBytesMax = 4'000'000;  // more than a block could hold of any transaction

enum class PsbtError {
    // the format
    too_large,       // over kPsbtBytesMax
    bad_magic,       // not "psbt" ff
    truncated,       // ends within a map, or has fewer maps than its transaction has inputs and outputs
    trailing_bytes,  // bytes after the last map
    duplicate_key,   // a map has the same key twice
    bad_key,         // a typed key of a size that its type does not have, or an empty one
    bad_value,       // a typed value that does not decode
    no_unsigned_tx,
    unsigned_tx_signed,  // its transaction has a scriptSig or a witness
    unknown_version,     // PSBT_GLOBAL_VERSION other than 0
    // the roles
    other_transaction,   // combining what belongs to different transactions
    no_utxo,             // an input doesn't say what it spends
    utxo_mismatch,       // it says so twice, differently, or by a transaction that isn't the one spent from
    unsupported_script,  // spends neither P2WPKH nor P2WSH k-of-n: the limit of verify.hpp
    script_mismatch,     // the witness script is missing or not the one that is paid to
    hash_type,           // asks for a signature of other than SIGHASH_ALL
    foreign_key,         // a signature by a key that the script does not name
    signature_invalid,
    incomplete,  // not enough signatures yet
};
[[nodiscard]] std::string_view describe(PsbtError error) noexcept;

namespace psbt_type {
inline constexpr std::uint8_t kUnsignedTx = 0x00, kXpub = 0x01, kVersion = 0xfb;  // in the global map
inline constexpr std::uint8_t kNonWitnessUtxo = 0x00, kWitnessUtxo = 0x01, kPartialSignature = 0x02, kHashType = 0x03,
                              kRedeemScript = 0x04, kWitnessScript = 0x05, kDerivation = 0x06, kFinalScriptSig = 0x07,
                              kFinalWitness = 0x08;  // in an input's
inline constexpr std::uint8_t kOutputRedeemScript = 0x00, kOutputWitnessScript = 0x01, kOutputDerivation = 0x02;
}  // namespace psbt_type

struct PsbtPair {
    Buffer key;  // type, then key data: never empty
    Buffer value;
    [[nodiscard]] std::uint8_t type() const noexcept { return std::to_integer<std::uint8_t>(key.front()); }
    [[nodiscard]] Bytes key_data() const noexcept { return Bytes(key).subspan(1); }
    bool operator==(const PsbtPair&) const = default;
};

struct PsbtMap {
    std::vector<PsbtPair> pairs;  // no key twice
    // The value of a type without key data, or of that very key; null when there is none.
    [[nodiscard]] const Buffer* find(std::uint8_t type, Bytes key_data = {}) const;
    // Replaces the value of that key, or appends the pair.
    void set(std::uint8_t type, Bytes key_data, Bytes value);
    void remove(std::uint8_t type);  // every pair of that type
    bool operator==(const PsbtMap&) const = default;
};

struct Psbt {
    Tx tx;                         // of the global map: no scriptSig, no witness
    PsbtMap global;                // the rest of it
    std::vector<PsbtMap> inputs;   // as many as the transaction has
    std::vector<PsbtMap> outputs;  // the same
    bool operator==(const Psbt&) const = default;
};

[[nodiscard]] Expected<Psbt, PsbtError> decode_psbt(Bytes bytes);
// ASSERTs that the counts of maps are the transaction's.
[[nodiscard]] Buffer encode_psbt(const Psbt& psbt);

// An output as PSBT_IN_WITNESS_UTXO holds it: value and script.
[[nodiscard]] Buffer encode_output(const TxOut& output);
[[nodiscard]] Expected<TxOut, ChainError> decode_output(Bytes bytes);
// The witness of one input as PSBT_IN_FINAL_SCRIPTWITNESS holds it: a count, then each item.
[[nodiscard]] Buffer encode_witness(std::span<const Buffer> items);
[[nodiscard]] Expected<std::vector<Buffer>, ChainError> decode_witness(Bytes bytes);

}  // namespace giro::chain
