// Sealed card numbers by card, so that a card seen again costs the token nothing. The key is a keyed hash of the digits
// under a secret of this process, so the cache holds no clear PAN; bounded, oldest out first.
#pragma once

#include <deque>
#include <unordered_map>

#include "entry/entry.hpp"
#include "giro/environment.hpp"
#include "vault/wire.hpp"

namespace giro::appliance {

// A sealed PAN as the journal keeps it (nonce and ciphertext in one; `digits`: stored_digits()) and as the vault speaks of it.
[[nodiscard]] entry::SealedPan to_entry(const vault::ProtectedPan& pan, const FixedText<10>& digits);
// Nothing when the sealed bytes have another size.
[[nodiscard]] std::optional<vault::ProtectedPan> to_vault(const entry::SealedPan& pan);

class PanCache {
  public:
    static constexpr std::size_t kCardsMax = 65'536;
    using Key = ByteArray<16>;

    explicit PanCache(Random& random);
    [[nodiscard]] Key key_of(const Pan& pan) const;
    [[nodiscard]] const entry::SealedPan* find(const Key& key) const;
    void put(const Key& key, entry::SealedPan sealed);

  private:
    struct Hash {
        std::size_t operator()(const Key& key) const noexcept;
    };
    ByteArray<32> m_secret{};  // never leaves this object; wiped with the process
    std::unordered_map<Key, entry::SealedPan, Hash> m_cards;
    std::deque<Key> m_order;
};

}  // namespace giro::appliance
