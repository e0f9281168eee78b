// Is this the card's PIN? Two ways that issuers use:
//
//   Visa PVV    TDES under the PVK of  11 PAN digits (rightmost, without check digit) || PVKI || 4 PIN digits,
//   decimalised:
//               its digits from the left, then, if they are fewer than four, its letters less ten
//   IBM 3624    TDES under the PVK of the validation data (16 PAN digits, padded from the left in ours), each hex digit
//               through a table: the natural PIN. PIN = natural PIN + offset, digit by digit, without carry
//
// The cipher runs in the token; the clear PIN is in locked memory and the comparison takes the same time for every PIN.
#pragma once

#include "hsm/payment/pin_block.hpp"
#include "hsm/payment/secret_key.hpp"

namespace giro::hsm {

inline constexpr std::size_t kPvvDigits = 4;

// The PVV of a PIN: 4 bytes, each 0 to 9. CKR_ARGUMENTS_BAD when the PAN has fewer than 12 digits or pvki is over 9.
[[nodiscard]] Ck<ByteArray<kPvvDigits>> visa_pvv(const Session& session, CK_OBJECT_HANDLE pvk, std::uint8_t pvki,
                                                 const ClearPin& pin, const Pan& pan);

// How an issuer takes validation data from the PAN, and its decimalisation table.
struct Ibm3624 {
    ByteArray<16> table{};    // hex digit -> digit, each 0 to 9
    std::uint8_t first = 0;   // PAN digits before the validation data
    std::uint8_t count = 16;  // PAN digits in it, at most 16
    std::uint8_t pad = 15;    // the nibble after them, up to 16
};
// Each 0 to 9, at least 8 of them different and none more than 4 times: a table of few digits makes natural PINs that anybody
// knows, and so says what was typed (Bond and Zielinski, "Decimalisation table attacks for PIN cracking", 2003).
inline constexpr std::ptrdiff_t kTableDigitsMin = 8;
inline constexpr unsigned kTableDigitTimesMax = 4;
[[nodiscard]] bool is_decimalisation_table(const ByteArray<16>& table) noexcept;
// The natural PIN's 16 digits, of which a PIN takes as many as it has, from the left. CKR_ARGUMENTS_BAD when the PAN is
// shorter than `first` + `count`, or the parameters are out of range.
[[nodiscard]] Ck<void> ibm_natural_pin(const Session& session, CK_OBJECT_HANDLE pvk, const Ibm3624& how, const Pan& pan,
                                       Wiped<16>& out);
// PIN - natural PIN, digit by digit modulo 10, 0 to 9 each: as many as the PIN has.
[[nodiscard]] Buffer ibm_offset(const ClearPin& pin, const Wiped<16>& natural);

// In constant time: are these the digits of the PVV (or offset) on file?
[[nodiscard]] bool same_digits(Bytes computed, Bytes on_file) noexcept;

}  // namespace giro::hsm
