#include "chain/verify.hpp"

#include <secp256k1.h>

#include <algorithm>

#include "chain/sighash.hpp"
#include "util/hash.hpp"

namespace giro::chain {

namespace {
constexpr std::size_t kElementBytesMax = 520;  // consensus: MAX_SCRIPT_ELEMENT_SIZE
// BIP66: 30 len 02 len r 02 len s, without the hash type byte.
constexpr std::size_t kDerBytesMin = 8, kDerBytesMax = 72;

using ScriptResult = Expected<void, ChainError>;
tl::unexpected<ChainError> error(ChainError e) {
    return tl::unexpected<ChainError>(e);
}

const unsigned char* raw(Bytes bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(MutableBytes bytes) noexcept {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

// Reads 02 len value at `at`; moves `at` behind it. Nothing for a negative, padded, empty or overrunning integer.
std::optional<Bytes> read_der_integer(Bytes der, std::size_t& at) noexcept {
    if (at + 2 > der.size() || der[at] != std::byte{0x02}) return std::nullopt;
    const std::size_t size = std::to_integer<std::size_t>(der[at + 1]);
    if (size == 0 || at + 2 + size > der.size()) return std::nullopt;
    const Bytes value = der.subspan(at + 2, size);
    const auto negative = [](std::byte b) { return (b & std::byte{0x80}) != std::byte{0}; };
    if (negative(value[0])) return std::nullopt;
    if (size > 1 && value[0] == std::byte{0} && !negative(value[1])) return std::nullopt;
    at += 2 + size;
    return value;
}

struct DerSignature {
    Bytes r, s;
};

std::optional<DerSignature> split_der(Bytes der) noexcept {
    if (der.size() < kDerBytesMin || der.size() > kDerBytesMax) return std::nullopt;
    if (der[0] != std::byte{0x30} || std::to_integer<std::size_t>(der[1]) != der.size() - 2) return std::nullopt;
    std::size_t at = 2;
    const auto r = read_der_integer(der, at);
    if (!r) return std::nullopt;
    const auto s = read_der_integer(der, at);
    if (!s || at != der.size()) return std::nullopt;
    return DerSignature{*r, *s};
}

// Writes a DER integer right-aligned into 32 bytes; false when it is larger.
bool store_integer(Bytes value, MutableBytes out) noexcept {
    if (value.size() == out.size() + 1 && value[0] == std::byte{0}) value = value.subspan(1);
    if (value.size() > out.size()) return false;
    std::copy(value.begin(), value.end(), out.end() - static_cast<std::ptrdiff_t>(value.size()));
    return true;
}

ScriptResult verify_p2wpkh(const Tx& tx, std::size_t index, const TxOut& spent) {
    const auto& witness = tx.inputs[index].witness;
    if (witness.size() != 2) return error(ChainError::witness_shape);
    const Hash160 key_hash = hash160(witness[1]);
    if (!std::equal(key_hash.begin(), key_hash.end(), spent.script_pubkey.begin() + 2))
        return error(ChainError::witness_mismatch);
    if (witness[0].size() > kElementBytesMax || witness[1].size() > kElementBytesMax)
        return error(ChainError::witness_shape);
    const auto valid = check_signature(tx, index, p2wpkh_script_code(key_hash), spent.value, witness[0], witness[1]);
    if (!valid) return error(valid.error());
    return *valid ? ScriptResult{} : error(ChainError::signature_invalid);
}

// CHECKMULTISIG: signatures and keys are matched in order, from the last to the first; a key that does not fit is
// passed over for ever.
ScriptResult check_multisig(const Tx& tx, std::size_t index, const TxOut& spent, const MultiSig& multisig,
                            std::span<const Buffer> signatures, Bytes script) {
    std::size_t signatures_left = signatures.size(), keys_left = multisig.keys.size();
    while (signatures_left > 0) {
        if (signatures_left > keys_left) return error(ChainError::signature_invalid);
        const auto valid = check_signature(tx, index, script, spent.value, signatures[signatures_left - 1],
                                           multisig.keys[keys_left - 1]);
        if (!valid) return error(valid.error());
        if (*valid) --signatures_left;
        --keys_left;
    }
    return {};
}

ScriptResult verify_p2wsh(const Tx& tx, std::size_t index, const TxOut& spent) {
    const auto& witness = tx.inputs[index].witness;
    if (witness.empty()) return error(ChainError::witness_mismatch);
    const Bytes script = witness.back();
    const Hash256 script_hash = sha256(script);
    if (!std::equal(script_hash.begin(), script_hash.end(), spent.script_pubkey.begin() + 2))
        return error(ChainError::witness_mismatch);
    const std::span items = std::span(witness).first(witness.size() - 1);
    if (script.size() > kScriptBytesMax) return error(ChainError::witness_shape);
    if (std::any_of(items.begin(), items.end(), [](const Buffer& i) { return i.size() > kElementBytesMax; }))
        return error(ChainError::witness_shape);
    const auto multisig = parse_multisig(script);
    if (!multisig) return error(ChainError::unsupported_witness_script);
    // The dummy and exactly k signatures: anything more would be left on the stack, and a clean stack is consensus
    // here.
    if (items.size() != multisig->required + 1) return error(ChainError::witness_shape);
    const auto checked = check_multisig(tx, index, spent, *multisig, items.subspan(1), script);
    if (!checked) return checked;
    if (!items[0].empty()) return error(ChainError::null_dummy);
    return {};
}
}  // namespace

ScriptResult verify_spend(const Tx& tx, std::size_t input_index, const TxOut& spent) {
    ASSERT(input_index < tx.inputs.size());
    const ScriptKind kind = classify(spent.script_pubkey);
    if (kind != ScriptKind::p2wpkh && kind != ScriptKind::p2wsh) return error(ChainError::unsupported_script);
    if (!tx.inputs[input_index].script_sig.empty()) return error(ChainError::script_sig_not_empty);
    return kind == ScriptKind::p2wpkh ? verify_p2wpkh(tx, input_index, spent) : verify_p2wsh(tx, input_index, spent);
}

Expected<bool, ChainError> check_signature(const Tx& tx, std::size_t input_index, Bytes script_code, Satoshi amount,
                                           Bytes der_and_hash_type, Bytes key) {
    if (der_and_hash_type.empty()) return false;
    const Bytes der = der_and_hash_type.first(der_and_hash_type.size() - 1);
    if (!split_der(der)) return error(ChainError::signature_encoding);
    const auto signature = parse_strict_der(der);
    if (!signature) return false;  // r or s over 32 bytes: well-formed, but never valid
    const auto hash_type = std::to_integer<std::uint32_t>(der_and_hash_type.back());
    return verify_ecdsa(bip143_sighash(tx, input_index, script_code, amount, hash_type), *signature, key);
}

std::optional<CompactSignature> parse_strict_der(Bytes der) {
    const auto parts = split_der(der);
    CompactSignature signature{};
    const MutableBytes out(signature);
    if (!parts || !store_integer(parts->r, out.first(32)) || !store_integer(parts->s, out.last(32)))
        return std::nullopt;
    return signature;
}

bool verify_ecdsa(const Hash256& hash, const CompactSignature& signature, Bytes key, LowS low_s) {
    secp256k1_pubkey point;
    secp256k1_ecdsa_signature parsed;
    if (secp256k1_ec_pubkey_parse(secp256k1_context_static, &point, raw(key), key.size()) == 0) return false;
    if (secp256k1_ecdsa_signature_parse_compact(secp256k1_context_static, &parsed, raw(Bytes(signature))) == 0)
        return false;
    // The library verifies low S only.
    const bool was_high = secp256k1_ecdsa_signature_normalize(secp256k1_context_static, &parsed, &parsed) != 0;
    if (was_high && low_s == LowS::required) return false;
    return secp256k1_ecdsa_verify(secp256k1_context_static, &parsed, raw(Bytes(hash)), &point) == 1;
}

std::optional<Buffer> encode_der_low_s(const CompactSignature& signature) {
    secp256k1_ecdsa_signature parsed;
    if (secp256k1_ecdsa_signature_parse_compact(secp256k1_context_static, &parsed, raw(Bytes(signature))) == 0)
        return std::nullopt;
    secp256k1_ecdsa_signature_normalize(secp256k1_context_static, &parsed, &parsed);
    Buffer der(kDerBytesMax);
    std::size_t size = der.size();
    const int written =
        secp256k1_ecdsa_signature_serialize_der(secp256k1_context_static, raw(MutableBytes(der)), &size, &parsed);
    ASSERT(written == 1);
    der.resize(size);
    return der;
}

bool is_public_key(const PublicKey& key) {
    secp256k1_pubkey point;
    return secp256k1_ec_pubkey_parse(secp256k1_context_static, &point, raw(Bytes(key)), key.size()) == 1;
}

std::vector<Buffer> multisig_witness(std::span<const Buffer> signatures, Bytes witness_script) {
    std::vector<Buffer> witness(1);
    witness.insert(witness.end(), signatures.begin(), signatures.end());
    witness.emplace_back(witness_script.begin(), witness_script.end());
    return witness;
}

std::vector<Buffer> p2wpkh_witness(Bytes signature, const PublicKey& key) {
    return {Buffer(signature.begin(), signature.end()), Buffer(key.begin(), key.end())};
}

}  // namespace giro::chain
