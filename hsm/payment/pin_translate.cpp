#include "hsm/payment/pin_translate.hpp"

#include <algorithm>

namespace giro::hsm {

Ck<void> PinKey::decrypt(const Session& session, Bytes in, MutableBytes out) const {
    if (m_memory == nullptr) return decrypt_ecb(session, m_key, in, out);
    tdes_decrypt(*m_memory, in, out);
    return {};
}

Ck<void> PinKey::encrypt(const Session& session, Bytes in, MutableBytes out) const {
    ASSERT(m_memory == nullptr);
    return encrypt_ecb(session, m_key, in, out);
}

bool is_translation_permitted(PinFormat from, PinFormat to) noexcept {
    struct Row {
        PinFormat from;
        PinFormat to;
    };
    using enum PinFormat;
    static constexpr Row kPermitted[] = {{iso0, iso0}, {iso0, iso3}, {iso0, iso4}, {iso3, iso0},
                                         {iso3, iso3}, {iso3, iso4}, {iso4, iso0}, {iso4, iso3},
                                         {iso4, iso4}, {iso1, iso0}, {iso1, iso3}, {iso1, iso4}};
    return std::ranges::any_of(kPermitted, [&](const Row& row) { return row.from == from && row.to == to; });
}

Ck<bool> decipher_pin(const Session& session, const PinKey& key, PinFormat format, Bytes block, const Pan& pan,
                      ClearPin& out) {
    if (key.cipher() != cipher_of(format) || block.size() != block_bytes(format)) return false;
    Wiped<16> clear;
    const MutableBytes at = clear.writable().first(block.size());
    if (const auto done = key.decrypt(session, block, at); !done) return tl::unexpected(done.error());
    if (format == PinFormat::iso4) {  // 9.4.2.4: decipher, XOR the PAN field, decipher
        xor_into(at, pan_field16(pan));
        Wiped<16> between;
        std::ranges::copy(at, between.writable().begin());
        if (const auto done = key.decrypt(session, between.reveal(), at); !done) return tl::unexpected(done.error());
    }
    return decode_pin_block(format, at, pan, out);
}

Ck<bool> encipher_pin(const Session& session, const PinKey& key, PinFormat format, const ClearPin& pin, const Pan& pan,
                      MutableBytes block) {
    ASSERT(block.size() == block_bytes(format));
    if (key.cipher() != cipher_of(format)) return false;
    ByteArray<kFillRandomBytes> random{};
    if (format != PinFormat::iso0) {  // whose fill is fixed
        const auto filled = session.cryptoki().C_GenerateRandom(session.handle(), random);
        if (!filled) return tl::unexpected(filled.error());
    }
    Wiped<16> clear;
    const MutableBytes at = clear.writable().first(block.size());
    if (!encode_pin_block(format, pin, pan, random, at)) return false;
    if (const auto done = key.encrypt(session, at, block); !done) return tl::unexpected(done.error());
    if (format != PinFormat::iso4) return true;
    xor_into(block, pan_field16(pan));  // 9.4.2.3
    ByteArray<16> between;
    std::ranges::copy(block, between.begin());
    if (const auto done = key.encrypt(session, between, block); !done) return tl::unexpected(done.error());
    return true;
}

}  // namespace giro::hsm
