// What a signature of a version-0 witness input signs (BIP143). Pure.
#pragma once

#include "chain/primitives.hpp"

namespace giro::chain {

inline constexpr std::uint32_t kSighashAll = 0x01;
inline constexpr std::uint32_t kSighashNone = 0x02;
inline constexpr std::uint32_t kSighashSingle = 0x03;
inline constexpr std::uint32_t kSighashAnyoneCanPay = 0x80;

// The hash for input `input_index` (ASSERTed to exist). `script_code`: for P2WSH the witness script, for P2WPKH
// p2wpkh_script_code(). `amount`: the value of the output being spent. `hash_type` is hashed as given, defined or not.
[[nodiscard]] Hash256 bip143_sighash(const Tx& tx, std::size_t input_index, Bytes script_code, Satoshi amount,
                                     std::uint32_t hash_type = kSighashAll);
// 76 a9 14 <key hash> 88 ac
[[nodiscard]] Buffer p2wpkh_script_code(const Hash160& key_hash);

}  // namespace giro::chain
