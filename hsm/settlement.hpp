// What the vault checks of a transaction before it signs with the settlement keys, and the signing. The vault trusts
// nobody's description: it decodes the transaction, makes every script from its own keys, and takes the approvals over
// exactly these bytes and amounts (invariant 8). Hostile: the whole request.
#pragma once

#include <filesystem>

#include "chain/primitives.hpp"
#include "hsm/keys.hpp"
#include "hsm/officers.hpp"

namespace giro::hsm {

enum class SettlementError {
    bad_tx,               // does not decode, has a witness or script_sig, is a coinbase, or spends one output twice
    inputs_differ,        // the request does not describe as many inputs as the transaction has
    unknown_owner,        // an input's owner is no participant and not the issuer
    bad_amount,           // an amount that is not 1 to 21 million coins
    foreign_output,       // an output that is neither a participant's, the issuer's nor the one OP_RETURN of value 0
    outputs_exceed_inputs,
    fee_too_high,         // over kFeeMax: a mistake that would pay a miner
};
[[nodiscard]] std::string_view describe(SettlementError error) noexcept;

inline constexpr chain::Satoshi kFeeMax = 100'000;

// The checked transaction; the checks come in the order of the enum.
[[nodiscard]] Expected<chain::Tx, SettlementError> check_settlement(const vault::SignTx::Request& request,
                                                                    const KeyRing& keys);

// BIP143 signatures by the first two of the owner's three keys, for every input.
[[nodiscard]] Ck<vault::SignTx::Reply> sign_settlement(const Session& session, const KeyRing& keys, const chain::Tx& tx,
                                                       std::span<const vault::SignTx::Input> inputs);

// The first two of the three keys sign: DER and hash type, in the keys' order.
[[nodiscard]] Ck<std::vector<Buffer>> sign_multisig(const Session& session, const MultisigSigner& signer,
                                                    const Hash256& sighash);

}  // namespace giro::hsm
