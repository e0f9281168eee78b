// PIN blocks (ISO 9564-1:2017 clause 9): formats 0, 1, 3 (8 bytes, for TDES) and 4 (16 bytes, for AES).
//
//   0: 0 L PIN F-fill            XOR  0000 || the 12 rightmost digits of the PAN without its check digit
//   1: 1 L PIN random-fill       no PAN
//   3: 3 L PIN random A-F fill   XOR  as format 0
//   4: 4 L PIN A-fill, 8 random bytes; enciphered, XORed with  M || PAN || 0-fill  and enciphered again (9.4.2.3)
//
// Clear PINs exist in giro-vault's locked memory alone, in the types below, which wipe themselves and do not print.
// Hostile: every block. A block that is none (wrong format nibble, a length outside 4 to 12, a digit that is none, a
// wrong fill) is refused with one answer, whatever was wrong: it tells nothing of the PIN (PCI PIN 3-3, ISO
// 9564-1 9.2).
#pragma once

#include <optional>

#include "hsm/payment/wiped.hpp"

namespace giro::hsm {

enum class PinFormat : std::uint8_t { iso0 = 0, iso1 = 1, iso3 = 3, iso4 = 4 };
[[nodiscard]] constexpr std::size_t block_bytes(PinFormat format) noexcept {
    return format == PinFormat::iso4 ? 16 : 8;
}

inline constexpr std::size_t kFillRandomBytes = 16;
inline constexpr std::size_t kPinDigitsMin = 4, kPinDigitsMax = 12;  // ISO 9564-1 8.1

// 4 to 12 digits, each in a byte of its own (0 to 9). Moves nowhere; wiped when it goes.
class ClearPin {
  public:
    ClearPin() = default;
    [[nodiscard]] Bytes digits() const noexcept { return m_digits.reveal().first(m_size); }
    [[nodiscard]] std::size_t size() const noexcept { return m_size; }
    // False, and no PIN, when `digits` are not 4 to 12 values of 0 to 9.
    [[nodiscard]] bool assign(Bytes digits) noexcept;

  private:
    Wiped<kPinDigitsMax> m_digits;
    std::size_t m_size = 0;
};

// The PAN's part of formats 0 and 3. Nothing when the PAN has fewer than 13 digits.
[[nodiscard]] std::optional<ByteArray<8>> pan_field8(const Pan& pan) noexcept;
// The PAN's part of format 4 (9.4.2.2): 12 digits or fewer count as 12, padded from the left.
[[nodiscard]] ByteArray<16> pan_field16(const Pan& pan) noexcept;

// The PIN of a deciphered block. Format 0 and 3: the 8 bytes as deciphered. Format 4: the PIN field, that is after the
// second decipherment. False on anything that is no such block.
[[nodiscard]] bool decode_pin_block(PinFormat format, Bytes block, const Pan& pan, ClearPin& out) noexcept;

// The block (format 4: its PIN field) to encipher. `random`: kFillRandomBytes random bytes for the fill. False when the
// PAN is too short for the format.
[[nodiscard]] bool encode_pin_block(PinFormat format, const ClearPin& pin, const Pan& pan, Bytes random,
                                    MutableBytes block) noexcept;

}  // namespace giro::hsm
