#include "vault/terminal_keys.hpp"

#include <botan/block_cipher.h>
#include <botan/mac.h>

#include <algorithm>

#include "giro/result.hpp"

namespace giro::vault {

namespace {
const std::uint8_t* raw(Bytes b) noexcept { return reinterpret_cast<const std::uint8_t*>(b.data()); }

ByteArray<16> cmac(const Secret& key, Bytes data) {
    ASSERT(key.size() == 16 || key.size() == 32);
    const auto mac =
        Botan::MessageAuthenticationCode::create_or_throw(key.size() == 16 ? "CMAC(AES-128)" : "CMAC(AES-256)");
    mac->set_key(raw(key.reveal()), key.size());
    mac->update(raw(data), data.size());
    ByteArray<16> out;
    mac->final(reinterpret_cast<std::uint8_t*>(out.data()));
    return out;
}
}  // namespace

ByteArray<32> session_key_data(const Nonce& nonce) noexcept {
    ByteArray<32> data;
    std::ranges::copy(nonce, data.begin());
    std::ranges::transform(nonce, data.begin() + 16, [](std::byte b) { return ~b; });
    return data;
}

Secret derive_session_key(const Secret& tmk, const Nonce& nonce) {
    ASSERT(tmk.size() == kTerminalKeyBytes);
    const auto cipher = Botan::BlockCipher::create_or_throw("AES-256");
    cipher->set_key(raw(tmk.reveal()), tmk.size());
    const auto data = session_key_data(nonce);
    Secret key(data.size());
    cipher->encrypt_n(raw(data), reinterpret_cast<std::uint8_t*>(key.writable().data()), data.size() / 16);
    return key;
}

Mac8 mac8(const Secret& key, Bytes data) {
    const auto full = cmac(key, data);
    Mac8 out;
    std::copy_n(full.begin(), out.size(), out.begin());
    return out;
}

Kcv kcv(const Secret& key) {
    const auto full = cmac(key, ByteArray<16>{});
    Kcv out;
    std::copy_n(full.begin(), out.size(), out.begin());
    return out;
}

}  // namespace giro::vault
