#include "vault_signer.hpp"

namespace giro::gate {

Result<Buffer> VaultSigner::sign_digest(Bytes digest32) {
    Hash256 digest;
    ASSERT(digest32.size() == digest.size());
    std::memcpy(digest.data(), digest32.data(), digest.size());
    if (m_clock.monotonic_ns() / 1'000'000 < m_rest_until_ms)
        return fail(Failure::Kind::try_again, "the vault did not answer a moment ago");
    auto signature = ask(digest);
    if (signature) return signature;
    m_vault.reset();  // a new connection next time: this one may have been closed by the vault
    m_rest_until_ms = m_clock.monotonic_ns() / 1'000'000 + kVaultRest_ms;
    m_events.note(Event::signature_missing, signature.error().what);
    return signature;
}

Result<Buffer> VaultSigner::ask(const Hash256& digest) {
    if (!m_vault) {
        auto connected = vault::SyncClient::connect(m_run_dir, bus::caller::kGate);
        if (!connected) return tl::unexpected(connected.error());
        m_vault.emplace(std::move(*connected));
    }
    auto reply = m_vault->call<vault::TlsSign>({digest}, kSignTimeout_ms);
    if (!reply) return tl::unexpected(reply.error());
    return std::move(reply->der);
}

}  // namespace giro::gate
