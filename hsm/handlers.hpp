// The verbs' handlers, one function each, called by the table in verbs.cpp with a request that decoded. Where the table
// says needs_token, the token was present when the handler was entered.
#pragma once

#include "hsm/verbs.hpp"

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

// handlers_payment.cpp: for the switch and the gate
[[nodiscard]] Verdict<vault::MacVerify::Reply> mac_verify(Vault&, const vault::MacVerify::Request&);
[[nodiscard]] Verdict<vault::MacGenerate::Reply> mac_generate(Vault&, const vault::MacGenerate::Request&);
[[nodiscard]] Verdict<vault::NewSessionKey::Reply> new_session_key(Vault&, const vault::NewSessionKey::Request&);
[[nodiscard]] Verdict<vault::ProtectPan::Reply> protect_pan(Vault&, const vault::ProtectPan::Request&);
[[nodiscard]] Verdict<vault::RevealPan::Reply> reveal_pan(Vault&, const vault::RevealPan::Request&);
[[nodiscard]] Verdict<vault::TlsSign::Reply> tls_sign(Vault&, const vault::TlsSign::Request&);

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
