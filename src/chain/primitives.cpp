#include "chain/primitives.hpp"

#include <algorithm>

#include "util/hash.hpp"

namespace giro::chain {

namespace {
// The least a structure takes on the wire: bounds counts before anything is allocated.
constexpr std::size_t kInputBytesMin = 41, kOutputBytesMin = 9, kTxBytesMin = 10, kWitnessItemBytesMin = 1;
constexpr std::uint8_t kWitnessFlag = 1;

tl::unexpected<ChainError> error(ChainError e) {
    return tl::unexpected<ChainError>(e);
}

// A count of structures of at least `bytes_min` each.
Expected<std::size_t, ChainError> read_count(Reader& in, std::size_t bytes_min) {
    const auto count = read_compact_size(in);
    if (count && *count > in.left() / bytes_min) return error(ChainError::too_large);
    return count;
}

Expected<std::vector<TxIn>, ChainError> read_inputs(Reader& in, std::size_t count) {
    std::vector<TxIn> inputs(count);
    for (TxIn& input : inputs) {
        input.prevout.txid = in.array<32>();
        input.prevout.index = in.u32();
        auto script = read_var_bytes(in);
        if (!script) return error(script.error());
        input.script_sig = std::move(*script);
        input.sequence = in.u32();
        if (!in.ok()) return error(ChainError::truncated);
    }
    return inputs;
}

Expected<std::vector<TxOut>, ChainError> read_outputs(Reader& in) {
    const auto count = read_count(in, kOutputBytesMin);
    if (!count) return error(count.error());
    std::vector<TxOut> outputs(*count);
    for (TxOut& output : outputs) {
        output.value = in.i64();
        auto script = read_var_bytes(in);
        if (!script) return error(script.error());
        output.script_pubkey = std::move(*script);
    }
    return outputs;
}

Expected<void, ChainError> read_witnesses(Reader& in, Tx& tx) {
    for (TxIn& input : tx.inputs) {
        const auto count = read_count(in, kWitnessItemBytesMin);
        if (!count) return error(count.error());
        input.witness.reserve(*count);
        for (std::size_t i = 0; i < *count; ++i) {
            auto item = read_var_bytes(in);
            if (!item) return error(item.error());
            input.witness.push_back(std::move(*item));
        }
    }
    if (!tx.has_witness()) return error(ChainError::superfluous_witness);
    return {};
}

BlockHeader read_header(Reader& in) {
    BlockHeader header;
    header.version = static_cast<std::int32_t>(in.u32());
    header.previous = in.array<32>();
    header.merkle_root = in.array<32>();
    header.time = in.u32();
    header.bits = in.u32();
    header.nonce = in.u32();
    return header;
}

void write_tx(Writer& out, const Tx& tx, bool with_witness) {
    out.u32(static_cast<std::uint32_t>(tx.version));
    if (with_witness) {
        out.u8(0);
        out.u8(kWitnessFlag);
    }
    write_compact_size(out, tx.inputs.size());
    for (const TxIn& input : tx.inputs) {
        out.bytes(input.prevout.txid);
        out.u32(input.prevout.index);
        write_var_bytes(out, input.script_sig);
        out.u32(input.sequence);
    }
    write_compact_size(out, tx.outputs.size());
    for (const TxOut& output : tx.outputs) {
        out.i64(output.value);
        write_var_bytes(out, output.script_pubkey);
    }
    if (with_witness) {
        for (const TxIn& input : tx.inputs) {
            write_compact_size(out, input.witness.size());
            for (const Buffer& item : input.witness) write_var_bytes(out, item);
        }
    }
    out.u32(tx.lock_time);
}
}  // namespace

bool Tx::has_witness() const noexcept {
    return std::any_of(inputs.begin(), inputs.end(), [](const TxIn& input) { return !input.witness.empty(); });
}

void write_compact_size(Writer& out, std::uint64_t value) {
    if (value < 0xfd) {
        out.u8(static_cast<std::uint8_t>(value));
    } else if (value <= 0xffff) {
        out.u8(0xfd);
        out.u16(static_cast<std::uint16_t>(value));
    } else if (value <= 0xffffffff) {
        out.u8(0xfe);
        out.u32(static_cast<std::uint32_t>(value));
    } else {
        out.u8(0xff);
        out.u64(value);
    }
}

void write_var_bytes(Writer& out, Bytes bytes) {
    write_compact_size(out, bytes.size());
    out.bytes(bytes);
}

Expected<std::size_t, ChainError> read_compact_size(Reader& in) {
    const std::uint8_t first = in.u8();
    std::uint64_t value = first;
    std::uint64_t smallest = 0;  // that needs this form
    if (first == 0xfd) {
        value = in.u16();
        smallest = 0xfd;
    } else if (first == 0xfe) {
        value = in.u32();
        smallest = 0x10000;
    } else if (first == 0xff) {
        value = in.u64();
        smallest = 0x100000000;
    }
    if (!in.ok()) return error(ChainError::truncated);
    if (value < smallest) return error(ChainError::not_canonical_size);
    if (value > kCompactSizeMax) return error(ChainError::too_large);
    return static_cast<std::size_t>(value);
}

Expected<Buffer, ChainError> read_var_bytes(Reader& in) {
    const auto size = read_compact_size(in);
    if (!size) return error(size.error());
    const Bytes bytes = in.take(*size);
    if (!in.ok()) return error(ChainError::truncated);
    return Buffer(bytes.begin(), bytes.end());
}

Buffer encode_tx(const Tx& tx, WithWitness with_witness) {
    Buffer bytes;
    Writer out(bytes);
    write_tx(out, tx, with_witness == WithWitness::yes && tx.has_witness());
    return bytes;
}

Expected<Tx, ChainError> read_tx(Reader& in) {
    Tx tx;
    tx.version = static_cast<std::int32_t>(in.u32());
    auto count = read_count(in, kInputBytesMin);
    if (!count) return error(count.error());
    // BIP144: no inputs here is the marker, and the flag follows. Flag 0 is a tx that truly has nothing.
    std::uint8_t flag = 0;
    bool empty = false;
    if (*count == 0) {
        flag = in.u8();
        if (!in.ok()) return error(ChainError::truncated);
        if (flag > kWitnessFlag) return error(ChainError::unknown_witness_flag);
        empty = flag == 0;
        if (!empty) count = read_count(in, kInputBytesMin);
        if (!count) return error(count.error());
    }
    if (!empty) {
        auto inputs = read_inputs(in, *count);
        if (!inputs) return error(inputs.error());
        tx.inputs = std::move(*inputs);
        auto outputs = read_outputs(in);
        if (!outputs) return error(outputs.error());
        tx.outputs = std::move(*outputs);
    }
    if (flag == kWitnessFlag) {
        if (const auto read = read_witnesses(in, tx); !read) return error(read.error());
    }
    tx.lock_time = in.u32();
    if (!in.ok()) return error(ChainError::truncated);
    return tx;
}

Expected<Tx, ChainError> decode_tx(Bytes bytes) {
    Reader in(bytes);
    auto tx = read_tx(in);
    if (tx && !in.done()) return error(ChainError::trailing_bytes);
    return tx;
}

Expected<Tx, ChainError> decode_tx_without_witness(Bytes bytes) {
    Reader in(bytes);
    Tx tx;
    tx.version = static_cast<std::int32_t>(in.u32());
    const auto count = read_count(in, kInputBytesMin);
    if (!count) return error(count.error());
    auto inputs = read_inputs(in, *count);
    if (!inputs) return error(inputs.error());
    auto outputs = read_outputs(in);
    if (!outputs) return error(outputs.error());
    tx.inputs = std::move(*inputs);
    tx.outputs = std::move(*outputs);
    tx.lock_time = in.u32();
    if (!in.ok()) return error(ChainError::truncated);
    if (!in.done()) return error(ChainError::trailing_bytes);
    return tx;
}

ByteArray<kHeaderBytes> encode_header(const BlockHeader& header) {
    ByteArray<kHeaderBytes> bytes;
    store_le(bytes.data(), static_cast<std::uint32_t>(header.version));
    std::copy(header.previous.begin(), header.previous.end(), bytes.begin() + 4);
    std::copy(header.merkle_root.begin(), header.merkle_root.end(), bytes.begin() + 36);
    store_le(bytes.data() + 68, header.time);
    store_le(bytes.data() + 72, header.bits);
    store_le(bytes.data() + 76, header.nonce);
    return bytes;
}

Expected<BlockHeader, ChainError> decode_header(Bytes bytes) {
    if (bytes.size() < kHeaderBytes) return error(ChainError::truncated);
    if (bytes.size() > kHeaderBytes) return error(ChainError::trailing_bytes);
    Reader in(bytes);
    return read_header(in);
}

Buffer encode_block(const Block& block) {
    Buffer bytes;
    Writer out(bytes);
    out.bytes(encode_header(block.header));
    write_compact_size(out, block.txs.size());
    for (const Tx& tx : block.txs) write_tx(out, tx, tx.has_witness());
    return bytes;
}

Expected<Block, ChainError> read_block(Reader& in) {
    Block block;
    block.header = read_header(in);
    const auto count = read_count(in, kTxBytesMin);
    if (!count) return error(count.error());
    block.txs.reserve(*count);
    for (std::size_t i = 0; i < *count; ++i) {
        auto tx = read_tx(in);
        if (!tx) return error(tx.error());
        block.txs.push_back(std::move(*tx));
    }
    return block;
}

Expected<Block, ChainError> decode_block(Bytes bytes) {
    Reader in(bytes);
    auto block = read_block(in);
    if (block && !in.done()) return error(ChainError::trailing_bytes);
    return block;
}

Hash256 txid(const Tx& tx) {
    return sha256d(encode_tx(tx, WithWitness::no));
}
Hash256 wtxid(const Tx& tx) {
    return sha256d(encode_tx(tx, WithWitness::yes));
}
Hash256 block_hash(const BlockHeader& header) {
    return sha256d(encode_header(header));
}

std::size_t tx_weight(const Tx& tx) {
    return 3 * encode_tx(tx, WithWitness::no).size() + encode_tx(tx, WithWitness::yes).size();
}

std::size_t block_weight(const Block& block) {
    Buffer count;
    Writer out(count);
    write_compact_size(out, block.txs.size());
    std::size_t weight = 4 * (kHeaderBytes + count.size());
    for (const Tx& tx : block.txs) weight += tx_weight(tx);
    return weight;
}

std::string hash_text(const Hash256& hash) {
    return to_hex_reversed(hash);
}

std::optional<Hash256> hash_from_text(std::string_view text) {
    auto hash = array_from_hex<32>(text);
    if (hash) std::reverse(hash->begin(), hash->end());
    return hash;
}

}  // namespace giro::chain
