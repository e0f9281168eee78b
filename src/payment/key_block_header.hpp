// The header of a key block (ASC X9 TR-31:2018, ANSI X9.143:2021): what a key is for, readable by anyone without a key.
// `giro key inspect` reads it in its user's process, giro-vault again before it looks at the key.
//
//   version:1 length:4 usage:2 algorithm:1 mode:1 key-version:2 exportability:1 optional-blocks:2 reserved:2
//   then each optional block:  id:2 length:2 (hex, of the whole)  value        lengths over 255:  id:2 00 n:2 length:n
//   value then the enciphered key and the MAC, both in upper-case hex
//
// Hostile: all of it. Nothing is trusted before the vault has checked the MAC.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "giro/result.hpp"

namespace giro::payment {

inline constexpr std::size_t kKeyBlockBytesMax = 4096;  // X9.143's own bound is 9999 characters; keys of ours need 144
inline constexpr std::size_t kHeaderBytes = 16;
inline constexpr std::size_t kOptionalBlocksMax = 98;  // the two digits' most, less the PB block that we may add

struct OptionalBlock {
    std::string id;     // 2 characters
    std::string value;  // printable ASCII
    bool operator==(const OptionalBlock&) const = default;
};

struct KeyBlockHeader {
    char version = 'D';
    std::string usage = "K0";  // "B0" BDK, "P0" PIN encryption, "M6" CMAC, ...: usage_text()
    char algorithm = 'A';      // A AES, T TDES, H HMAC
    char mode =
        'N';  // B both ways, C compute MACs, D decrypt, E encrypt, G generate, N no restriction, V verify, X derive
    std::string key_version = "00";  // "00": not used; "c?": a component
    char exportability = 'N';        // E under a trusted key, N not, S under any key
    std::vector<OptionalBlock> optional;
    std::size_t length = 0;        // of the whole block, as it says itself
    std::size_t header_bytes = 0;  // this much of it was header
    bool operator==(const KeyBlockHeader&) const = default;
};

// Failure::refused with the place of what is wrong. `block` may be a header alone: whether the length it tells is that
// of the block is for the caller to say.
[[nodiscard]] Result<KeyBlockHeader> parse_key_block_header(std::string_view block);
// The header's characters, with `length` as given; optional blocks are filled up to a multiple of `block_bytes` with a
// PB block (X9.143 6.3.6.11). ASSERTs that fields have their sizes.
[[nodiscard]] std::string format_key_block_header(KeyBlockHeader header, std::size_t block_bytes);

// For people: "PIN encryption key". "?" for codes of no meaning to us.
[[nodiscard]] std::string_view usage_text(std::string_view usage) noexcept;
[[nodiscard]] std::string_view algorithm_text(char algorithm) noexcept;
[[nodiscard]] std::string_view mode_text(char mode) noexcept;
[[nodiscard]] std::string_view exportability_text(char exportability) noexcept;
// How a version protects its key: "AES, derivation binding" for D.
[[nodiscard]] std::string_view version_text(char version) noexcept;

}  // namespace giro::payment
