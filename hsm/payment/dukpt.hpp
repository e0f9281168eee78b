// DUKPT of either kind behind one door: the keys of one KSN, made from the base key of the store for one message and
// gone with it. 12 bytes of KSN are AES DUKPT's, 10 are TDES DUKPT's; the base key must be of that kind.
#pragma once

#include "hsm/payment/counter_file.hpp"
#include "hsm/payment/key_store.hpp"
#include "hsm/payment/mac.hpp"

namespace giro::hsm {

// The counter of a KSN of either length; 0 (which is none) for any other length.
[[nodiscard]] std::uint32_t ksn_counter(Bytes ksn) noexcept;
// The ledger's id of a KSN's terminal, under a base key, for a use ("mac-ksn", "pin-ksn"): the KSN without its counter.
[[nodiscard]] CounterId ksn_id(std::string_view use, std::string_view bdk, Bytes ksn);
// Whether a KSN can be one: its length, its counter's one bits, and that `bdk` is a base key of its kind.
[[nodiscard]] bool ksn_fits(const PaymentKey& bdk, Bytes ksn) noexcept;

// A working key: an object of the token (AES DUKPT) or in locked memory (TDES DUKPT).
struct DukptKeys {
    std::optional<Object> token;
    TdesKey memory;
    bool pin_in_memory = false;
};
// The PIN key of a KSN. Neither in the token nor in memory: the KSN does not fit.
[[nodiscard]] Ck<void> dukpt_pin_key(const Session& session, const PaymentKey& bdk, Bytes ksn, DukptKeys& out);

enum class Direction { request, response };
// The MAC of a message under a KSN. Nothing: the KSN does not fit, or the kind of MAC is none of its DUKPT's: AES has
// AES-CMAC and, with a 256-bit BDK, HMAC; TDES has X9.19.
[[nodiscard]] Ck<std::optional<ByteArray<8>>> dukpt_mac8(const Session& session, const PaymentKey& bdk, Bytes ksn,
                                                         Direction direction, MacKind kind, Bytes data);

}  // namespace giro::hsm
