// A MAC key with its schedule kept: a MAC of any kind in software, as a terminal or an issuer's host does it. Used by the
// simulators alone (giro pos, giro host); inside the box every MAC is made in the token.
// Same result as vault::mac8, without setting the key up for each message.
#pragma once

#include <filesystem>
#include <memory>

#include "giro/result.hpp"
#include "util/secret.hpp"
#include "vault/terminal_keys.hpp"

namespace Botan {
class MessageAuthenticationCode;
}

namespace giro::pos {

class MacKey {
  public:
    // The key that a terminal derives from its master key for `nonce`; all zero: its base key.
    MacKey(const Secret& tmk, const vault::Nonce& nonce, vault::MacKind kind = vault::MacKind::aes_cmac);
    MacKey(MacKey&&) noexcept;
    MacKey& operator=(MacKey&&) noexcept;
    ~MacKey();
    [[nodiscard]] vault::Mac8 mac(Bytes data);
    [[nodiscard]] bool verify(Bytes data, Bytes mac);  // false also for a MAC that is not 8 bytes
    [[nodiscard]] vault::Kcv kcv() const noexcept { return m_kcv; }

  private:
    std::unique_ptr<Botan::MessageAuthenticationCode> m_mac;
    vault::Kcv m_kcv;
};

// A terminal master key from a file of 64 hexadecimal digits (demo/terminals/<id>.tmk).
[[nodiscard]] Result<Secret> load_terminal_key(const std::filesystem::path& file);

}  // namespace giro::pos
