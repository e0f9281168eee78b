// The verbs' handlers, one function each, called by the table in verbs.cpp with a request that decoded. Where the table
// says needs_token, the token was present when the handler was entered.
#pragma once

#include "hsm/verbs.hpp"
#include "vault/payment_wire.hpp"

namespace giro::hsm {

[[nodiscard]] inline tl::unexpected<VerbFailure> refuse(std::string_view why) {
    return tl::unexpected(VerbFailure{VerbError::meaning, std::string(why), {}});
}
[[nodiscard]] inline tl::unexpected<VerbFailure> decline(std::string_view why) {
    return tl::unexpected(VerbFailure{VerbError::declined, std::string(why), {}});
}
[[nodiscard]] inline tl::unexpected<VerbFailure> token_failed(const CkError& error) {
    return tl::unexpected(VerbFailure{VerbError::token, error.name(), error});
}

// The reply, once the counters that it rests on are durable. The disk is full: try_again, and the counters as they were.
template <typename Reply>
[[nodiscard]] Verdict<Reply> committed(Vault& vault, Reply reply) {
    if (const auto done = vault.counters().commit(); !done)
        return tl::unexpected(VerbFailure{VerbError::try_again, done.error().what, {}});
    return reply;
}

// handlers_payment.cpp: for the switch and the gate
[[nodiscard]] Verdict<vault::MacVerify::Reply> mac_verify(Vault&, const vault::MacVerify::Request&);
[[nodiscard]] Verdict<vault::MacGenerate::Reply> mac_generate(Vault&, const vault::MacGenerate::Request&);
[[nodiscard]] Verdict<vault::NewSessionKey::Reply> new_session_key(Vault&, const vault::NewSessionKey::Request&);
[[nodiscard]] Verdict<vault::ProtectPan::Reply> protect_pan(Vault&, const vault::ProtectPan::Request&);
[[nodiscard]] Verdict<vault::RevealPan::Reply> reveal_pan(Vault&, const vault::RevealPan::Request&);
[[nodiscard]] Verdict<vault::TlsSign::Reply> tls_sign(Vault&, const vault::TlsSign::Request&);

// handlers_dukpt.cpp: for the switch
[[nodiscard]] Verdict<vault::DukptVerify::Reply> dukpt_verify(Vault&, const vault::DukptVerify::Request&);
[[nodiscard]] Verdict<vault::DukptMac::Reply> dukpt_mac(Vault&, const vault::DukptMac::Request&);

// handlers_card.cpp: for the switch; pin_unlock for the operator
[[nodiscard]] Verdict<vault::PinTranslate::Reply> pin_translate(Vault&, const vault::PinTranslate::Request&);
[[nodiscard]] Verdict<vault::PinVerify::Reply> pin_verify(Vault&, const vault::PinVerify::Request&);
[[nodiscard]] Verdict<vault::CvvVerify::Reply> cvv_verify(Vault&, const vault::CvvVerify::Request&);
[[nodiscard]] Verdict<vault::PinUnlock::Reply> pin_unlock(Vault&, const vault::PinUnlock::Request&);

// handlers_chip.cpp: for the switch
[[nodiscard]] Verdict<vault::ArqcVerify::Reply> arqc_verify(Vault&, const vault::ArqcVerify::Request&);

// handlers_keys.cpp: for the operator
[[nodiscard]] Verdict<vault::KeyList::Reply> key_list(Vault&, const vault::KeyList::Request&);
[[nodiscard]] Verdict<vault::KeyImport::Reply> key_import(Vault&, const vault::KeyImport::Request&);
[[nodiscard]] Verdict<vault::KeyExport::Reply> key_export(Vault&, const vault::KeyExport::Request&);
[[nodiscard]] Verdict<vault::KeyRotate::Reply> key_rotate(Vault&, const vault::KeyRotate::Request&);
[[nodiscard]] Verdict<vault::KeyComponent::Reply> key_component(Vault&, const vault::KeyComponent::Request&);

// handlers_chain.cpp: for the auditor, settlement and block production
[[nodiscard]] Verdict<vault::SignCheckpoint::Reply> sign_checkpoint(Vault&, Caller, const vault::SignCheckpoint::Request&);
[[nodiscard]] Verdict<vault::LastCheckpoint::Reply> last_checkpoint(Vault&, const vault::LastCheckpoint::Request&);
[[nodiscard]] Verdict<vault::SignTx::Reply> sign_tx(Vault&, const vault::SignTx::Request&);
[[nodiscard]] Verdict<vault::SignBlock::Reply> sign_block(Vault&, const vault::SignBlock::Request&);

// handlers_common.cpp: for everyone, and for provisioning
[[nodiscard]] Verdict<vault::VaultStatus::Reply> vault_status(Vault&, const vault::VaultStatus::Request&);
[[nodiscard]] Verdict<vault::RandomBytes::Reply> random_bytes(Vault&, const vault::RandomBytes::Request&);
[[nodiscard]] Verdict<vault::PublicKeys::Reply> public_keys(Vault&, const vault::PublicKeys::Request&);
[[nodiscard]] Verdict<vault::IssueCertificate::Reply> issue_certificate(Vault&,
                                                                        const vault::IssueCertificate::Request&);
[[nodiscard]] Verdict<vault::InjectTerminalKey::Reply> inject_terminal_key(Vault&,
                                                                           const vault::InjectTerminalKey::Request&);

}  // namespace giro::hsm
