// The server's TLS signature from the vault (verb tls_sign), asked for from within a handshake. The gate's loop stands
// still meanwhile (about 0.3 ms), so a vault that does not answer is left alone for a while.
#pragma once

#include <filesystem>
#include <optional>

#include "event_log.hpp"
#include "net/tls.hpp"
#include "vault/client.hpp"

namespace giro::gate {

inline constexpr std::uint64_t kSignTimeout_ms = 250;
inline constexpr std::uint64_t kVaultRest_ms = 2'000;  // after a failure no handshake asks for this long

class VaultSigner final : public net::Signer {
  public:
    VaultSigner(std::filesystem::path run_dir, const Clock& clock, EventLog& events)
        : m_run_dir(std::move(run_dir)), m_clock(clock), m_events(events) {}
    [[nodiscard]] Result<Buffer> sign_digest(Bytes digest32) override;

  private:
    [[nodiscard]] Result<Buffer> ask(const Hash256& digest);
    std::filesystem::path m_run_dir;
    const Clock& m_clock;
    EventLog& m_events;
    std::optional<vault::SyncClient> m_vault;
    std::uint64_t m_rest_until_ms = 0;
};

}  // namespace giro::gate
