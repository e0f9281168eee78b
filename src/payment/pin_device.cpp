#include "payment/pin_device.hpp"

#include <botan/block_cipher.h>
#include <fmt/format.h>

#include <algorithm>

#include "giro/result.hpp"
#include "util/bytes.hpp"

namespace giro::payment {

namespace {
constexpr std::size_t kPinMin = 4, kPinMax = 12, kTdesBlock = 8, kAesBlock = 16;

std::unique_ptr<Botan::BlockCipher> cipher_of(const Secret& key, std::size_t block_bytes) {
    ASSERT(key.size() == 16 || (key.size() == 32 && block_bytes == kAesBlock));
    auto cipher = Botan::BlockCipher::create_or_throw(block_bytes == kTdesBlock ? "TripleDES"
                                                      : key.size() == 32        ? "AES-256"
                                                                                : "AES-128");
    cipher->set_key(reinterpret_cast<const std::uint8_t*>(key.reveal().data()), key.size());
    return cipher;
}
std::uint8_t* raw(Buffer& bytes) {
    return reinterpret_cast<std::uint8_t*>(bytes.data());
}

// As many bytes as `hex` has pairs of digits.
Buffer packed(const std::string& hex) {
    auto bytes = from_hex(hex);
    ASSERT(bytes);
    return std::move(*bytes);
}

// The card's part of formats 0 and 3: the 12 rightmost digits without the check digit.
Buffer pan_field8(const Pan& pan) {
    const std::string_view digits = pan.reveal();
    ASSERT(digits.size() > kPinMax);
    return packed("0000" + std::string(digits.substr(digits.size() - 13, 12)));
}
// That of format 4: how many digits beyond 12, and the digits.
Buffer pan_field16(const Pan& pan) {
    std::string digits(pan.reveal());
    if (digits.size() < 12) digits.insert(0, 12 - digits.size(), '0');
    const std::size_t beyond = digits.size() - 12;
    std::string text = fmt::format("{}{}", beyond, digits);
    text.resize(2 * kAesBlock, '0');
    return packed(text);
}
void add(Buffer& to, const Buffer& other) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] ^= other[i];
}

std::string tdes_digits(const Secret& key, const std::string& hex) {
    Buffer block = packed(hex);
    cipher_of(key, kTdesBlock)->encrypt(raw(block));
    return to_hex(block);
}
unsigned value_of(char hex) {
    return static_cast<unsigned>(hex <= '9' ? hex - '0' : (hex | 0x20) - 'a' + 10);
}
}  // namespace

bool is_pin(std::string_view digits) noexcept {
    return digits.size() >= kPinMin && digits.size() <= kPinMax &&
           std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
}

Buffer seal_pin_iso4(const Secret& key, std::string_view pin, const Pan& pan, Random& random) {
    ASSERT(is_pin(pin));
    std::string text = fmt::format("4{:x}{}", pin.size(), pin);
    text.resize(kAesBlock, 'a');
    Buffer block = packed(text);
    block.resize(kAesBlock);
    random.fill(MutableBytes(block).last(kAesBlock / 2));
    const auto cipher = cipher_of(key, kAesBlock);
    cipher->encrypt(raw(block));
    add(block, pan_field16(pan));
    cipher->encrypt(raw(block));
    return block;
}

Buffer seal_pin_iso0(const Secret& key, std::string_view pin, const Pan& pan) {
    ASSERT(is_pin(pin));
    std::string text = fmt::format("0{:x}{}", pin.size(), pin);
    text.resize(2 * kTdesBlock, 'f');
    Buffer block = packed(text);
    add(block, pan_field8(pan));
    cipher_of(key, kTdesBlock)->encrypt(raw(block));
    return block;
}

std::optional<std::string> open_pin(const Secret& key, Bytes block, const Pan& pan) {
    if (block.size() != kTdesBlock && block.size() != kAesBlock) return std::nullopt;
    const bool aes = block.size() == kAesBlock;
    if (!aes && (pan.reveal().size() <= kPinMax || key.size() != 16)) return std::nullopt;
    Buffer clear(block.begin(), block.end());
    const auto cipher = cipher_of(key, block.size());
    cipher->decrypt(raw(clear));
    add(clear, aes ? pan_field16(pan) : pan_field8(pan));
    if (aes) cipher->decrypt(raw(clear));
    const std::string digits = to_hex(clear);
    const bool format = aes ? digits[0] == '4' : digits[0] == '0' || digits[0] == '3';
    const std::size_t size = value_of(digits[1]);
    if (!format || size < kPinMin || size > kPinMax || !is_pin(digits.substr(2, size))) return std::nullopt;
    return digits.substr(2, size);
}

std::string visa_pvv(const Secret& pvk, unsigned pvki, std::string_view pin, const Pan& pan) {
    const std::string_view digits = pan.reveal();
    ASSERT(is_pin(pin) && digits.size() >= 12 && pvki <= 9);
    const std::string cipher =
        tdes_digits(pvk, fmt::format("{}{}{}", digits.substr(digits.size() - 12, 11), pvki, pin.substr(0, 4)));
    std::string pvv;
    for (const char c : cipher)
        if (c <= '9') pvv += c;
    for (const char c : cipher)
        if (c > '9') pvv += static_cast<char>('0' + value_of(c) - 10);
    return pvv.substr(0, 4);
}

std::string ibm_offset(const Secret& pvk, const Ibm3624Rule& rule, std::string_view pin, const Pan& pan) {
    ASSERT(is_pin(pin) && rule.table.size() == 16 && rule.count <= 16 &&
           rule.first + rule.count <= pan.reveal().size());
    std::string data(pan.reveal().substr(rule.first, rule.count));
    data.resize(16, "0123456789abcdef"[rule.pad]);
    const std::string cipher = tdes_digits(pvk, data);
    std::string offset;
    for (std::size_t i = 0; i < pin.size(); ++i)
        offset += static_cast<char>('0' + (10 + (pin[i] - '0') - (rule.table[value_of(cipher[i])] - '0')) % 10);
    return offset;
}

}  // namespace giro::payment
