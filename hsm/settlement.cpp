#include "hsm/settlement.hpp"

#include <algorithm>
#include <set>

#include "chain/script.hpp"
#include "chain/sighash.hpp"
#include "chain/verify.hpp"

namespace giro::hsm {

namespace {
bool is_amount(chain::Satoshi value) noexcept { return value > 0 && value <= chain::kMoneyMax; }

bool is_unsigned_spend(const chain::Tx& tx) {
    std::set<chain::OutPoint> spent;
    return !tx.inputs.empty() && !tx.outputs.empty() && std::ranges::all_of(tx.inputs, [&](const chain::TxIn& in) {
        return in.script_sig.empty() && in.witness.empty() && !in.prevout.is_null() && spent.insert(in.prevout).second;
    });
}

bool pays_one_of_us(const chain::TxOut& out, const KeyRing& keys) {
    return is_amount(out.value) && std::ranges::any_of(keys.owners, [&](const auto& owner) {
        return owner.second.public_part.script == out.script_pubkey;
    });
}

bool is_root(const chain::TxOut& out) {
    return out.value == 0 && chain::classify(out.script_pubkey) == chain::ScriptKind::op_return &&
           out.script_pubkey.size() <= chain::kOpReturnBytesMax + 3;
}
}  // namespace

std::string_view describe(SettlementError error) noexcept {
    switch (error) {
        case SettlementError::bad_tx: return "not an unsigned transaction";
        case SettlementError::inputs_differ: return "the inputs described are not those of the transaction";
        case SettlementError::unknown_owner: return "an input belongs to nobody we know";
        case SettlementError::bad_amount: return "an input's amount is out of range";
        case SettlementError::foreign_output: return "an output pays neither a participant nor the issuer";
        case SettlementError::outputs_exceed_inputs: return "the outputs are more than the inputs";
        case SettlementError::fee_too_high: return "the fee is over the bound";
    }
    return "?";
}

Expected<chain::Tx, SettlementError> check_settlement(const vault::SignTx::Request& request, const KeyRing& keys) {
    const auto refuse = [](SettlementError e) { return tl::unexpected(e); };
    auto tx = chain::decode_tx(request.tx);
    if (!tx || !is_unsigned_spend(*tx)) return refuse(SettlementError::bad_tx);
    if (request.inputs.size() != tx->inputs.size()) return refuse(SettlementError::inputs_differ);

    chain::Satoshi total_in = 0;  // at most kTxInputsMax times 21 million coins: fits
    for (const auto& input : request.inputs) {
        if (!keys.owners.contains(input.owner)) return refuse(SettlementError::unknown_owner);
        if (!is_amount(input.amount)) return refuse(SettlementError::bad_amount);
        total_in += input.amount;
    }
    chain::Satoshi total_out = 0;
    std::size_t roots = 0;
    for (const auto& out : tx->outputs) {
        if (is_root(out)) ++roots;
        else if (!pays_one_of_us(out, keys)) return refuse(SettlementError::foreign_output);
        if (roots > 1) return refuse(SettlementError::foreign_output);
        total_out += out.value;
        if (total_out > total_in) return refuse(SettlementError::outputs_exceed_inputs);
    }
    if (total_in - total_out > kFeeMax) return refuse(SettlementError::fee_too_high);
    return std::move(*tx);
}

Ck<std::vector<Buffer>> sign_multisig(const Session& session, const MultisigSigner& signer, const Hash256& sighash) {
    std::vector<Buffer> signatures;
    for (std::size_t i = 0; i < vault::kMultisigRequired; ++i) {
        const auto compact = sign_ecdsa(session, signer.handles[i], Curve::secp256k1, sighash);
        if (!compact) return tl::unexpected(compact.error());
        auto der = chain::encode_der_low_s(*compact);
        if (!der) return ck_error(CKR_DEVICE_ERROR);  // r or s out of range: no signature at all
        der->push_back(static_cast<std::byte>(chain::kSighashAll));
        signatures.push_back(std::move(*der));
    }
    return signatures;
}

Ck<vault::SignTx::Reply> sign_settlement(const Session& session, const KeyRing& keys, const chain::Tx& tx,
                                         std::span<const vault::SignTx::Input> inputs) {
    ASSERT(inputs.size() == tx.inputs.size());
    vault::SignTx::Reply reply;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const MultisigSigner& signer = keys.owners.at(inputs[i].owner);
        const Bytes witness_script = signer.public_part.witness_script;
        const auto signatures =
            sign_multisig(session, signer, chain::bip143_sighash(tx, i, witness_script, inputs[i].amount));
        if (!signatures) return tl::unexpected(signatures.error());
        reply.witnesses.push_back(chain::multisig_witness(*signatures, witness_script));
    }
    return reply;
}

}  // namespace giro::hsm
