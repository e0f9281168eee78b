#include "vault/terminal_keys.hpp"

#include <botan/block_cipher.h>
#include <botan/mac.h>

#include <algorithm>
#include <span>

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

ByteArray<32> hmac_key_data(const Nonce& nonce) noexcept {
    const auto other = session_key_data(nonce);
    ByteArray<32> data;
    std::rotate_copy(other.begin(), other.begin() + 16, other.end(), data.begin());
    return data;
}

ByteArray<16> tdes_key_data(const Nonce& nonce) noexcept {
    ByteArray<16> data;
    std::ranges::transform(nonce, data.begin(), [](std::byte b) { return b ^ std::byte{0x55}; });
    return data;
}

Secret derive_session_key(const Secret& tmk, const Nonce& nonce, MacKind kind) {
    if (kind == MacKind::aes_cmac) return derive_session_key(tmk, nonce);
    ASSERT(tmk.size() == kTerminalKeyBytes);
    const auto aes = Botan::BlockCipher::create_or_throw("AES-256");
    aes->set_key(raw(tmk.reveal()), tmk.size());
    const auto encrypt = [](const Botan::BlockCipher& cipher, Bytes data) {
        Secret out(data.size());
        cipher.encrypt_n(raw(data), reinterpret_cast<std::uint8_t*>(out.writable().data()), data.size() / cipher.block_size());
        return out;
    };
    if (kind == MacKind::hmac_sha256) return encrypt(*aes, hmac_key_data(nonce));
    const Secret d = encrypt(*aes, tdes_key_data(nonce));
    const auto tdes = Botan::BlockCipher::create_or_throw("TripleDES");
    tdes->set_key(raw(d.reveal()), d.size());
    return encrypt(*tdes, kTdesHalves);
}

ByteArray<32> pin_master_data() noexcept {
    ByteArray<32> data;
    std::ranges::copy(as_bytes("GIRO-PIN-KEYS-01GIRO-PIN-KEYS-02"), data.begin());
    return data;
}

Secret derive_pin_key(const Secret& tmk, const Nonce& nonce, PinKeyKind kind) {
    ASSERT(tmk.size() == kTerminalKeyBytes);
    const auto aes = Botan::BlockCipher::create_or_throw("AES-256");
    const auto encrypt = [&](const Secret& key, Bytes data) {
        aes->set_key(raw(key.reveal()), key.size());
        Secret out(data.size());
        aes->encrypt_n(raw(data), reinterpret_cast<std::uint8_t*>(out.writable().data()), data.size() / aes->block_size());
        return out;
    };
    const Secret master = encrypt(tmk, pin_master_data());
    return kind == PinKeyKind::aes ? encrypt(master, session_key_data(nonce)) : encrypt(master, tdes_key_data(nonce));
}

Kcv pin_kcv(const Secret& key, PinKeyKind kind) {
    return kind == PinKeyKind::aes ? kcv(key) : kcv(key, MacKind::x9_19);
}

Mac8 mac8(const Secret& key, Bytes data, MacKind kind) {
    if (kind == MacKind::aes_cmac) return mac8(key, data);
    const auto mac = Botan::MessageAuthenticationCode::create_or_throw(kind == MacKind::x9_19 ? "X9.19-MAC" : "HMAC(SHA-256)");
    mac->set_key(raw(key.reveal()), key.size());
    mac->update(raw(data), data.size());
    const auto full = mac->final();
    Mac8 out;
    std::copy_n(std::as_bytes(std::span(full)).begin(), out.size(), out.begin());
    return out;
}

Kcv kcv(const Secret& key, MacKind kind) {
    if (kind == MacKind::aes_cmac) return kcv(key);
    ByteArray<8> first{};
    if (kind == MacKind::x9_19) {
        const auto tdes = Botan::BlockCipher::create_or_throw("TripleDES");
        tdes->set_key(raw(key.reveal()), key.size());
        tdes->encrypt(reinterpret_cast<std::uint8_t*>(first.data()));
    } else {
        first = mac8(key, {}, kind);
    }
    return {first[0], first[1], first[2]};
}

}  // namespace giro::vault
