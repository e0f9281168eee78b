// Bitcoin's tx and block as plain data, and their wire form (BIP144). Used by giro-chain, giro-settle, the vault and
// the offline verifier. Hostile: every byte given to decode_*. They bound each count by the bytes that are left before
// they allocate, accept canonical sizes only, and so encode(decode(x)) == x. Fails with a ChainError.
//
//   tx     i32 version | [00 01] | vin | vout | [witness stack per input] | u32 lock_time     (little endian)
//   input  32 txid | u32 index | var script_sig | u32 sequence
//   output i64 value | var script_pubkey
//   block  80-byte header | count | txs
#pragma once

#include <vector>

#include "chain/error.hpp"
#include "giro/result.hpp"
#include "giro/types.hpp"
#include "util/bytes.hpp"

namespace giro::chain {

using Satoshi = std::int64_t;
inline constexpr Satoshi kCoin = 100'000'000;
inline constexpr Satoshi kMoneyMax = 21'000'000 * kCoin;
inline constexpr std::size_t kHeaderBytes = 80;
inline constexpr std::size_t kBlockWeightMax = 4'000'000;   // BIP141; also the largest block in bytes
inline constexpr std::size_t kCompactSizeMax = 0x02000000;  // as a node's MAX_SIZE: 32 MiB
inline constexpr std::uint32_t kSequenceFinal = 0xffffffff;
inline constexpr std::uint32_t kIndexNull = 0xffffffff;  // the coinbase's prevout index

struct OutPoint {
    Hash256 txid{};
    std::uint32_t index = kIndexNull;
    auto operator<=>(const OutPoint&) const = default;
    [[nodiscard]] bool is_null() const noexcept { return index == kIndexNull && txid == Hash256{}; }
};

struct TxIn {
    OutPoint prevout;
    Buffer script_sig;
    std::uint32_t sequence = kSequenceFinal;
    std::vector<Buffer> witness;
    bool operator==(const TxIn&) const = default;
};

struct TxOut {
    Satoshi value = 0;
    Buffer script_pubkey;
    bool operator==(const TxOut&) const = default;
};

struct Tx {
    std::int32_t version = 2;
    std::vector<TxIn> inputs;
    std::vector<TxOut> outputs;
    std::uint32_t lock_time = 0;
    bool operator==(const Tx&) const = default;
    [[nodiscard]] bool is_coinbase() const noexcept { return inputs.size() == 1 && inputs[0].prevout.is_null(); }
    [[nodiscard]] bool has_witness() const noexcept;
};

struct BlockHeader {
    std::int32_t version = 0x20000000;
    Hash256 previous{};
    Hash256 merkle_root{};
    std::uint32_t time = 0;  // seconds since 1970
    std::uint32_t bits = 0;
    std::uint32_t nonce = 0;
    bool operator==(const BlockHeader&) const = default;
};

struct Block {
    BlockHeader header;
    std::vector<Tx> txs;
    bool operator==(const Block&) const = default;
};

enum class WithWitness { no, yes };

void write_compact_size(Writer& out, std::uint64_t value);
void write_var_bytes(Writer& out, Bytes bytes);  // compactsize, then the bytes
// Reads a canonical compactsize of at most kCompactSizeMax.
[[nodiscard]] Expected<std::size_t, ChainError> read_compact_size(Reader& in);
[[nodiscard]] Expected<Buffer, ChainError> read_var_bytes(Reader& in);

[[nodiscard]] Buffer encode_tx(const Tx& tx, WithWitness with_witness = WithWitness::yes);
[[nodiscard]] Expected<Tx, ChainError> decode_tx(Bytes bytes);  // the whole of `bytes`
[[nodiscard]] Expected<Tx, ChainError> read_tx(Reader& in);     // from the front
// The whole of `bytes` in the form before BIP144, where a tx without inputs is no marker: how a PSBT holds it.
[[nodiscard]] Expected<Tx, ChainError> decode_tx_without_witness(Bytes bytes);

[[nodiscard]] ByteArray<kHeaderBytes> encode_header(const BlockHeader& header);
[[nodiscard]] Expected<BlockHeader, ChainError> decode_header(Bytes bytes);

[[nodiscard]] Buffer encode_block(const Block& block);
[[nodiscard]] Expected<Block, ChainError> decode_block(Bytes bytes);  // the whole of `bytes`
[[nodiscard]] Expected<Block, ChainError> read_block(Reader& in);     // from the front

// Double SHA-256 without (txid) and with (wtxid) witness, in the hash function's order; people see it reversed.
[[nodiscard]] Hash256 txid(const Tx& tx);
[[nodiscard]] Hash256 wtxid(const Tx& tx);
[[nodiscard]] Hash256 block_hash(const BlockHeader& header);
// BIP141 weight: 3 x size without witness + size with it.
[[nodiscard]] std::size_t tx_weight(const Tx& tx);
[[nodiscard]] std::size_t block_weight(const Block& block);

// A txid or block hash as people write it (64 hex digits, reversed) and back.
[[nodiscard]] std::string hash_text(const Hash256& hash);
[[nodiscard]] std::optional<Hash256> hash_from_text(std::string_view text);

}  // namespace giro::chain
