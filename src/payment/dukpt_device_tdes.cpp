#include "payment/dukpt_device_tdes.hpp"

#include <botan/block_cipher.h>

#include <bit>

#include "giro/result.hpp"
#include "util/bytes.hpp"

namespace giro::payment {

namespace {
constexpr std::size_t kHalf = 8, kKeyBytes = 16;
// Where a variant of a transaction key differs from it, by FF in each half.
constexpr std::size_t kPinAt = 7, kMacRequestAt = 6, kMacResponseAt = 4;

// One block under DES, or under TDES by the key's length.
void encrypt(const char* cipher_name, Bytes key, MutableBytes block) {
    const auto cipher = Botan::BlockCipher::create_or_throw(cipher_name);
    cipher->set_key(reinterpret_cast<const std::uint8_t*>(key.data()), key.size());
    cipher->encrypt(reinterpret_cast<std::uint8_t*>(block.data()));
}
void add(MutableBytes to, Bytes other) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] ^= other[i];
}
Secret copy_of(const Secret& key) {
    return Secret(Buffer(key.reveal().begin(), key.reveal().end()));
}
// The key under which the other half of a new one is made.
Secret masked(const Secret& key) {
    Secret out = copy_of(key);
    for (const std::size_t at : {0U, 1U, 2U, 3U, 8U, 9U, 10U, 11U}) out.writable()[at] ^= std::byte{0xc0};
    return out;
}
Secret variant(const Secret& key, std::size_t at) {
    Secret out = copy_of(key);
    out.writable()[at] ^= std::byte{0xff};
    out.writable()[kHalf + at] ^= std::byte{0xff};
    return out;
}

// The KSN's last 8 bytes into a half of the next key: DES between two additions of the key's right half.
void step(const Secret& key, Bytes register8, MutableBytes into) {
    std::ranges::copy(register8, into.begin());
    add(into, key.reveal().last(kHalf));
    encrypt("DES", key.reveal().first(kHalf), into);
    add(into, key.reveal().last(kHalf));
}
}  // namespace

Secret tdes_initial_key(const Secret& bdk, const Ksn& device) {
    ASSERT(bdk.size() == kKeyBytes && device.view().size() == kTdesKsnBytes);
    const Ksn start = device.device();
    const Secret other = masked(bdk);
    Secret out(kKeyBytes);
    for (const auto half : {out.writable().first(kHalf), out.writable().last(kHalf)})
        std::ranges::copy(start.view().first(kHalf), half.begin());
    encrypt("TripleDES", bdk.reveal(), out.writable().first(kHalf));
    encrypt("TripleDES", other.reveal(), out.writable().last(kHalf));
    return out;
}

DukptWorkingKeys tdes_working_keys(const Secret& initial_key, const Ksn& ksn) {
    ASSERT(initial_key.size() == kKeyBytes);
    Secret key = copy_of(initial_key);
    std::uint32_t at = 0;
    for (std::uint32_t left = ksn.counter(); left != 0; left &= ~std::bit_floor(left)) {
        at |= std::bit_floor(left);
        const Ksn now = ksn.with_counter(at);
        Secret next(kKeyBytes);
        step(masked(key), now.view().last(kHalf), next.writable().first(kHalf));
        step(key, now.view().last(kHalf), next.writable().last(kHalf));
        key = std::move(next);
    }
    return {variant(key, kMacRequestAt), variant(key, kMacResponseAt), variant(key, kPinAt)};
}

}  // namespace giro::payment
