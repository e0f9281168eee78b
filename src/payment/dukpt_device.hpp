// The terminal's side of AES DUKPT (ANSI X9.24-3:2017) and TDES DUKPT (X9.24-1:2009), in software: what a POS does in its
// secure element, and what the terminal simulators do. The box's side is in hsm/payment/dukpt_aes.cpp and dukpt_tdes.cpp;
// neither uses the other. Which of the two it is, the KSN's length says.
//
// A real terminal keeps only intermediate keys that give nothing of the past; this one keeps its initial key and goes the
// whole way for each message. It is a simulator's, and its keys protect nothing.
#pragma once

#include "payment/ksn.hpp"
#include "util/secret.hpp"

namespace giro::payment {

// The initial key of a device: 16 or 32 bytes, as many as the BDK has; 16 for TDES (ASSERTed). What a key injection
// facility does.
[[nodiscard]] Secret dukpt_initial_key(const Secret& bdk, const Ksn& device);

// Which MAC keys there are below an AES key; TDES has those of X9.19 alone.
enum class DukptMacKey : std::uint8_t { aes_cmac, hmac_sha_256 };

// The working keys of one KSN, each as long as the initial key.
struct DukptWorkingKeys {
    Secret mac_request, mac_response;  // the terminal's messages, and the answers to them
    Secret pin;
};
// `ksn` is_counting(); HMAC needs an initial key of 32 bytes (ASSERTed).
[[nodiscard]] DukptWorkingKeys dukpt_working_keys(const Secret& initial_key, const Ksn& ksn,
                                                  DukptMacKey mac = DukptMacKey::aes_cmac);

}  // namespace giro::payment
