// EMV application cryptograms of on-us cards (EMV 4.3 Book 2, 8 and annex A1): the ARQC a card made, the ARPC it
// expects. Everything is derived and computed inside the token.
//
//   issuer master key -> ICC master key (A1.4): TDES of  Y  and of  not Y.  Option A: Y = the 16 rightmost digits of
//     PAN || PSN. Option B, for PANs over 16 digits: Y = 16 digits of SHA-1(PAN || PSN), decimalised
//   ICC master key -> session key, common method (A1.3.1): TDES of  ATC F0 00…  and of  ATC 0F 00…
//   cryptogram (A1.2.1): the X9.19 MAC of the card's and terminal's data
//
//   CVN 10 (Visa): no session key; data filled with zeros; ARPC by method 1 under the ICC master key (8.2.1)
//   CVN 18 (Visa): session key; data ends with 80; ARPC by method 2 under the session key (8.2.2)
#pragma once

#include <optional>

#include "hsm/payment/mac.hpp"

namespace giro::hsm {

enum class Cvn : std::uint8_t { cvn10 = 10, cvn18 = 18 };
[[nodiscard]] std::optional<Cvn> cvn_of(std::uint8_t number) noexcept;
enum class IccKeyOption { a, b };

using Cryptogram = ByteArray<8>;
using Atc = ByteArray<2>;

// What diversifies: A1.4.1 or A1.4.2. `psn`: PAN sequence number (tag 5F34), 0 to 99; 0 where the card has none.
[[nodiscard]] ByteArray<8> icc_key_data(const Pan& pan, std::uint8_t psn, IccKeyOption option);

// A card's key for application cryptograms in the token: as it is, and its left half twice for the MAC.
struct CardKey {
    Object whole;
    Object left;
};
// `issuer_master`: TDES, may derive. The session key where the CVN has one, else the ICC master key.
[[nodiscard]] Ck<CardKey> card_key(const Session& session, CK_OBJECT_HANDLE issuer_master, const Pan& pan,
                                   std::uint8_t psn, IccKeyOption option, Cvn cvn, const Atc& atc);

// The ARQC (or TC, AAC) over `data`: the values in the order of the CVN's list, concatenated.
[[nodiscard]] Ck<Cryptogram> application_cryptogram(const Session& session, const CardKey& key, Cvn cvn, Bytes data);
// 8.2.1: TDES of  ARQC XOR (response code:2, zeros:6).
[[nodiscard]] Ck<Cryptogram> arpc_method1(const Session& session, const CardKey& key, const Cryptogram& arqc,
                                          const ByteArray<2>& response_code);
// 8.2.2: the leftmost 4 bytes of the MAC of  ARQC, card status update:4, proprietary data of 0 to 8 bytes.
[[nodiscard]] Ck<ByteArray<4>> arpc_method2(const Session& session, const CardKey& key, const Cryptogram& arqc,
                                            const ByteArray<4>& csu, Bytes proprietary = {});

}  // namespace giro::hsm
