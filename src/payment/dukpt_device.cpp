#include "payment/dukpt_device.hpp"

#include <botan/block_cipher.h>

#include <bit>

#include "giro/result.hpp"
#include "payment/dukpt_device_tdes.hpp"
#include "util/bytes.hpp"

namespace giro::payment {

namespace {
// 6.3.2: what a derived key is for.
enum class Usage : std::uint16_t {
    pin = 0x1000,
    mac_generation = 0x2000,
    mac_verification = 0x2001,
    derivation = 0x8000,
    initial_key = 0x8001,
};
constexpr std::size_t kBlockBytes = 16;

constexpr std::uint16_t kAes128 = 2, kAes256 = 4, kHmac = 5;  // 6.3.2: what kind of key it is

std::uint16_t aes_of(const Secret& base) noexcept {
    return base.size() == 32 ? kAes256 : kAes128;
}

// 6.3.3: AES-ECB of  01 block:1 usage:2 algorithm:2 bits:2 tail:8  for each block of the new key, as long as the base.
Secret derive(const Secret& base, Usage usage, std::uint16_t algorithm, Bytes tail) {
    ASSERT((base.size() == 16 || base.size() == 32) && tail.size() == 8);
    Secret key(base.size());
    for (std::size_t block = 0; block < key.size() / kBlockBytes; ++block) {
        std::byte* const at = key.writable().data() + kBlockBytes * block;
        at[0] = std::byte{0x01};
        at[1] = static_cast<std::byte>(block + 1);
        store_be(at + 2, static_cast<std::uint16_t>(usage));
        store_be(at + 4, algorithm);
        store_be(at + 6, static_cast<std::uint16_t>(base.size() * 8));
        std::ranges::copy(tail, at + 8);
    }
    const auto cipher = Botan::BlockCipher::create_or_throw(base.size() == 32 ? "AES-256" : "AES-128");
    cipher->set_key(reinterpret_cast<const std::uint8_t*>(base.reveal().data()), base.size());
    cipher->encrypt_n(reinterpret_cast<const std::uint8_t*>(key.reveal().data()),
                      reinterpret_cast<std::uint8_t*>(key.writable().data()), key.size() / kBlockBytes);
    return key;
}

Bytes tail_of(const Ksn& ksn) noexcept {
    return ksn.view().last(8);  // derivation ID and counter
}
}  // namespace

Secret dukpt_initial_key(const Secret& bdk, const Ksn& device) {
    if (!device.is_aes()) return tdes_initial_key(bdk, device);
    return derive(bdk, Usage::initial_key, aes_of(bdk), device.view().first(8));
}

DukptWorkingKeys dukpt_working_keys(const Secret& initial_key, const Ksn& ksn, DukptMacKey mac) {
    ASSERT(ksn.is_counting());
    if (!ksn.is_aes()) return tdes_working_keys(initial_key, ksn);
    const std::uint16_t aes = aes_of(initial_key), maced = mac == DukptMacKey::hmac_sha_256 ? kHmac : aes;
    ASSERT(maced != kHmac || initial_key.size() == 32);
    // Down the tree, one step for each one bit of the counter, from the left.
    std::uint32_t at = 0;
    Secret key;
    for (std::uint32_t left = ksn.counter(); left != 0; left &= ~std::bit_floor(left)) {
        at |= std::bit_floor(left);
        key = derive(key.empty() ? initial_key : key, Usage::derivation, aes, tail_of(ksn.with_counter(at)));
    }
    return {derive(key, Usage::mac_generation, maced, tail_of(ksn)), derive(key, Usage::mac_verification, maced, tail_of(ksn)),
            derive(key, Usage::pin, aes, tail_of(ksn))};
}

}  // namespace giro::payment
