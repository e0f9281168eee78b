// The scripts Giro pays to, and reading scripts push by push. Not an interpreter: see verify.hpp for spending.
// Hostile: any script_pubkey; ScriptReader never reads past its end.
#pragma once

#include <vector>

#include "chain/primitives.hpp"

namespace giro::chain {

inline constexpr std::byte kOp0{0x00}, kOpPushData1{0x4c}, kOpPushData2{0x4d}, kOpPushData4{0x4e}, kOp1{0x51},
    kOp16{0x60}, kOpReturn{0x6a}, kOpCheckSig{0xac}, kOpCheckSigVerify{0xad}, kOpCheckMultiSig{0xae},
    kOpCheckMultiSigVerify{0xaf};
inline constexpr std::size_t kMultiSigKeysMax = 16;     // what OP_16 can say; consensus would allow 20
inline constexpr std::size_t kScriptBytesMax = 10'000;  // consensus
inline constexpr std::size_t kOpReturnBytesMax = 80;    // data a node relays by default

using PublicKey = ByteArray<33>;  // compressed SEC1 point

// 0014 <HASH160 of the key> (BIP141)
[[nodiscard]] Buffer p2wpkh_script(const PublicKey& key);
[[nodiscard]] Buffer p2wpkh_script(const Hash160& key_hash);
// OP_k <key>... OP_n OP_CHECKMULTISIG, keys in the order given. ASSERTs 1 <= k <= n <= kMultiSigKeysMax.
[[nodiscard]] Buffer multisig_script(std::size_t k, std::span<const PublicKey> keys);
// 0020 <SHA256 of the witness script> (BIP141)
[[nodiscard]] Buffer p2wsh_script(Bytes witness_script);
// OP_RETURN <data>. ASSERTs at most kOpReturnBytesMax bytes.
[[nodiscard]] Buffer op_return_script(Bytes data);

enum class ScriptKind { p2wpkh, p2wsh, op_return, other };
[[nodiscard]] ScriptKind classify(Bytes script_pubkey) noexcept;
// The data of an OP_RETURN output with exactly one push; nothing for any other script.
[[nodiscard]] std::optional<Buffer> op_return_data(Bytes script_pubkey);

struct MultiSig {
    std::size_t required = 0;  // k
    std::vector<Buffer> keys;  // n of them, 33 or 65 bytes each, not checked to be curve points
};
// Reads OP_k <key>... OP_n OP_CHECKMULTISIG exactly; nothing for any other script.
[[nodiscard]] std::optional<MultiSig> parse_multisig(Bytes witness_script);

// One script element: an opcode with, when it is a push (00 to 4e), its data.
struct ScriptElement {
    std::byte opcode{};
    Bytes data;
    [[nodiscard]] bool is_push() const noexcept { return opcode <= kOpPushData4; }
};

class ScriptReader {
  public:
    explicit ScriptReader(Bytes script) noexcept : m_in(script) {}
    // The next element; nothing at the end or when a push runs over it (then ok() is false).
    [[nodiscard]] std::optional<ScriptElement> next() noexcept;
    [[nodiscard]] bool ok() const noexcept { return m_in.ok(); }

  private:
    Reader m_in;
};

// Appends `data` with the smallest length prefix (as a node's CScript << vector: never OP_1..OP_16).
void append_push(Buffer& script, Bytes data);
// Appends a number the way BIP34 wants the height: OP_0, OP_1..OP_16, else a minimal little-endian push.
void append_number(Buffer& script, std::uint32_t value);

// Signature operations counted the way the block limit counts base scripts (GetSigOpCount, not accurate: 20 a
// multisig).
[[nodiscard]] std::size_t count_sigops(Bytes script) noexcept;

}  // namespace giro::chain
