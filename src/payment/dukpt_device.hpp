// The terminal's side of AES DUKPT (ANSI X9.24-3:2017), in software: what a POS does in its secure element, and what the
// terminal simulators do. The box's side is in hsm/payment/dukpt_aes.cpp, inside the token; neither uses the other.
//
// A real terminal keeps only intermediate keys that give nothing of the past; this one keeps its initial key and goes the
// whole way for each message. It is a simulator's, and its keys protect nothing.
#pragma once

#include "payment/ksn.hpp"
#include "util/secret.hpp"

namespace giro::payment {

// The initial key of a device: 16 or 32 bytes, as many as the BDK has (ASSERTed). What a key injection facility does.
[[nodiscard]] Secret dukpt_initial_key(const Secret& bdk, const Ksn& device);

// The working keys of one KSN, each as long as the initial key.
struct DukptWorkingKeys {
    Secret mac_request, mac_response;  // AES-CMAC: the terminal's messages, and the answers to them
    Secret pin;
};
// `ksn` is AES DUKPT's and is_counting() (ASSERTed).
[[nodiscard]] DukptWorkingKeys dukpt_working_keys(const Secret& initial_key, const Ksn& ksn);

}  // namespace giro::payment
