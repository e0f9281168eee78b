// A customer's wallet on disk, as the phone would hold it: demo/wallets/<name>.key (secp256k1, 0600) and <name>.json with
// the counter of its orders. Used by `giro wallet` and by terminals that play a customer too.
//
// The counter must only grow, or the switch refuses the order (94). It is written, and synced, before it is used; a new
// one is never below the time in milliseconds, so that a lost counter file locks nobody out.
#pragma once

#include <filesystem>
#include <string>

#include "config/config.hpp"
#include "giro/environment.hpp"
#include "wallet/key.hpp"

namespace giro::customer {

inline constexpr std::uint64_t kOrderValidS = 300;  // how long a code on a phone's screen may be scanned

class WalletFile {
  public:
    // Names: 1 to 32 of [a-z0-9-]. create() refuses one that exists.
    [[nodiscard]] static Result<WalletFile> create(const config::Paths& paths, const std::string& name, Random& random);
    [[nodiscard]] static Result<WalletFile> open(const config::Paths& paths, const std::string& name);

    [[nodiscard]] const wallet::WalletKey& key() const noexcept { return m_key; }
    [[nodiscard]] std::string address() const;  // P2WPKH, bech32
    [[nodiscard]] const std::filesystem::path& key_file() const noexcept { return m_key_file; }

    // How many counters to take from the file at a time. More than 1 spares a load generator the disk.
    void set_counters_at_a_time(std::uint64_t count) noexcept { m_at_a_time = count; }
    // Fills in payer, counter and expiry, and signs; an all-zero order_id is drawn.
    [[nodiscard]] Result<wallet::SignedOrder> sign(wallet::PaymentOrder order, const Clock& clock, Random& random);
    // A consumer-presented QR payload for a purchase at `merchant`.
    [[nodiscard]] Result<std::string> present(const MerchantId& merchant, Amount amount, const Clock& clock, Random& random);

  private:
    WalletFile(wallet::WalletKey key, std::filesystem::path key_file)
        : m_key(std::move(key)), m_key_file(std::move(key_file)) {}
    [[nodiscard]] Result<std::uint64_t> take_counter(const Clock& clock);

    wallet::WalletKey m_key;
    std::filesystem::path m_key_file;
    std::uint64_t m_at_a_time = 1;
    std::uint64_t m_next = 0;
    std::uint64_t m_end = 0;  // counters [m_next, m_end) are ours
};

}  // namespace giro::customer
