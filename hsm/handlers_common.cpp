#include "hsm/certificate.hpp"
#include "hsm/handlers.hpp"
#include "util/environment.hpp"
#include "util/log.hpp"

namespace giro::hsm {

Verdict<vault::VaultStatus::Reply> vault_status(Vault& vault, const vault::VaultStatus::Request&) {
    return vault::VaultStatus::Reply{vault.present() != nullptr};
}

Verdict<vault::PublicKeys::Reply> public_keys(Vault& vault, const vault::PublicKeys::Request&) {
    return vault::PublicKeys::Reply{vault.bundle_json()};
}

Verdict<vault::RandomBytes::Reply> random_bytes(Vault& vault, const vault::RandomBytes::Request& request) {
    if (request.count == 0 || request.count > vault::kRandomBytesMax)
        return refuse("a count of random bytes out of range");
    const Session& session = vault.present()->session();
    vault::RandomBytes::Reply reply{Buffer(request.count)};
    const auto done = session.cryptoki().C_GenerateRandom(session.handle(), reply.bytes);
    if (!done) return token_failed(done.error());
    return reply;
}

Verdict<vault::IssueCertificate::Reply> issue_certificate(Vault& vault,
                                                          const vault::IssueCertificate::Request& request) {
    Vault::Present& at = *vault.present();
    ByteArray<16> serial;
    SystemRandom{}.fill(serial);
    const std::uint64_t now_s = SystemClock{}.wall_ns() / 1'000'000'000;
    auto der = issue_certificate(at.session(), at.keys, request.role, request.name, request.spki, now_s, serial);
    if (!der) {
        switch (der.error().error) {
            case CertificateError::bad_name: return refuse("a certificate for a name with forbidden characters");
            case CertificateError::bad_key: return refuse("a certificate for a key of no kind we certify");
            case CertificateError::token_failed: return token_failed(der.error().token);
        }
    }
    log::info("issued a certificate for {}", request.name);
    return vault::IssueCertificate::Reply{std::move(*der)};
}

Verdict<vault::InjectTerminalKey::Reply> inject_terminal_key(Vault& vault,
                                                             const vault::InjectTerminalKey::Request& request) {
    if (request.terminal.empty()) return refuse("a master key for no terminal");
    Vault::Present& at = *vault.present();
    const auto kcv = at.terminal_keys.kcv(request.terminal, vault::Nonce{});
    if (!kcv) return token_failed(kcv.error());
    auto tmk = at.terminal_keys.master_key_in_clear(request.terminal);
    if (!tmk) return token_failed(tmk.error());
    log::info("gave out the master key of terminal {}", request.terminal.view());
    return vault::InjectTerminalKey::Reply{std::move(*tmk), *kcv};
}

}  // namespace giro::hsm
