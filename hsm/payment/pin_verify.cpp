#include "hsm/payment/pin_verify.hpp"

#include <algorithm>

namespace giro::hsm {

namespace {
void pack(Bytes nibbles16, MutableBytes out8) noexcept {
    for (std::size_t i = 0; i < 8; ++i) out8[i] = (nibbles16[2 * i] << 4) | nibbles16[2 * i + 1];
}
void unpack(Bytes in8, MutableBytes nibbles16) noexcept {
    for (std::size_t i = 0; i < 8; ++i) {
        nibbles16[2 * i] = in8[i] >> 4;
        nibbles16[2 * i + 1] = in8[i] & std::byte{15};
    }
}

// TDES of 16 nibbles to 16 nibbles.
Ck<void> encrypt_nibbles(const Session& session, CK_OBJECT_HANDLE key, Wiped<16>& nibbles) {
    Wiped<8> block;
    pack(nibbles.reveal(), block.writable());
    Wiped<8> cipher;
    const auto done = encrypt_ecb(session, {key, Cipher::tdes}, block.reveal(), cipher.writable());
    if (done) unpack(cipher.reveal(), nibbles.writable());
    return done;
}
}  // namespace

Ck<ByteArray<kPvvDigits>> visa_pvv(const Session& session, CK_OBJECT_HANDLE pvk, std::uint8_t pvki, const ClearPin& pin,
                                   const Pan& pan) {
    const auto digits = pan.reveal();
    if (digits.size() < 12 || pvki > 9 || pin.size() < kPinDigitsMin) return ck_error(CKR_ARGUMENTS_BAD);
    Wiped<16> nibbles;
    const auto eleven = digits.substr(digits.size() - 12, 11);
    for (std::size_t i = 0; i < 11; ++i) nibbles[i] = static_cast<std::byte>(eleven[i] - '0');
    nibbles[11] = std::byte{pvki};
    for (std::size_t i = 0; i < 4; ++i) nibbles[12 + i] = pin.digits()[i];
    if (const auto done = encrypt_nibbles(session, pvk, nibbles); !done) return tl::unexpected(done.error());
    ByteArray<kPvvDigits> pvv{};
    std::size_t have = 0;
    for (const unsigned less : {0U, 10U})
        for (std::size_t i = 0; i < 16 && have < pvv.size(); ++i) {
            const auto value = std::to_integer<unsigned>(nibbles[i]);
            if ((value >= 10) == (less == 10)) pvv[have++] = static_cast<std::byte>(value - less);
        }
    return pvv;
}

bool is_decimalisation_table(const ByteArray<16>& table) noexcept {
    std::array<unsigned, 10> times{};
    for (const std::byte b : table) {
        if (std::to_integer<unsigned>(b) > 9) return false;
        ++times[std::to_integer<std::size_t>(b)];
    }
    const auto different = std::ranges::count_if(times, [](unsigned n) { return n != 0; });
    return different >= kTableDigitsMin && *std::ranges::max_element(times) <= kTableDigitTimesMax;
}

Ck<void> ibm_natural_pin(const Session& session, CK_OBJECT_HANDLE pvk, const Ibm3624& how, const Pan& pan,
                         Wiped<16>& out) {
    const auto digits = pan.reveal();
    if (!is_decimalisation_table(how.table) || how.count > 16 || how.pad > 15 || std::size_t{how.first} + how.count > digits.size())
        return ck_error(CKR_ARGUMENTS_BAD);
    const auto taken = digits.substr(how.first, how.count);
    for (std::size_t i = 0; i < 16; ++i)
        out[i] = i < taken.size() ? static_cast<std::byte>(taken[i] - '0') : std::byte{how.pad};
    if (auto done = encrypt_nibbles(session, pvk, out); !done) return done;
    for (std::size_t i = 0; i < 16; ++i) out[i] = how.table[std::to_integer<std::size_t>(out[i])];
    return {};
}

Buffer ibm_offset(const ClearPin& pin, const Wiped<16>& natural) {
    Buffer offset(pin.size());
    for (std::size_t i = 0; i < offset.size(); ++i)
        offset[i] = static_cast<std::byte>(
            (10 + std::to_integer<unsigned>(pin.digits()[i]) - std::to_integer<unsigned>(natural[i])) % 10);
    return offset;
}

bool same_digits(Bytes computed, Bytes on_file) noexcept {
    return equal_constant_time(computed, on_file);
}

}  // namespace giro::hsm
