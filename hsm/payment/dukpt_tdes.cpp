#include "hsm/payment/dukpt_tdes.hpp"

#include <botan/des.h>

#include <algorithm>
#include <bit>

#include "util/bytes.hpp"

namespace giro::hsm {

namespace {
constexpr int kOneBitsMax = 10;
constexpr std::byte kC0{0xc0};

std::uint8_t* raw(MutableBytes b) noexcept {
    return reinterpret_cast<std::uint8_t*>(b.data());
}
const std::uint8_t* raw(Bytes b) noexcept {
    return reinterpret_cast<const std::uint8_t*>(b.data());
}

// Botan's ciphers keep their schedules in memory that they wipe.
void des_encrypt(Bytes key8, MutableBytes block8) {
    Botan::DES des;
    des.set_key(raw(key8), key8.size());
    des.encrypt(raw(block8));
}

// The rightmost 8 bytes of the KSN with the counter's bits cleared.
std::uint64_t register_of(const TdesKsn& ksn) noexcept {
    return load_be<std::uint64_t>(ksn.data() + 2) & ~static_cast<std::uint64_t>(kTdesCounterMax);
}

// A.2, non-reversible key generation: one half of the new key, `into`, from the register and a (masked) key.
void half_step(Bytes key, Bytes register8, MutableBytes into) {
    std::ranges::copy(register8, into.begin());
    xor_into(into, key.subspan(8, 8));
    des_encrypt(key.first(8), into);
    xor_into(into, key.subspan(8, 8));
}
}  // namespace

bool is_tdes_dukpt_counter(std::uint32_t counter) noexcept {
    return counter != 0 && counter <= kTdesCounterMax && std::popcount(counter) <= kOneBitsMax;
}

std::uint32_t counter_of(const TdesKsn& ksn) noexcept {
    return load_be<std::uint32_t>(ksn.data() + 6) & kTdesCounterMax;
}

void mask_bdk(MutableBytes bdk) noexcept {
    ASSERT(bdk.size() == 16);
    for (const std::size_t i : {0U, 1U, 2U, 3U, 8U, 9U, 10U, 11U}) bdk[i] ^= kC0;
}

Ck<void> tdes_initial_key(const Session& session, const TdesBdk& bdk, const TdesKsn& ksn, TdesKey& out) {
    TdesKsn cleared = ksn;
    store_be(cleared.data() + 2, register_of(ksn));
    const Bytes left8 = Bytes(cleared).first(8);
    if (auto done = encrypt_ecb(session, {bdk.key, Cipher::tdes}, left8, out.writable().first(8)); !done) return done;
    return encrypt_ecb(session, {bdk.masked, Cipher::tdes}, left8, out.writable().subspan(8, 8));
}

void tdes_transaction_key(const TdesKey& initial, const TdesKsn& ksn, TdesKey& out) {
    std::ranges::copy(initial.reveal(), out.writable().begin());
    std::uint64_t reg = register_of(ksn);
    for (std::uint32_t bit = 1U << 20; bit != 0; bit >>= 1) {
        if ((counter_of(ksn) & bit) == 0) continue;
        reg |= bit;
        ByteArray<8> register8;
        store_be(register8.data(), reg);
        TdesKey next, masked;
        std::ranges::copy(out.reveal(), masked.writable().begin());
        mask_bdk(masked.writable());
        half_step(masked.reveal(), register8, next.writable().first(8));
        half_step(out.reveal(), register8, next.writable().subspan(8, 8));
        std::ranges::copy(next.reveal(), out.writable().begin());
    }
}

void tdes_variant(const TdesKey& transaction, TdesVariant variant, TdesKey& out) {
    std::ranges::copy(transaction.reveal(), out.writable().begin());
    const std::size_t at = variant == TdesVariant::pin ? 7 : variant == TdesVariant::mac_request ? 6 : 4;
    out[at] ^= std::byte{0xff};
    out[8 + at] ^= std::byte{0xff};
}

ByteArray<8> tdes_mac(const TdesKey& key, Bytes data) {
    Botan::DES left, right;
    left.set_key(raw(key.reveal()), 8);
    right.set_key(raw(key.reveal()) + 8, 8);
    ByteArray<8> chain{};
    do {
        const Bytes block = data.first(std::min<std::size_t>(8, data.size()));
        for (std::size_t i = 0; i < block.size(); ++i) chain[i] ^= block[i];
        left.encrypt(raw(MutableBytes(chain)));
        data = data.subspan(block.size());
    } while (!data.empty());
    right.decrypt(raw(MutableBytes(chain)));
    left.encrypt(raw(MutableBytes(chain)));
    return chain;
}

void tdes_decrypt(const TdesKey& key, Bytes in, MutableBytes out) {
    ASSERT(in.size() == 8 && out.size() == 8);
    Botan::TripleDES des;
    des.set_key(raw(key.reveal()), key.size());
    des.decrypt(raw(in), raw(out));
}

void tdes_encrypt(const TdesKey& key, Bytes in, MutableBytes out) {
    ASSERT(in.size() == 8 && out.size() == 8);
    Botan::TripleDES des;
    des.set_key(raw(key.reveal()), key.size());
    des.encrypt(raw(in), raw(out));
}

}  // namespace giro::hsm
