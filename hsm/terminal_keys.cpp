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

template <std::size_t N>
ByteArray<N> leftmost(const Cmac& full) noexcept {
    ByteArray<N> out;
    std::copy_n(full.begin(), N, out.begin());
    return out;
}
}  // namespace

std::size_t TerminalKeys::IdHash::operator()(const Id& id) const noexcept {
    // The nonces are ours (random) and the terminals known to the switch: no need of a keyed hash.
    const auto nonce = load_le<std::uint64_t>(id.nonce.data());
    return std::hash<std::string_view>{}({id.terminal.chars.data(), id.terminal.chars.size()}) ^
           static_cast<std::size_t>(nonce);
}

Ck<CK_OBJECT_HANDLE> TerminalKeys::session_key(const Id& id) {
    if (const auto found = m_by_id.find(id); found != m_by_id.end()) {
        m_by_use.splice(m_by_use.begin(), m_by_use, found->second);
        return found->second->key.handle();
    }
    auto tmk = derive_key(m_session, m_master, tmk_data(id.terminal), KeyUse::derive);
    if (!tmk) return tl::unexpected(tmk.error());
    auto key = derive_key(m_session, tmk->handle(), vault::session_key_data(id.nonce), KeyUse::sign);
    if (!key) return tl::unexpected(key.error());
    if (m_by_use.size() >= m_keys_max) {
        m_by_id.erase(m_by_use.back().id);
        m_by_use.pop_back();  // C_DestroyObject
    }
    m_by_use.push_front({id, std::move(*key)});
    m_by_id.emplace(id, m_by_use.begin());
    return m_by_use.front().key.handle();
}

Ck<vault::Mac8> TerminalKeys::mac(const TerminalId& terminal, const vault::Nonce& nonce, Bytes data) {
    const auto key = session_key({terminal, nonce});
    if (!key) return tl::unexpected(key.error());
    const auto full = cmac(m_session, *key, data);
    if (!full) return tl::unexpected(full.error());
    return leftmost<8>(*full);
}

Ck<vault::Kcv> TerminalKeys::kcv(const TerminalId& terminal, const vault::Nonce& nonce) {
    const auto key = session_key({terminal, nonce});
    if (!key) return tl::unexpected(key.error());
    const auto full = cmac(m_session, *key, ByteArray<16>{});
    if (!full) return tl::unexpected(full.error());
    return leftmost<3>(*full);
}

Ck<Secret> TerminalKeys::master_key_in_clear(const TerminalId& terminal) const {
    return derive_key_in_clear(m_session, m_master, tmk_data(terminal));
}

}  // namespace giro::hsm
