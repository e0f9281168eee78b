#include "hsm/terminal_keys.hpp"

#include <algorithm>

#include "util/bytes.hpp"
#include "vault/terminal_keys.hpp"

namespace giro::hsm {

namespace {
ByteArray<32> tmk_data(const TerminalId& terminal) {
    Buffer data;
    Writer w(data);
    for (std::uint8_t counter = 1; counter <= 2; ++counter) {
        w.text(terminal);
        w.bytes(as_bytes("GIROTMK"));
        w.u8(counter);
    }
    ByteArray<32> out;
    ASSERT(data.size() == out.size());
    std::ranges::copy(data, out.begin());
    return out;
}
}  // namespace

std::size_t TerminalKeys::IdHash::operator()(const Id& id) const noexcept {
    // The nonces are ours (random) and the terminals known to the switch: no need of a keyed hash.
    const auto nonce = load_le<std::uint64_t>(id.nonce.data());
    return std::hash<std::string_view>{}({id.terminal.chars.data(), id.terminal.chars.size()}) ^
           static_cast<std::size_t>(nonce);
}

Ck<Object> TerminalKeys::terminal_key(const TerminalId& terminal) const {
    return derive_key(m_session, m_master, tmk_data(terminal), KeyUse::derive);
}

Ck<TerminalKeys::Entry> TerminalKeys::derive_entry(const Id& id) const {
    if (const auto* mac = std::get_if<vault::MacKind>(&id.kind)) return derive_mac_key(id, *mac);
    auto key = derive_pin_key(id, std::get<vault::PinKeyKind>(id.kind), {.decrypt = true});
    if (!key) return tl::unexpected(key.error());
    return Entry{id, std::move(*key), Object(m_session, CK_INVALID_HANDLE)};
}

Ck<Object> TerminalKeys::derive_pin_key(const Id& id, vault::PinKeyKind kind, Uses uses) const {
    const auto tmk = terminal_key(id.terminal);
    if (!tmk) return tl::unexpected(tmk.error());
    const auto master = derive_secret(m_session, {tmk->handle(), Cipher::aes}, vault::pin_master_data(), Cipher::aes, {.derive = true});
    if (!master) return tl::unexpected(master.error());
    const KeyRef from{master->handle(), Cipher::aes};
    if (kind == vault::PinKeyKind::aes) return derive_secret(m_session, from, vault::session_key_data(id.nonce), Cipher::aes, uses);
    return derive_secret(m_session, from, vault::tdes_key_data(id.nonce), Cipher::tdes, uses);
}

Ck<TerminalKeys::Entry> TerminalKeys::derive_mac_key(const Id& id, vault::MacKind kind) const {
    const auto tmk = terminal_key(id.terminal);
    if (!tmk) return tl::unexpected(tmk.error());
    const KeyRef base{tmk->handle(), Cipher::aes};
    const auto entry = [&](Ck<Object> key) -> Ck<Entry> {
        if (!key) return tl::unexpected(key.error());
        return Entry{id, std::move(*key), Object(m_session, CK_INVALID_HANDLE)};
    };
    switch (kind) {
        case vault::MacKind::aes_cmac:
            return entry(derive_secret(m_session, base, vault::session_key_data(id.nonce), Cipher::aes, {.sign = true}));
        case vault::MacKind::hmac_sha256:
            return entry(derive_secret(m_session, base, vault::hmac_key_data(id.nonce), Cipher::hmac, {.sign = true}));
        case vault::MacKind::x9_19: break;
    }
    const auto d = derive_secret(m_session, base, vault::tdes_key_data(id.nonce), Cipher::tdes, {.derive = true});
    if (!d) return tl::unexpected(d.error());
    const KeyRef from{d->handle(), Cipher::tdes};
    auto out = entry(derive_secret(m_session, from, vault::kTdesHalves, Cipher::tdes, {.encrypt = true}));
    if (!out) return out;
    auto left = derive_secret(m_session, from, vault::kTdesLeftTwice, Cipher::tdes, {.encrypt = true});
    if (!left) return tl::unexpected(left.error());
    out->left = std::move(*left);
    return out;
}

Ck<const TerminalKeys::Entry*> TerminalKeys::find(const Id& id) {
    if (const auto found = m_by_id.find(id); found != m_by_id.end()) {
        m_by_use.splice(m_by_use.begin(), m_by_use, found->second);
        return &*found->second;
    }
    auto entry = derive_entry(id);
    if (!entry) return tl::unexpected(entry.error());
    if (m_by_use.size() >= m_keys_max) {
        m_by_id.erase(m_by_use.back().id);
        m_by_use.pop_back();  // C_DestroyObject
    }
    m_by_use.push_front(std::move(*entry));
    m_by_id.emplace(id, m_by_use.begin());
    return &m_by_use.front();
}

Ck<vault::Mac8> TerminalKeys::mac(const TerminalId& terminal, const vault::Nonce& nonce, Bytes data,
                                  vault::MacKind kind) {
    const auto key = find({terminal, nonce, kind});
    if (!key) return tl::unexpected(key.error());
    return mac8(m_session, (*key)->mac_key(), data);
}

Ck<vault::Kcv> TerminalKeys::kcv(const TerminalId& terminal, const vault::Nonce& nonce, vault::MacKind kind) {
    const auto key = find({terminal, nonce, kind});
    if (!key) return tl::unexpected(key.error());
    return check_value(m_session, {(*key)->key.handle(), cipher_of(kind)});
}

Ck<KeyRef> TerminalKeys::pin_key(const TerminalId& terminal, const vault::Nonce& nonce, vault::PinKeyKind kind) {
    ASSERT(nonce != vault::Nonce{});
    const auto key = find({terminal, nonce, kind});
    if (!key) return tl::unexpected(key.error());
    return KeyRef{(*key)->key.handle(), kind == vault::PinKeyKind::aes ? Cipher::aes : Cipher::tdes};
}

// One that may encipher is needed for it (CMAC: that may sign), and lives no longer than this.
Ck<vault::Kcv> TerminalKeys::pin_kcv(const TerminalId& terminal, const vault::Nonce& nonce, vault::PinKeyKind kind) const {
    const bool aes = kind == vault::PinKeyKind::aes;
    const auto key = derive_pin_key({terminal, nonce, kind}, kind, {.sign = aes, .encrypt = !aes});
    if (!key) return tl::unexpected(key.error());
    return check_value(m_session, {key->handle(), aes ? Cipher::aes : Cipher::tdes});
}

Ck<Secret> TerminalKeys::master_key_in_clear(const TerminalId& terminal) const {
    return derive_key_in_clear(m_session, m_master, tmk_data(terminal));
}

}  // namespace giro::hsm
