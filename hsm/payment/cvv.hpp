// Card verification values (Visa CVV, Mastercard CVC: the same function): three digits from PAN, expiry and service
// code.
//
//   CVV/CVC   the magnetic stripe's own service code, expiry YYMM
//   iCVV      999 instead of the service code: the chip's image of the stripe
//   CVV2/CVC2 000 instead of it, expiry as the issuer prints it (Visa: YYMM; the caller chooses the order)
//
// 32 digits PAN || expiry || service code, filled with zeros: E_A of the first half, XOR the second, triple DES under
// the pair; decimalised as the PVV is. Computed in the token: key A alone is the pair A || A there.
#pragma once

#include <string_view>

#include "hsm/payment/secret_key.hpp"

namespace giro::hsm {

inline constexpr std::string_view kServiceCodeIcvv = "999", kServiceCodeCvv2 = "000";

struct CvvKey {
    CK_OBJECT_HANDLE pair = CK_INVALID_HANDLE;  // A || B, may encrypt
    CK_OBJECT_HANDLE left = CK_INVALID_HANDLE;  // A || A, may encrypt
};
// 3 bytes, each 0 to 9. CKR_ARGUMENTS_BAD when expiry is not 4 digits or the service code not 3.
[[nodiscard]] Ck<ByteArray<3>> cvv(const Session& session, const CvvKey& key, const Pan& pan, std::string_view expiry,
                                   std::string_view service_code);

}  // namespace giro::hsm
