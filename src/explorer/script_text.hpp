// A script in words, as block explorers write it: its kind, its address, its instructions. Hostile: any script.
#pragma once

#include <string>

#include "chain/script.hpp"

namespace giro::explorer {

// "v0_p2wpkh", "v0_p2wsh", "v1_p2tr", "op_return", "p2pk", "p2pkh", "p2sh", "multisig", "empty" or "unknown".
[[nodiscard]] std::string_view kind_of(Bytes script_pubkey);
// The segwit address; empty for what has none.
[[nodiscard]] std::string address_of(Bytes script_pubkey);
// "OP_0 OP_PUSHBYTES_32 <hex>"; a push that runs over the end is told as "<push past end>".
[[nodiscard]] std::string asm_of(Bytes script);

}  // namespace giro::explorer
