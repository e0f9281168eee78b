// Key blocks (ASC X9 TR-31:2018, ANSI X9.143:2021) under a key block protection key (KBPK) of the token: version D
// (AES) both ways, version B (TDES) in.
//
//   KBEK, KBMK = CMAC under the KBPK of  counter:1 usage:2 00 algorithm:2 bits:2     (5.3.2.1, 5.3.2.3)
//   block      = header || hex(CBC under KBEK, IV = MAC, of  key-bits:2 key padding) || hex(MAC)
//   MAC        = CMAC under KBMK of  header || bits, key, padding                     (5.3.2.2, 5.3.2.4)
//
// The KBPK stays in the token. KBEK, KBMK and the key are in this process's locked memory while one block is handled,
// for microseconds, and are wiped: PKCS#11 has no mechanism for it.
//
// Hostile: every block. There is one refusal. The decryption and the MAC run whatever the block looks like, over as
// many bytes as it has, and the MAC is compared in constant time before anything that it protects is looked at: neither
// the answer nor its time tells which bit was wrong. The version is the KBPK's own, not what the block says.
#pragma once

#include <optional>
#include <string>

#include "hsm/payment/secret_key.hpp"
#include "payment/key_block_header.hpp"

namespace giro::hsm {

// A KBPK: AES (16 or 32 bytes; version D) or TDES (16 bytes; version B). Its key may sign.
struct ProtectionKey {
    KeyRef key;
    std::size_t bytes = 32;
};

struct KeyInBlock {
    payment::KeyBlockHeader header;
    Secret key;
};
// Nothing: refused. An error is the token's.
[[nodiscard]] Ck<std::optional<KeyInBlock>> unwrap_key_block(const Session& session, const ProtectionKey& kbpk,
                                                             std::string_view block);

// A version D block of `key` with the header's fields (its version and length are set here). The key's length is
// hidden: AES keys are padded to 32 bytes, TDES keys to 24. ASSERTs that the KBPK is AES.
[[nodiscard]] Ck<std::string> wrap_key_block(const Session& session, const ProtectionKey& kbpk,
                                             payment::KeyBlockHeader header, Bytes key);

}  // namespace giro::hsm
