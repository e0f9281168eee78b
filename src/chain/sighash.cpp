#include "chain/sighash.hpp"

#include "util/hash.hpp"

namespace giro::chain {

namespace {
constexpr std::uint32_t kBaseTypeMask = 0x1f;

void write_outpoint(Writer& out, const OutPoint& outpoint) {
    out.bytes(outpoint.txid);
    out.u32(outpoint.index);
}

void write_output(Writer& out, const TxOut& output) {
    out.i64(output.value);
    write_var_bytes(out, output.script_pubkey);
}

Hash256 hash_prevouts(const Tx& tx) {
    Buffer bytes;
    Writer out(bytes);
    for (const TxIn& input : tx.inputs) write_outpoint(out, input.prevout);
    return sha256d(bytes);
}

Hash256 hash_sequences(const Tx& tx) {
    Buffer bytes;
    Writer out(bytes);
    for (const TxIn& input : tx.inputs) out.u32(input.sequence);
    return sha256d(bytes);
}

Hash256 hash_outputs(std::span<const TxOut> outputs) {
    Buffer bytes;
    Writer out(bytes);
    for (const TxOut& output : outputs) write_output(out, output);
    return sha256d(bytes);
}
}  // namespace

Hash256 bip143_sighash(const Tx& tx, std::size_t input_index, Bytes script_code, Satoshi amount,
                       std::uint32_t hash_type) {
    ASSERT(input_index < tx.inputs.size());
    const std::uint32_t base = hash_type & kBaseTypeMask;
    const bool anyone_can_pay = (hash_type & kSighashAnyoneCanPay) != 0;
    const bool all_outputs = base != kSighashNone && base != kSighashSingle;
    const TxIn& input = tx.inputs[input_index];

    // BIP143: a hash that a type leaves out is 32 zero bytes.
    Hash256 outputs{};
    if (all_outputs) outputs = hash_outputs(tx.outputs);
    if (base == kSighashSingle && input_index < tx.outputs.size())
        outputs = hash_outputs(std::span(tx.outputs).subspan(input_index, 1));

    Buffer bytes;
    Writer out(bytes);
    out.u32(static_cast<std::uint32_t>(tx.version));
    out.bytes(anyone_can_pay ? Hash256{} : hash_prevouts(tx));
    out.bytes(anyone_can_pay || !all_outputs ? Hash256{} : hash_sequences(tx));
    write_outpoint(out, input.prevout);
    write_var_bytes(out, script_code);
    out.i64(amount);
    out.u32(input.sequence);
    out.bytes(outputs);
    out.u32(tx.lock_time);
    out.u32(hash_type);
    return sha256d(bytes);
}

Buffer p2wpkh_script_code(const Hash160& key_hash) {
    Buffer script{std::byte{0x76}, std::byte{0xa9}, std::byte{0x14}};  // DUP HASH160 push(20)
    script.insert(script.end(), key_hash.begin(), key_hash.end());
    script.insert(script.end(), {std::byte{0x88}, std::byte{0xac}});  // EQUALVERIFY CHECKSIG
    return script;
}

}  // namespace giro::chain
