// A wallet's secp256k1 key. Held by `giro wallet` only; the box itself keeps no key of this kind outside its token.
#pragma once

#include <filesystem>
#include <optional>

#include "giro/environment.hpp"
#include "util/secret.hpp"
#include "wallet/order.hpp"

namespace giro::wallet {

class WalletKey {
  public:
    [[nodiscard]] static WalletKey create(Random& random);
    // From a file written by save(): 64 hexadecimal digits and a newline. Refuses a file that others can read (mode other
    // than 0600 or 0400) and a number that is no secret key.
    [[nodiscard]] static Result<WalletKey> load(const std::filesystem::path& path);
    // Writes the file with mode 0600. Refuses to overwrite: an old key may hold money.
    [[nodiscard]] Result<void> save(const std::filesystem::path& path) const;

    [[nodiscard]] const PublicKey& pubkey() const noexcept { return m_pubkey; }
    // Puts this key's public key in and signs. ASSERTs check_order().
    [[nodiscard]] SignedOrder sign(PaymentOrder order) const;
    [[nodiscard]] SignedQuery sign(WalletQuery query) const;

  private:
    WalletKey() = default;
    [[nodiscard]] static std::optional<WalletKey> from_secret(Secret secret);
    Secret m_secret;
    PublicKey m_pubkey{};
};

// hash160 of the compressed key: the program of its P2WPKH address (BIP 141). The chain module writes it as bech32.
[[nodiscard]] Hash160 pubkey_hash(const PublicKey& pubkey);

// One ECDSA check on secp256k1 (SEC 1 4.1.4), strict: compressed key, compact signature, low s.
[[nodiscard]] Expected<void, OrderError> verify_digest(const PublicKey& pubkey, const Hash256& digest,
                                                       const Signature& signature);

}  // namespace giro::wallet
