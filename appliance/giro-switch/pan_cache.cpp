#include "appliance/giro-switch/pan_cache.hpp"

#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::appliance {

entry::SealedPan to_entry(const vault::ProtectedPan& pan, const FixedText<10>& digits) {
    entry::SealedPan sealed;
    sealed.token = pan.token;
    sealed.first6_last4 = digits;
    sealed.sealed.assign(pan.nonce.begin(), pan.nonce.end());
    sealed.sealed.insert(sealed.sealed.end(), pan.cipher.begin(), pan.cipher.end());
    return sealed;
}

std::optional<vault::ProtectedPan> to_vault(const entry::SealedPan& pan) {
    vault::ProtectedPan out;
    if (pan.sealed.size() != out.nonce.size() + out.cipher.size()) return std::nullopt;
    out.token = pan.token;
    std::memcpy(out.nonce.data(), pan.sealed.data(), out.nonce.size());
    std::memcpy(out.cipher.data(), pan.sealed.data() + out.nonce.size(), out.cipher.size());
    return out;
}

PanCache::PanCache(Random& random) {
    random.fill(m_secret);
}

// Two SipHash values under halves of the secret: 128 bits, so that two cards never share an entry.
PanCache::Key PanCache::key_of(const Pan& pan) const {
    Key key;
    ByteArray<16> half;
    for (std::size_t i = 0; i < 2; ++i) {
        std::memcpy(half.data(), m_secret.data() + 16 * i, half.size());
        store_le(key.data() + 8 * i, siphash(half, as_bytes(pan.reveal())));
    }
    return key;
}

std::size_t PanCache::Hash::operator()(const Key& key) const noexcept {
    return load_le<std::uint64_t>(key.data());
}

const entry::SealedPan* PanCache::find(const Key& key) const {
    const auto at = m_cards.find(key);
    return at == m_cards.end() ? nullptr : &at->second;
}

void PanCache::put(const Key& key, entry::SealedPan sealed) {
    if (!m_cards.emplace(key, std::move(sealed)).second) return;
    m_order.push_back(key);
    if (m_order.size() <= kCardsMax) return;
    m_cards.erase(m_order.front());
    m_order.pop_front();
}

}  // namespace giro::appliance
