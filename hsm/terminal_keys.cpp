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

Ck<TerminalKeys::Entry> TerminalKeys::derive_entry(const Id& id) const {
    auto tmk = derive_key(m_session, m_master, tmk_data(id.terminal), KeyUse::derive);
    if (!tmk) return tl::unexpected(tmk.error());
    const KeyRef base{tmk->handle(), Cipher::aes};
    const auto entry = [&](Ck<Object> key) -> Ck<Entry> {
        if (!key) return tl::unexpected(key.error());
        return Entry{id, std::move(*key), Object(m_session, CK_INVALID_HANDLE)};
    };
    switch (id.kind) {
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

Ck<MacKey> TerminalKeys::session_key(const Id& id) {
    if (const auto found = m_by_id.find(id); found != m_by_id.end()) {
        m_by_use.splice(m_by_use.begin(), m_by_use, found->second);
        return found->second->mac_key();
    }
    auto entry = derive_entry(id);
    if (!entry) return tl::unexpected(entry.error());
    if (m_by_use.size() >= m_keys_max) {
        m_by_id.erase(m_by_use.back().id);
        m_by_use.pop_back();  // C_DestroyObject
    }
    m_by_use.push_front(std::move(*entry));
    m_by_id.emplace(id, m_by_use.begin());
    return m_by_use.front().mac_key();
}

Ck<vault::Mac8> TerminalKeys::mac(const TerminalId& terminal, const vault::Nonce& nonce, Bytes data,
                                  vault::MacKind kind) {
    const auto key = session_key({terminal, nonce, kind});
    if (!key) return tl::unexpected(key.error());
    return mac8(m_session, *key, data);
}

Ck<vault::Kcv> TerminalKeys::kcv(const TerminalId& terminal, const vault::Nonce& nonce, vault::MacKind kind) {
    const auto key = session_key({terminal, nonce, kind});
    if (!key) return tl::unexpected(key.error());
    return check_value(m_session, {key->whole, cipher_of(kind)});
}

Ck<Secret> TerminalKeys::master_key_in_clear(const TerminalId& terminal) const {
    return derive_key_in_clear(m_session, m_master, tmk_data(terminal));
}

}  // namespace giro::hsm
