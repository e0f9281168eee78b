#include "payment/chip_card.hpp"

#include <botan/block_cipher.h>
#include <botan/mac.h>

#include <algorithm>

#include "giro/result.hpp"
#include "util/bytes.hpp"

namespace giro::payment {

namespace {
constexpr std::size_t kBlock = 8;
using Block = ByteArray<kBlock>;

Block tdes(const Secret& key, Block block) {
    const auto cipher = Botan::BlockCipher::create_or_throw("TripleDES");
    cipher->set_key(reinterpret_cast<const std::uint8_t*>(key.reveal().data()), key.size());
    cipher->encrypt(reinterpret_cast<std::uint8_t*>(block.data()));
    return block;
}

Secret pair_of(const Secret& base, const Block& left, const Block& right) {
    Secret out(kChipKeyBytes);
    std::ranges::copy(tdes(base, left), out.writable().begin());
    std::ranges::copy(tdes(base, right), out.writable().begin() + kBlock);
    return out;
}

// ISO 9797-1 algorithm 3 with DES (X9.19), which fills the last block with zeros.
Block retail_mac(const Secret& key, Buffer data, bool padded_with_80) {
    if (padded_with_80) data.push_back(std::byte{0x80});
    const auto mac = Botan::MessageAuthenticationCode::create_or_throw("X9.19-MAC");
    mac->set_key(reinterpret_cast<const std::uint8_t*>(key.reveal().data()), key.size());
    mac->update(reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
    Block out{};
    mac->final(reinterpret_cast<std::uint8_t*>(out.data()));
    return out;
}

// A1.3.1, which CVN 10 does without.
Secret session_key(const Secret& card_key, std::uint16_t atc) {
    Block left{}, right{};
    store_be(left.data(), atc);
    store_be(right.data(), atc);
    left[2] = std::byte{0xf0};
    right[2] = std::byte{0x0f};
    return pair_of(card_key, left, right);
}

struct Tag {
    std::uint16_t tag;
    Buffer value;
};

Buffer packed(std::string_view digits) {
    auto bytes = from_hex(digits);
    ASSERT(bytes);
    return std::move(*bytes);
}

std::string digits_of(std::uint64_t number, std::size_t count) {
    std::string out = std::to_string(number);
    ASSERT(out.size() <= count);
    return std::string(count - out.size(), '0') + out;
}

void put(Buffer& out, const Tag& tag) {
    if (tag.tag > 0xff) out.push_back(static_cast<std::byte>(tag.tag >> 8));
    out.push_back(static_cast<std::byte>(tag.tag));
    ASSERT(tag.value.size() < 0x80);
    out.push_back(static_cast<std::byte>(tag.value.size()));
    out.insert(out.end(), tag.value.begin(), tag.value.end());
}

// Length, key index 1, the CVN, and card verification results that say which cryptogram was made.
Buffer issuer_data(const ChipPurchase& p) {
    Buffer out = packed(
        "0601"
        "00"
        "03a00000");
    out[2] = static_cast<std::byte>(p.cvn);
    if (p.type == ChipAnswer::tc) out[4] = std::byte{0x90};
    if (p.type == ChipAnswer::aac) out[4] = std::byte{0x80};
    return out;
}
}  // namespace

Secret chip_card_key(const Secret& issuer_master, const Pan& pan, std::uint8_t psn) {
    ASSERT(issuer_master.size() == kChipKeyBytes && pan.reveal().size() <= 16 && psn <= 99);
    std::string digits = std::string(pan.reveal()) + digits_of(psn, 2);
    if (digits.size() < 16) digits.insert(0, 16 - digits.size(), '0');
    const Buffer y = packed(std::string_view(digits).substr(digits.size() - 16));
    wipe(std::as_writable_bytes(std::span(digits)));
    Block left{}, right{};
    for (std::size_t i = 0; i < kBlock; ++i) {
        left[i] = y[i];
        right[i] = ~y[i];
    }
    return pair_of(issuer_master, left, right);
}

Buffer chip_field(const Secret& card_key, const ChipPurchase& p) {
    ASSERT(p.cvn == 10 || p.cvn == 18);
    Buffer atc(2);
    store_be(atc.data(), p.atc);
    const Tag under[] = {{0x9F02, packed(digits_of(static_cast<std::uint64_t>(p.amount), 12))},
                         {0x9F03, Buffer(6)},
                         {0x9F1A, packed("0756")},
                         {0x95, Buffer(5)},
                         {0x5F2A, packed(digits_of(p.currency, 4))},
                         {0x9A, packed(p.date.view())},
                         {0x9C, Buffer(1)},
                         {0x9F37, Buffer(p.unpredictable.begin(), p.unpredictable.end())},
                         {0x82, packed("1800")},
                         {0x9F36, atc}};
    const Buffer issuer = issuer_data(p);
    Buffer data, field;
    for (const Tag& tag : under) {
        data.insert(data.end(), tag.value.begin(), tag.value.end());
        put(field, tag);
    }
    data.insert(data.end(), p.cvn == 10 ? issuer.begin() + 3 : issuer.begin(), issuer.end());
    const Block mac =
        p.cvn == 10 ? retail_mac(card_key, data, false) : retail_mac(session_key(card_key, p.atc), data, true);
    put(field, {0x9F10, issuer});
    put(field, {0x9F26, Buffer(mac.begin(), mac.end())});
    put(field, {0x9F27, Buffer{static_cast<std::byte>(static_cast<unsigned>(p.type) << 6)}});
    put(field, {0x5F34, packed(digits_of(p.psn, 2))});
    return field;
}

std::string card_verification_value(const Secret& key, const Pan& pan, std::string_view expiry,
                                    std::string_view service_code) {
    ASSERT(key.size() == kChipKeyBytes && expiry.size() == 4 && service_code.size() == 3);
    std::string digits = std::string(pan.reveal()) + std::string(expiry) + std::string(service_code);
    digits.resize(2 * 2 * kBlock, '0');
    const Buffer data = packed(digits);
    wipe(std::as_writable_bytes(std::span(digits)));
    const auto left = Botan::BlockCipher::create_or_throw("DES");
    left->set_key(reinterpret_cast<const std::uint8_t*>(key.reveal().data()), kBlock);
    Block block{};
    std::copy_n(data.begin(), kBlock, block.begin());
    left->encrypt(reinterpret_cast<std::uint8_t*>(block.data()));
    for (std::size_t i = 0; i < kBlock; ++i) block[i] ^= data[kBlock + i];
    const std::string hex = to_hex(tdes(key, block));
    std::string out;
    for (const char c : hex)
        if (c <= '9') out.push_back(c);
    for (const char c : hex)
        if (c > '9') out.push_back(static_cast<char>(c - 'a' + '0'));
    return out.substr(0, 3);
}

bool is_issuers_answer(const Secret& card_key, const ChipPurchase& p, Bytes cryptogram, Bytes tag91, bool approved) {
    if (cryptogram.size() != kBlock) return false;
    constexpr std::byte kApproves{0x80};  // of the card status update's second byte
    if (p.cvn == 10) {
        // ARPC 8, response code 2.
        if (tag91.size() != kBlock + 2) return false;
        Block block{};
        std::ranges::copy(cryptogram, block.begin());
        const Bytes code = tag91.subspan(kBlock);
        for (std::size_t i = 0; i < code.size(); ++i) block[i] ^= code[i];
        return as_text(tag91.first(kBlock)) == as_text(tdes(card_key, block)) && (as_text(code) == "00") == approved;
    }
    // ARPC 4, card status update 4.
    constexpr std::size_t kArpc = 4;
    if (tag91.size() != 2 * kArpc) return false;
    Buffer data(cryptogram.begin(), cryptogram.end());
    data.insert(data.end(), tag91.begin() + kArpc, tag91.end());
    const Block mac = retail_mac(session_key(card_key, p.atc), data, true);
    const bool says_approved = (tag91[kArpc + 1] & kApproves) != std::byte{0};
    return as_text(tag91.first(kArpc)) == as_text(Bytes(mac).first(kArpc)) && says_approved == approved;
}

}  // namespace giro::payment
