// Segwit addresses: bech32 (BIP173) for witness version 0, bech32m (BIP350) for 1 to 16. Hostile: any text.
#pragma once

#include <string>
#include <string_view>

#include "chain/primitives.hpp"

namespace giro::chain {

inline constexpr std::string_view kAddressPrefix = "tb";  // testnet and every signet
inline constexpr std::size_t kBech32CharsMax = 90;

enum class Bech32Kind { bech32, bech32m };
struct Bech32 {
    std::string prefix;                // lower case
    std::vector<std::uint8_t> values;  // 5 bits each, checksum removed
    Bech32Kind kind = Bech32Kind::bech32;
};
[[nodiscard]] Expected<Bech32, ChainError> decode_bech32(std::string_view text);
// ASSERTs a lower-case prefix and 5-bit values.
[[nodiscard]] std::string encode_bech32(const Bech32& parts);

// The script_pubkey an address stands for; ChainError::bad_address for anything but a segwit address of this prefix.
[[nodiscard]] Expected<Buffer, ChainError> decode_address(std::string_view address,
                                                          std::string_view prefix = kAddressPrefix);
// The address of a witness program script (version 0: 20 or 32 bytes; 1 to 16: 2 to 40); bad_address otherwise.
[[nodiscard]] Expected<std::string, ChainError> encode_address(Bytes script_pubkey,
                                                               std::string_view prefix = kAddressPrefix);

}  // namespace giro::chain
