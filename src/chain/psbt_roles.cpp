#include "chain/psbt_roles.hpp"

#include <algorithm>

#include "chain/sighash.hpp"
#include "chain/verify.hpp"
#include "util/hash.hpp"

namespace giro::chain {

namespace {
namespace t = psbt_type;
constexpr std::size_t kProgramAt = 2;  // a witness program follows its version and its length

tl::unexpected<PsbtError> error(PsbtError e) {
    return tl::unexpected<PsbtError>(e);
}

std::optional<PublicKey> as_public_key(Bytes bytes) {
    PublicKey key;
    if (bytes.size() != key.size()) return std::nullopt;
    std::copy(bytes.begin(), bytes.end(), key.begin());
    return key;
}

// The output an input spends: by the transaction that made it, which must then be that one, or by the output alone.
Expected<TxOut, PsbtError> spent_output(const Psbt& psbt, std::size_t index) {
    const PsbtMap& map = psbt.inputs[index];
    std::optional<TxOut> spent;
    if (const Buffer* output = map.find(t::kWitnessUtxo)) {
        auto decoded = decode_output(*output);
        if (!decoded) return error(PsbtError::bad_value);
        spent = std::move(*decoded);
    }
    if (const Buffer* bytes = map.find(t::kNonWitnessUtxo)) {
        const auto tx = decode_tx(*bytes);
        if (!tx) return error(PsbtError::bad_value);
        const OutPoint& prevout = psbt.tx.inputs[index].prevout;
        if (txid(*tx) != prevout.txid || prevout.index >= tx->outputs.size()) return error(PsbtError::utxo_mismatch);
        const TxOut& output = tx->outputs[prevout.index];
        if (spent && *spent != output) return error(PsbtError::utxo_mismatch);
        spent = output;
    }
    if (!spent) return error(PsbtError::no_utxo);
    return std::move(*spent);
}

// Fills in what depends on the kind of output.
Expected<void, PsbtError> read_script(const PsbtMap& map, Signable& out) {
    const Bytes program = Bytes(out.spent.script_pubkey).subspan(std::min(kProgramAt, out.spent.script_pubkey.size()));
    switch (classify(out.spent.script_pubkey)) {
        case ScriptKind::p2wpkh:
            std::copy(program.begin(), program.end(), out.key_hash.begin());
            out.script_code = p2wpkh_script_code(out.key_hash);
            return {};
        case ScriptKind::p2wsh: {
            const Buffer* script = map.find(t::kWitnessScript);
            if (script == nullptr || !std::ranges::equal(sha256(*script), program))
                return error(PsbtError::script_mismatch);
            const auto multisig = parse_multisig(*script);
            if (!multisig) return error(PsbtError::unsupported_script);
            for (const Buffer& bytes : multisig->keys) {
                const auto key = as_public_key(bytes);
                if (!key) return error(PsbtError::unsupported_script);
                out.keys.push_back(*key);
            }
            out.required = multisig->required;
            out.script_code = *script;
            return {};
        }
        case ScriptKind::op_return:
        case ScriptKind::other:
            return error(PsbtError::unsupported_script);
    }
    return error(PsbtError::unsupported_script);
}

bool verifies(const Psbt& psbt, std::size_t index, const Signable& input, Bytes signature, const PublicKey& key) {
    if (signature.empty() || signature.back() != static_cast<std::byte>(kSighashAll)) return false;
    return check_signature(psbt.tx, index, input.script_code, input.spent.value, signature, key).value_or(false);
}

Expected<std::vector<Buffer>, PsbtError> final_witness(const Psbt& psbt, std::size_t index) {
    const auto input = signable(psbt, index);
    if (!input) return error(input.error());
    const PsbtMap& map = psbt.inputs[index];
    for (const PsbtPair& pair : map.pairs) {
        if (pair.type() != t::kPartialSignature) continue;
        const auto key = as_public_key(pair.key_data());
        if (!key || !input->may_sign(*key)) return error(PsbtError::foreign_key);
        if (!verifies(psbt, index, *input, pair.value, *key)) return error(PsbtError::signature_invalid);
        if (input->keys.empty()) return p2wpkh_witness(pair.value, *key);
    }
    std::vector<Buffer> signatures;
    for (const PublicKey& key : input->keys) {
        const Buffer* signature = map.find(t::kPartialSignature, key);
        if (signature != nullptr && signatures.size() < input->required) signatures.push_back(*signature);
    }
    if (signatures.size() < input->required || input->keys.empty()) return error(PsbtError::incomplete);
    return multisig_witness(signatures, input->script_code);
}

void merge(PsbtMap& into, const PsbtMap& from) {
    for (const PsbtPair& pair : from.pairs)
        if (into.find(pair.type(), pair.key_data()) == nullptr) into.pairs.push_back(pair);
}
}  // namespace

bool Signable::may_sign(const PublicKey& key) const {
    if (keys.empty()) return hash160(key) == key_hash;
    return std::ranges::find(keys, key) != keys.end();
}

Psbt create_psbt(const Tx& unsigned_tx) {
    Psbt psbt;
    psbt.tx = unsigned_tx;
    for (const TxIn& input : psbt.tx.inputs) ASSERT(input.script_sig.empty() && input.witness.empty());
    psbt.inputs.resize(psbt.tx.inputs.size());
    psbt.outputs.resize(psbt.tx.outputs.size());
    return psbt;
}

void set_spent(Psbt& psbt, std::size_t index, const TxOut& spent, Bytes witness_script) {
    ASSERT(index < psbt.inputs.size());
    psbt.inputs[index].set(t::kWitnessUtxo, {}, encode_output(spent));
    if (!witness_script.empty()) psbt.inputs[index].set(t::kWitnessScript, {}, witness_script);
}

Expected<Signable, PsbtError> signable(const Psbt& psbt, std::size_t index) {
    ASSERT(index < psbt.inputs.size() && psbt.inputs.size() == psbt.tx.inputs.size());
    auto spent = spent_output(psbt, index);
    if (!spent) return error(spent.error());
    Signable out;
    out.spent = std::move(*spent);
    const PsbtMap& map = psbt.inputs[index];
    // A redeem script belongs to P2SH, which nothing here pays to.
    if (map.find(t::kRedeemScript) != nullptr) return error(PsbtError::unsupported_script);
    if (const auto read = read_script(map, out); !read) return error(read.error());
    if (const Buffer* type = map.find(t::kHashType);
        type != nullptr && (type->size() != sizeof kSighashAll || load_le<std::uint32_t>(type->data()) != kSighashAll))
        return error(PsbtError::hash_type);
    out.sighash = bip143_sighash(psbt.tx, index, out.script_code, out.spent.value, kSighashAll);
    return out;
}

Expected<void, PsbtError> add_signature(Psbt& psbt, std::size_t index, const PublicKey& key, Bytes der_and_hash_type) {
    const auto input = signable(psbt, index);
    if (!input) return error(input.error());
    if (!input->may_sign(key)) return error(PsbtError::foreign_key);
    if (!verifies(psbt, index, *input, der_and_hash_type, key)) return error(PsbtError::signature_invalid);
    psbt.inputs[index].set(t::kPartialSignature, key, der_and_hash_type);
    return {};
}

std::vector<PublicKey> signers(const Psbt& psbt, std::size_t index) {
    ASSERT(index < psbt.inputs.size());
    std::vector<PublicKey> keys;
    for (const PsbtPair& pair : psbt.inputs[index].pairs)
        if (pair.type() == t::kPartialSignature)
            if (const auto key = as_public_key(pair.key_data())) keys.push_back(*key);
    return keys;
}

Expected<Psbt, PsbtError> combine(std::span<const Psbt> psbts) {
    ASSERT(!psbts.empty());
    Psbt all = psbts.front();
    for (const Psbt& other : psbts.subspan(1)) {
        if (other.tx != all.tx) return error(PsbtError::other_transaction);
        merge(all.global, other.global);
        for (std::size_t i = 0; i < all.inputs.size(); ++i) merge(all.inputs[i], other.inputs[i]);
        for (std::size_t i = 0; i < all.outputs.size(); ++i) merge(all.outputs[i], other.outputs[i]);
    }
    return all;
}

Expected<void, PsbtError> finalize(Psbt& psbt) {
    std::vector<std::optional<Buffer>> witnesses;  // nothing for an input that is final already
    for (std::size_t i = 0; i < psbt.inputs.size(); ++i) {
        if (psbt.inputs[i].find(t::kFinalWitness) != nullptr) {
            witnesses.emplace_back();
            continue;
        }
        const auto witness = final_witness(psbt, i);
        if (!witness) return error(witness.error());
        witnesses.emplace_back(encode_witness(*witness));
    }
    for (std::size_t i = 0; i < psbt.inputs.size(); ++i) {
        if (!witnesses[i]) continue;
        PsbtMap& map = psbt.inputs[i];
        for (const auto type : {t::kPartialSignature, t::kHashType, t::kWitnessScript, t::kDerivation})
            map.remove(type);
        map.set(t::kFinalWitness, {}, *witnesses[i]);
    }
    return {};
}

Expected<Tx, PsbtError> extract(const Psbt& psbt) {
    Tx tx = psbt.tx;
    std::vector<TxOut> spent;
    for (std::size_t i = 0; i < tx.inputs.size(); ++i) {
        const Buffer* bytes = psbt.inputs[i].find(t::kFinalWitness);
        if (bytes == nullptr) return error(PsbtError::incomplete);
        if (psbt.inputs[i].find(t::kFinalScriptSig) != nullptr) return error(PsbtError::unsupported_script);
        auto witness = decode_witness(*bytes);
        if (!witness) return error(PsbtError::bad_value);
        tx.inputs[i].witness = std::move(*witness);
        auto output = spent_output(psbt, i);
        if (!output) return error(output.error());
        spent.push_back(std::move(*output));
    }
    for (std::size_t i = 0; i < tx.inputs.size(); ++i) {
        const auto verified = verify_spend(tx, i, spent[i]);
        if (verified) continue;
        const bool unsupported = verified.error() == ChainError::unsupported_script ||
                                 verified.error() == ChainError::unsupported_witness_script;
        return error(unsupported ? PsbtError::unsupported_script : PsbtError::signature_invalid);
    }
    return tx;
}

}  // namespace giro::chain
