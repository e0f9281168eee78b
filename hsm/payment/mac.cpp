#include "hsm/payment/mac.hpp"

#include <algorithm>

namespace giro::hsm {

namespace {
constexpr std::size_t kDesBlock = 8;

Buffer padded(Bytes data, MacPadding padding) {
    Buffer out(data.begin(), data.end());
    if (padding == MacPadding::bit) out.push_back(std::byte{0x80});
    if (out.empty()) out.resize(kDesBlock);
    out.resize((out.size() + kDesBlock - 1) / kDesBlock * kDesBlock);
    return out;
}

Ck<std::size_t> sign(const Session& session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, Bytes data,
                     MutableBytes out) {
    CK_MECHANISM mechanism{type, nullptr, 0};
    const Cryptoki& cryptoki = session.cryptoki();
    if (const auto done = cryptoki.C_SignInit(session.handle(), mechanism, key); !done)
        return tl::unexpected(done.error());
    return cryptoki.C_Sign(session.handle(), data, out);
}
}  // namespace

std::string_view name(MacKind kind) noexcept {
    switch (kind) {
        case MacKind::aes_cmac:
            return "aes-cmac";
        case MacKind::x9_19:
            return "x9.19";
        case MacKind::hmac_sha256:
            return "hmac-sha-256";
    }
    return "?";
}

Cipher cipher_of(MacKind kind) noexcept {
    if (kind == MacKind::x9_19) return Cipher::tdes;
    return kind == MacKind::hmac_sha256 ? Cipher::hmac : Cipher::aes;
}

Ck<ByteArray<8>> retail_mac(const Session& session, CK_OBJECT_HANDLE whole, CK_OBJECT_HANDLE left, Bytes data,
                            MacPadding padding) {
    Buffer blocks = padded(data, padding);  // what is authenticated is no secret; a PAN may be in it
    ByteArray<kDesBlock> chain{};
    const std::size_t before_last = blocks.size() - kDesBlock;
    Ck<void> done{};
    if (before_last > 0) {
        Buffer cipher(before_last);
        done = encrypt_cbc(session, {left, Cipher::tdes}, chain, Bytes(blocks).first(before_last), cipher);
        std::copy_n(cipher.end() - kDesBlock, kDesBlock, chain.begin());
    }
    ByteArray<kDesBlock> out{};
    if (done) done = encrypt_cbc(session, {whole, Cipher::tdes}, chain, Bytes(blocks).last(kDesBlock), out);
    wipe(blocks);
    if (!done) return tl::unexpected(done.error());
    return out;
}

Ck<std::size_t> full_mac(const Session& session, const MacKey& key, Bytes data, ByteArray<32>& out) {
    switch (key.kind) {
        case MacKind::aes_cmac:
            return sign(session, CKM_AES_CMAC, key.whole, data, out);
        case MacKind::hmac_sha256:
            return sign(session, CKM_SHA256_HMAC, key.whole, data, out);
        case MacKind::x9_19: {
            const auto mac = retail_mac(session, key.whole, key.left, data);
            if (!mac) return tl::unexpected(mac.error());
            std::ranges::copy(*mac, out.begin());
            return mac->size();
        }
    }
    ASSERT(false);
}

Ck<ByteArray<8>> mac8(const Session& session, const MacKey& key, Bytes data) {
    ByteArray<32> full{};
    const auto size = full_mac(session, key, data, full);
    if (!size) return tl::unexpected(size.error());
    if (*size < 8) return ck_error(CKR_DEVICE_ERROR);
    ByteArray<8> out;
    std::copy_n(full.begin(), out.size(), out.begin());
    return out;
}

}  // namespace giro::hsm
