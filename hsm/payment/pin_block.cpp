#include "hsm/payment/pin_block.hpp"

#include <algorithm>

namespace giro::hsm {

namespace {
constexpr std::size_t kPanFieldDigits = 12;

std::uint8_t digit(char c) noexcept {
    return static_cast<std::uint8_t>(c - '0');
}

std::uint8_t nibble(Bytes block, std::size_t i) noexcept {
    const auto b = std::to_integer<unsigned>(block[i / 2]);
    return static_cast<std::uint8_t>(i % 2 == 0 ? b >> 4 : b & 15);
}
void set_nibble(MutableBytes block, std::size_t i, std::uint8_t value) noexcept {
    const auto old = std::to_integer<unsigned>(block[i / 2]);
    block[i / 2] = static_cast<std::byte>(i % 2 == 0 ? (old & 0x0f) | (unsigned{value} << 4) : (old & 0xf0) | value);
}

bool has_pan(PinFormat format) noexcept {
    return format == PinFormat::iso0 || format == PinFormat::iso3;
}

// What may stand behind the PIN, up to the block's end (formats 0 and 3) or the middle (format 4).
bool fill_fits(PinFormat format, std::uint8_t value) noexcept {
    switch (format) {
        case PinFormat::iso0:
            return value == 15;
        case PinFormat::iso1:
            return true;
        case PinFormat::iso3:
            return value >= 10;
        case PinFormat::iso4:
            return value == 10;
    }
    return false;
}
}  // namespace

bool ClearPin::assign(Bytes digits) noexcept {
    m_size = 0;
    if (digits.size() < kPinDigitsMin || digits.size() > kPinDigitsMax) return false;
    bool good = true;
    for (const std::byte d : digits) good &= std::to_integer<unsigned>(d) <= 9;
    if (!good) return false;
    std::ranges::copy(digits, m_digits.writable().begin());
    m_size = digits.size();
    return true;
}

std::optional<ByteArray<8>> pan_field8(const Pan& pan) noexcept {
    const auto digits = pan.reveal();
    if (digits.size() < kPanFieldDigits + 1) return std::nullopt;
    const auto twelve = digits.substr(digits.size() - 1 - kPanFieldDigits, kPanFieldDigits);
    ByteArray<8> field{};
    for (std::size_t i = 0; i < twelve.size(); ++i) set_nibble(field, 4 + i, digit(twelve[i]));
    return field;
}

ByteArray<16> pan_field16(const Pan& pan) noexcept {
    const auto digits = pan.reveal();
    const std::size_t zeros = digits.size() < kPanFieldDigits ? kPanFieldDigits - digits.size() : 0;
    ByteArray<16> field{};
    set_nibble(field, 0, static_cast<std::uint8_t>(zeros + digits.size() - kPanFieldDigits));
    for (std::size_t i = 0; i < digits.size(); ++i) set_nibble(field, 1 + zeros + i, digit(digits[i]));
    return field;
}

bool decode_pin_block(PinFormat format, Bytes block, const Pan& pan, ClearPin& out) noexcept {
    if (block.size() != block_bytes(format)) return false;
    Wiped<16> clear;
    std::ranges::copy(block, clear.writable().begin());
    if (has_pan(format)) {
        const auto field = pan_field8(pan);
        if (!field) return false;
        xor_into(clear.writable().first(8), *field);
    }
    const Bytes nibbles = clear.reveal();
    const std::size_t size = nibble(nibbles, 1);
    bool good =
        nibble(nibbles, 0) == static_cast<std::uint8_t>(format) && size >= kPinDigitsMin && size <= kPinDigitsMax;
    Wiped<kPinDigitsMax> digits;
    for (std::size_t i = 0; i < 14; ++i) {
        const std::uint8_t value = nibble(nibbles, 2 + i);
        if (i < size)
            good &= value <= 9;
        else
            good &= fill_fits(format, value);
        if (i < size && i < digits.size()) digits[i] = std::byte{value};
    }
    return good && out.assign(digits.reveal().first(size));
}

bool encode_pin_block(PinFormat format, const ClearPin& pin, const Pan& pan, Bytes random,
                      MutableBytes block) noexcept {
    if (block.size() != block_bytes(format) || random.size() < kFillRandomBytes || pin.size() < kPinDigitsMin)
        return false;
    std::ranges::fill(block, std::byte{0});
    set_nibble(block, 0, static_cast<std::uint8_t>(format));
    set_nibble(block, 1, static_cast<std::uint8_t>(pin.size()));
    for (std::size_t i = 0; i < 14; ++i) {
        std::uint8_t value = 0;
        if (i < pin.size())
            value = std::to_integer<std::uint8_t>(pin.digits()[i]);
        else if (format == PinFormat::iso0)
            value = 15;
        else if (format == PinFormat::iso1)
            value = nibble(random, i);
        // ISO 9564-1 9.3.4 wants random A to F; that 256 is no multiple of 6 prefers four of them by 1 in 43.
        else if (format == PinFormat::iso3)
            value = static_cast<std::uint8_t>(10 + std::to_integer<unsigned>(random[i]) % 6);
        else
            value = 10;
        set_nibble(block, 2 + i, value);
    }
    if (format == PinFormat::iso4) std::ranges::copy(random.first(8), block.begin() + 8);
    if (!has_pan(format)) return true;
    const auto field = pan_field8(pan);
    if (!field) {
        wipe(block);
        return false;
    }
    xor_into(block, *field);
    return true;
}

}  // namespace giro::hsm
