// PINs in software, as a terminal's secure element, an issuer's personalisation and another bank's host handle them:
// what the simulators and the demo do. The box's side is in hsm/payment/, inside the token; neither uses the other.
// Keys and PINs in the clear pass through here: test keys and test cards alone.
//
// Blocks: ISO 9564-1 clause 9. TDES keys are of 16 bytes, AES keys of 16 or 32 (ASSERTed); a PIN is 4 to 12 digits
// (ASSERTed).
#pragma once

#include <optional>
#include <string>

#include "giro/environment.hpp"
#include "util/secret.hpp"

namespace giro::payment {

[[nodiscard]] bool is_pin(std::string_view digits) noexcept;

// Format 4 under an AES key: 16 bytes.
[[nodiscard]] Buffer seal_pin_iso4(const Secret& key, std::string_view pin, const Pan& pan, Random& random);
// Format 0 under a TDES key: 8 bytes.
[[nodiscard]] Buffer seal_pin_iso0(const Secret& key, std::string_view pin, const Pan& pan);
// The PIN of a block of format 0, 3 (8 bytes, a TDES key) or 4 (16 bytes, an AES key); nothing when it is none of this
// card.
[[nodiscard]] std::optional<std::string> open_pin(const Secret& key, Bytes block, const Pan& pan);

// The Visa PVV: 4 digits. `pan` has at least 12.
[[nodiscard]] std::string visa_pvv(const Secret& pvk, unsigned pvki, std::string_view pin, const Pan& pan);
// The IBM 3624 offset, as long as the PIN. `table`: a digit for each hexadecimal one; the validation data are `count`
// digits of the card number from `first` on, filled up to 16 with the hexadecimal digit `pad`.
struct Ibm3624Rule {
    std::string table = "0123456789012345";
    std::size_t first = 0, count = 16;
    unsigned pad = 15;
};
[[nodiscard]] std::string ibm_offset(const Secret& pvk, const Ibm3624Rule& rule, std::string_view pin, const Pan& pan);

}  // namespace giro::payment
