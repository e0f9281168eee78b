// A chip card's side of EMV in software (EMV 4.3 Book 2, 8 and annex A1; Visa's CVN 10 and 18), and its issuer's
// personalisation: what the simulators and the demo do. The box's side is in hsm/payment/emv.hpp, inside the token;
// neither uses the other. Keys pass through here in the clear: test cards alone.
#pragma once

#include <string>

#include "util/secret.hpp"

namespace giro::payment {

inline constexpr std::size_t kChipKeyBytes = 16;

// The card's own key, from its issuer's master key (annex A1.4; for card numbers of up to 16 digits, where options A
// and B are one: ASSERTed). `psn`: 0 to 99.
[[nodiscard]] Secret chip_card_key(const Secret& issuer_master, const Pan& pan, std::uint8_t psn);

enum class ChipAnswer : std::uint8_t { aac = 0, tc = 1, arqc = 2 };

// What card and terminal put under a cryptogram.
struct ChipPurchase {
    ChipAnswer type = ChipAnswer::arqc;
    std::uint8_t cvn = 10;  // 10 or 18 (ASSERTed)
    std::uint8_t psn = 1;
    std::uint16_t atc = 0;
    MinorUnits amount = 0;
    Currency currency = 0;
    FixedText<6> date;  // YYMMDD
    ByteArray<4> unpredictable{};
};
// DE55 of the request: BER-TLV.
[[nodiscard]] Buffer chip_field(const Secret& card_key, const ChipPurchase& purchase);

// What the card says to issuer authentication data (tag 91): is the ARPC in it made by its issuer, for this purchase's
// `cryptogram`, and does what stands behind it approve as the box said?
[[nodiscard]] bool is_issuers_answer(const Secret& card_key, const ChipPurchase& purchase, Bytes cryptogram,
                                     Bytes tag91, bool approved);

// The verification value of a stripe (its service code), of a chip's track 2 (999) or printed (000): 3 digits, as
// Visa's CVV and Mastercard's CVC are made. `key`: the pair, 16 bytes; `expiry` YYMM.
[[nodiscard]] std::string card_verification_value(const Secret& key, const Pan& pan, std::string_view expiry,
                                                  std::string_view service_code);

}  // namespace giro::payment
