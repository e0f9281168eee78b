// A MAC key with its schedule kept: a MAC of any kind in software, as a terminal or an issuer's host does it. Used by the
// simulators alone (giro pos, giro host); inside the box every MAC is made in the token.
// Same result as vault::mac8, without setting the key up for each message.
#pragma once

#include <filesystem>
#include <memory>

#include "giro/result.hpp"
#include "payment/ksn.hpp"
#include "util/secret.hpp"
#include "vault/terminal_keys.hpp"

namespace Botan {
class MessageAuthenticationCode;
}

namespace giro::pos {

class MacKey {
  public:
    MacKey();  // none: to be assigned to before it is used
    // The keys of one KSN: `ours` for what the terminal sends, `theirs` for the answers to it.
    MacKey(const payment::Ksn& ksn, const Secret& ours, const Secret& theirs, vault::MacKind kind = vault::MacKind::aes_cmac);
    // The key that a terminal derives from its master key for `nonce`; all zero: its base key.
    MacKey(const Secret& tmk, const vault::Nonce& nonce, vault::MacKind kind = vault::MacKind::aes_cmac);
    MacKey(MacKey&&) noexcept;
    MacKey& operator=(MacKey&&) noexcept;
    ~MacKey();
    [[nodiscard]] vault::Mac8 mac(Bytes data);
    [[nodiscard]] bool verify(Bytes data, Bytes mac);  // false also for a MAC that is not 8 bytes
    [[nodiscard]] vault::Kcv kcv() const noexcept { return m_kcv; }
    // Messages under a DUKPT key carry its KSN; empty for every other key.
    [[nodiscard]] const payment::Ksn& ksn() const noexcept { return m_ksn; }

  private:
    std::unique_ptr<Botan::MessageAuthenticationCode> m_mac, m_theirs;  // m_theirs: DUKPT alone
    vault::Kcv m_kcv{};
    payment::Ksn m_ksn;
};

// A terminal master key from a file of 64 hexadecimal digits (demo/terminals/<id>.tmk).
[[nodiscard]] Result<Secret> load_terminal_key(const std::filesystem::path& file);

}  // namespace giro::pos
