#include "hsm/payment/key_block.hpp"

#include <botan/block_cipher.h>
#include <botan/mac.h>
#include <fmt/format.h>

#include <algorithm>

#include "hsm/payment/wiped.hpp"
#include "util/bytes.hpp"

namespace giro::hsm {

namespace {
const std::uint8_t* raw(Bytes b) noexcept {
    return reinterpret_cast<const std::uint8_t*>(b.data());
}
std::uint8_t* raw(MutableBytes b) noexcept {
    return reinterpret_cast<std::uint8_t*>(b.data());
}

// What differs between the versions.
struct Version {
    char letter;
    CK_MECHANISM_TYPE cmac;
    std::size_t block;  // bytes of the cipher's block and of the MAC
    std::uint16_t algorithm;
    const char* cipher;
};
Version version_of(const ProtectionKey& kbpk) noexcept {
    if (kbpk.key.cipher == Cipher::tdes) return {'B', CKM_DES3_CMAC, 8, 0x0000, "TripleDES"};
    if (kbpk.bytes == 16) return {'D', CKM_AES_CMAC, 16, 0x0002, "AES-128"};
    return {'D', CKM_AES_CMAC, 16, 0x0004, "AES-256"};
}

constexpr std::uint16_t kForEncryption = 0, kForMac = 1;

Ck<Secret> derive_under(const Session& session, const ProtectionKey& kbpk, std::uint16_t usage) {
    const Version version = version_of(kbpk);
    Secret out(kbpk.bytes);
    for (std::size_t at = 0; at < out.size(); at += version.block) {
        ByteArray<8> data{};
        data[0] = static_cast<std::byte>(at / version.block + 1);
        store_be(data.data() + 1, usage);
        store_be(data.data() + 4, version.algorithm);
        store_be(data.data() + 6, static_cast<std::uint16_t>(kbpk.bytes * 8));
        CK_MECHANISM mechanism{version.cmac, nullptr, 0};
        const Cryptoki& cryptoki = session.cryptoki();
        if (const auto done = cryptoki.C_SignInit(session.handle(), mechanism, kbpk.key.handle); !done)
            return tl::unexpected(done.error());
        const auto size = cryptoki.C_Sign(session.handle(), data, out.writable().subspan(at, version.block));
        if (!size) return tl::unexpected(size.error());
        if (*size != version.block) return ck_error(CKR_DEVICE_ERROR);
    }
    return out;
}

std::unique_ptr<Botan::BlockCipher> cipher_of(const Version& version, const Secret& key) {
    auto cipher = Botan::BlockCipher::create_or_throw(version.cipher);
    cipher->set_key(raw(key.reveal()), key.size());
    return cipher;
}

void cbc_decrypt(const Version& version, const Secret& key, Bytes iv, Bytes in, MutableBytes out) {
    const auto cipher = cipher_of(version, key);
    for (std::size_t at = 0; at < in.size(); at += version.block) {
        cipher->decrypt(raw(in.subspan(at)), raw(out.subspan(at)));
        xor_into(out.subspan(at, version.block), at == 0 ? iv : in.subspan(at - version.block, version.block));
    }
}
void cbc_encrypt(const Version& version, const Secret& key, Bytes iv, MutableBytes data) {
    const auto cipher = cipher_of(version, key);
    for (std::size_t at = 0; at < data.size(); at += version.block) {
        xor_into(data.subspan(at, version.block),
                 at == 0 ? iv : Bytes(data).subspan(at - version.block, version.block));
        cipher->encrypt(raw(data.subspan(at)));
    }
}

ByteArray<16> mac_of(const Version& version, const Secret& key, std::string_view header, Bytes clear) {
    const auto mac = Botan::MessageAuthenticationCode::create_or_throw(fmt::format("CMAC({})", version.cipher));
    mac->set_key(raw(key.reveal()), key.size());
    mac->update(raw(as_bytes(header)), header.size());
    mac->update(raw(clear), clear.size());
    ByteArray<16> out{};
    mac->final(raw(MutableBytes(out)));
    return out;
}

// Upper-case hex alone: a lower-case letter is a changed bit, and the MAC is not over the hex. False says that some
// character was none; the bytes are as many in any case.
bool read_hex(std::string_view text, MutableBytes out) noexcept {
    unsigned bad = text.size() == out.size() * 2 ? 0 : 1;
    for (std::size_t i = 0; i < out.size(); ++i) {
        unsigned byte = 0;
        for (const std::size_t j : {2 * i, 2 * i + 1}) {
            const char c = j < text.size() ? text[j] : '0';
            const bool digit = c >= '0' && c <= '9', letter = c >= 'A' && c <= 'F';
            bad |= digit || letter ? 0U : 1U;
            byte = byte << 4 | (static_cast<unsigned>(letter ? c - 'A' + 10 : c - '0') & 15U);
        }
        out[i] = static_cast<std::byte>(byte);
    }
    return bad == 0;
}

std::string upper_hex(Bytes bytes) {
    std::string text = to_hex(bytes);
    for (char& c : text) c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    return text;
}
}  // namespace

Ck<std::optional<KeyInBlock>> unwrap_key_block(const Session& session, const ProtectionKey& kbpk,
                                               std::string_view block) {
    const Version version = version_of(kbpk);
    const std::size_t mac_chars = 2 * version.block;
    // Too short or too long to be one: public facts, which cost the sender nothing to know.
    if (block.size() > payment::kKeyBlockBytesMax || block.size() < payment::kHeaderBytes + 2 * mac_chars)
        return std::nullopt;
    const auto kbek = derive_under(session, kbpk, kForEncryption);
    if (!kbek) return tl::unexpected(kbek.error());
    const auto kbmk = derive_under(session, kbpk, kForMac);
    if (!kbmk) return tl::unexpected(kbmk.error());

    // A header that does not parse counts as the fixed one alone: the work below is then as much.
    auto header = payment::parse_key_block_header(block);
    std::size_t key_at = header ? header->header_bytes : payment::kHeaderBytes;
    bool good = header.has_value();
    if (block.size() < key_at + 2 * mac_chars) {
        good = false;
        key_at = payment::kHeaderBytes;
    }
    const std::size_t cipher_chars = (block.size() - key_at - mac_chars) / mac_chars * mac_chars;
    good &= key_at + cipher_chars + mac_chars == block.size();
    Buffer cipher(cipher_chars / 2);
    ByteArray<16> mac{};
    good &= read_hex(block.substr(key_at, cipher_chars), cipher);
    good &= read_hex(block.substr(block.size() - mac_chars), MutableBytes(mac).first(version.block));

    Secret clear(cipher.size());
    const Bytes iv = Bytes(mac).first(version.block);
    cbc_decrypt(version, *kbek, iv, cipher, clear.writable());
    const auto expected = mac_of(version, *kbmk, block.substr(0, key_at), clear.reveal());
    good &= equal_constant_time(Bytes(expected).first(version.block), iv);
    if (!good) return std::nullopt;

    // The MAC holds: from here on it is what the sender made.
    const std::size_t bits = load_be<std::uint16_t>(clear.reveal().data());
    if (header->version != version.letter || header->length != block.size() || bits == 0 || bits % 8 != 0 ||
        bits / 8 > clear.size() - 2)
        return std::nullopt;
    KeyInBlock out{std::move(*header), Secret(bits / 8)};
    std::ranges::copy(clear.reveal().subspan(2, bits / 8), out.key.writable().begin());
    return out;
}

Ck<std::string> wrap_key_block(const Session& session, const ProtectionKey& kbpk, payment::KeyBlockHeader header,
                               Bytes key) {
    ASSERT(kbpk.key.cipher == Cipher::aes && !key.empty() && key.size() <= 1024);
    const Version version = version_of(kbpk);
    const auto kbek = derive_under(session, kbpk, kForEncryption);
    if (!kbek) return tl::unexpected(kbek.error());
    const auto kbmk = derive_under(session, kbpk, kForMac);
    if (!kbmk) return tl::unexpected(kbmk.error());

    const std::size_t hidden = std::max<std::size_t>(key.size(), header.algorithm == 'T' ? 24 : 32);
    Secret clear((2 + hidden + version.block - 1) / version.block * version.block);
    const auto random = session.cryptoki().C_GenerateRandom(session.handle(), clear.writable());
    if (!random) return tl::unexpected(random.error());
    store_be(clear.writable().data(), static_cast<std::uint16_t>(key.size() * 8));
    std::ranges::copy(key, clear.writable().begin() + 2);

    std::erase_if(header.optional, [](const auto& block) { return block.id == "PB"; });  // padding of another block
    header.version = version.letter;
    header.length = format_key_block_header(header, version.block).size() + 2 * clear.size() + 2 * version.block;
    const std::string text = format_key_block_header(header, version.block);
    const auto mac = mac_of(version, *kbmk, text, clear.reveal());
    const Bytes iv = Bytes(mac).first(version.block);
    cbc_encrypt(version, *kbek, iv, clear.writable());
    return text + upper_hex(clear.reveal()) + upper_hex(iv);
}

}  // namespace giro::hsm
