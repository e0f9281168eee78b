// TDES DUKPT (ANSI X9.24-1:2009 annex A). Its non-reversible key generation XORs keys with data, for which PKCS#11 has
// no mechanism: the initial key comes from the token's BDK, the keys below it are computed in this process's memory
// (locked, wiped) and live for one message.
//
//   KSN (10 bytes) = key set ID, TRSM ID || transaction counter: the rightmost 21 bits
//
// The BDK itself never leaves the token: it lies there twice, once as it is and once XORed with C0C0C0C000000000
// (twice), because the right half of an initial key is computed under the second (A.6).
#pragma once

#include "hsm/payment/secret_key.hpp"
#include "hsm/payment/wiped.hpp"

namespace giro::hsm {

using TdesKsn = ByteArray<10>;
using TdesKey = Wiped<16>;

inline constexpr std::uint32_t kTdesCounterMax = (1U << 21) - 1;
// A.2: a counter is of use when it is not zero and has at most 10 one bits.
[[nodiscard]] bool is_tdes_dukpt_counter(std::uint32_t counter) noexcept;
[[nodiscard]] std::uint32_t counter_of(const TdesKsn& ksn) noexcept;

struct TdesBdk {
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;     // may encrypt
    CK_OBJECT_HANDLE masked = CK_INVALID_HANDLE;  // the BDK XOR C0C0C0C000000000 C0C0C0C000000000; may encrypt
};
// What the second is made of, at import. `bdk`: 16 bytes.
void mask_bdk(MutableBytes bdk) noexcept;

// A.6: the initial key of this KSN's terminal (whatever its counter) into `out`.
[[nodiscard]] Ck<void> tdes_initial_key(const Session& session, const TdesBdk& bdk, const TdesKsn& ksn, TdesKey& out);

// A.3: initial key -> transaction key, before any variant.
void tdes_transaction_key(const TdesKey& initial, const TdesKsn& ksn, TdesKey& out);

enum class TdesVariant { pin, mac_request, mac_response };
// A.4.1: the variant of a transaction key for one use.
void tdes_variant(const TdesKey& transaction, TdesVariant variant, TdesKey& out);

// X9.19 under a variant, in memory: padding method 1. (DUKPT messages carry its leftmost 4 or all 8 bytes.)
[[nodiscard]] ByteArray<8> tdes_mac(const TdesKey& key, Bytes data);
// One block under a variant, in memory.
void tdes_decrypt(const TdesKey& key, Bytes in, MutableBytes out);
void tdes_encrypt(const TdesKey& key, Bytes in, MutableBytes out);

}  // namespace giro::hsm
