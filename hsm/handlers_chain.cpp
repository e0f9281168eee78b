#include "chain/signet.hpp"
#include "hsm/handlers.hpp"
#include "hsm/settlement.hpp"
#include "util/bytes.hpp"
#include "util/failpoint.hpp"
#include "vault/digests.hpp"

namespace giro::hsm {

namespace {
// The 72 bytes of BIP325: version, previous, Merkle root with the solution cut out, time.
chain::SignetMessage signet_message(const ByteArray<72>& data) {
    Reader in(data);
    chain::SignetMessage message;
    message.version = static_cast<std::int32_t>(in.u32());
    message.previous = in.array<32>();
    message.signet_merkle_root = in.array<32>();
    message.time = in.u32();
    ASSERT(in.done());
    return message;
}
}  // namespace

Verdict<vault::SignCheckpoint::Reply> sign_checkpoint(Vault& vault, Caller caller,
                                                      const vault::SignCheckpoint::Request& request) {
    CheckpointFile& file = vault.checkpoints();
    const vault::Checkpoint& next = request.checkpoint;
    // The switch starts from a state that is signed, so nobody else may have one signed.
    if (caller != Caller::giro_switch && next.state_digest != Hash256{})
        return refuse("a state's digest, which only the switch may have signed");
    const Standing standing = file.standing(next);
    // These happen to honest callers too: the switch and the auditor sign at the same time, or a journal was restored.
    switch (standing) {
        case Standing::behind: return decline("the checkpoint is behind the last one that was signed");
        case Standing::contradicts: return decline("another journal was signed at this sequence number");
        case Standing::too_far: return decline("the checkpoint is too far ahead of the last one that was signed");
        case Standing::same:
            if (file.last()->checkpoint == next) return vault::SignCheckpoint::Reply{file.last()->signature};
            break;
        case Standing::next: break;
    }
    Vault::Present& at = *vault.present();
    const auto signature =
        sign_ecdsa(at.session(), at.keys.checkpoint_p256, Curve::p256, vault::checkpoint_digest(next));
    if (!signature) return token_failed(signature.error());
    if (standing == Standing::same) return vault::SignCheckpoint::Reply{*signature};  // what is stored stays
    GIRO_FAILPOINT("vault.checkpoint.signed");
    // On disk before it is answered: after a crash an older journal cannot be signed any more.
    if (const auto stored = file.store({next, *signature}); !stored)
        return tl::unexpected(VerbFailure{VerbError::try_again, stored.error().what, {}});
    GIRO_FAILPOINT("vault.checkpoint.stored");
    return vault::SignCheckpoint::Reply{*signature};
}

Verdict<vault::LastCheckpoint::Reply> last_checkpoint(Vault& vault, const vault::LastCheckpoint::Request&) {
    return vault::LastCheckpoint::Reply{vault.checkpoints().last()};
}

Verdict<vault::SignTx::Reply> sign_tx(Vault& vault, const vault::SignTx::Request& request) {
    Vault::Present& at = *vault.present();
    const auto tx = check_settlement(request, at.keys);
    if (!tx) return refuse(describe(tx.error()));
    std::vector<std::int64_t> amounts;
    for (const auto& input : request.inputs) amounts.push_back(input.amount);
    const Hash256 digest = vault::approval_digest(request.window, request.tx, amounts);
    const std::size_t officers = count_approvals(vault.config().folder / "officers", request.approvals, digest);
    // An honest giro-settle may ask this: it does not know whom the vault has enrolled.
    if (officers < std::max(vault.config().approvals_required, vault::kApprovalsRequired))
        return decline("too few enrolled officers approved this transaction");
    // One transaction for a window, whatever officers come to approve: a second one would pay its nets twice.
    SettlementFile& file = vault.settlements();
    using Signed = SettlementFile::Standing;
    switch (file.standing(request.window, digest)) {
        case Signed::contradicts: return decline("another transaction was signed for this window");
        case Signed::behind: return decline("a later window was signed already");
        case Signed::same: break;
        case Signed::next:
            // On disk before anything is signed: after a crash no other can be.
            if (const auto stored = file.store(request.window, digest); !stored)
                return tl::unexpected(VerbFailure{VerbError::try_again, stored.error().what, {}});
            break;
    }
    GIRO_FAILPOINT("vault.approvals.good");
    auto reply = sign_settlement(at.session(), at.keys, *tx, request.inputs);
    if (!reply) return token_failed(reply.error());
    GIRO_FAILPOINT("vault.settlement.signed");
    return std::move(*reply);
}

Verdict<vault::SignBlock::Reply> sign_block(Vault& vault, const vault::SignBlock::Request& request) {
    Vault::Present& at = *vault.present();
    const chain::SignetMessage message = signet_message(request.block_data);
    if (message.previous == Hash256{}) return refuse("a block without predecessor");
    const Bytes script = at.keys.block.public_part.witness_script;
    const auto signatures = sign_multisig(at.session(), at.keys.block, chain::signet_sighash(message, script));
    if (!signatures) return token_failed(signatures.error());
    return vault::SignBlock::Reply{chain::signet_solution(*signatures, script)};
}

}  // namespace giro::hsm
