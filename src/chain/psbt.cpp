#include "chain/psbt.hpp"

#include <algorithm>
#include <set>

namespace giro::chain {

namespace {
constexpr ByteArray<5> kMagic{std::byte{'p'}, std::byte{'s'}, std::byte{'b'}, std::byte{'t'}, std::byte{0xff}};
constexpr std::size_t kXpubBytes = 78;     // BIP32
constexpr std::size_t kPathStepBytes = 4;  // after the master key's fingerprint, which is as long
constexpr std::size_t kWitnessItemBytesMin = 1;
constexpr std::uint32_t kVersion0 = 0;

tl::unexpected<PsbtError> error(PsbtError e) {
    return tl::unexpected<PsbtError>(e);
}

// What BIP174 says of a type's key data and value.
enum class KeyData { none, xpub, public_key };
enum class Value { any, u32, path, tx, output, witness };
struct Rule {
    std::uint8_t type;
    KeyData key_data;
    Value value;
};
namespace t = psbt_type;
// The unsigned transaction is no row: it is read apart.
constexpr Rule kGlobalRules[] = {{t::kXpub, KeyData::xpub, Value::path}, {t::kVersion, KeyData::none, Value::u32}};
constexpr Rule kInputRules[] = {
    {t::kNonWitnessUtxo, KeyData::none, Value::tx},          {t::kWitnessUtxo, KeyData::none, Value::output},
    {t::kPartialSignature, KeyData::public_key, Value::any}, {t::kHashType, KeyData::none, Value::u32},
    {t::kRedeemScript, KeyData::none, Value::any},           {t::kWitnessScript, KeyData::none, Value::any},
    {t::kDerivation, KeyData::public_key, Value::path},      {t::kFinalScriptSig, KeyData::none, Value::any},
    {t::kFinalWitness, KeyData::none, Value::witness},
};
constexpr Rule kOutputRules[] = {
    {t::kOutputRedeemScript, KeyData::none, Value::any},
    {t::kOutputWitnessScript, KeyData::none, Value::any},
    {t::kOutputDerivation, KeyData::public_key, Value::path},
};

bool fits(KeyData kind, Bytes data) noexcept {
    switch (kind) {
        case KeyData::none:
            return data.empty();
        case KeyData::xpub:
            return data.size() == kXpubBytes;
        case KeyData::public_key:
            return (data.size() == 33 && (data[0] == std::byte{2} || data[0] == std::byte{3})) ||
                   (data.size() == 65 && data[0] == std::byte{4});
    }
    return false;
}

bool fits(Value kind, Bytes value) {
    switch (kind) {
        case Value::any:
            return true;
        case Value::u32:
            return value.size() == sizeof(std::uint32_t);
        case Value::path:
            return !value.empty() && value.size() % kPathStepBytes == 0;
        case Value::tx:
            return decode_tx(value).has_value();
        case Value::output:
            return decode_output(value).has_value();
        case Value::witness:
            return decode_witness(value).has_value();
    }
    return false;
}

Expected<PsbtMap, PsbtError> read_map(Reader& in) {
    PsbtMap map;
    std::set<Buffer> keys;
    while (true) {
        auto key = read_var_bytes(in);
        if (!key) return error(PsbtError::truncated);
        if (key->empty()) return map;  // the separator
        auto value = read_var_bytes(in);
        if (!value) return error(PsbtError::truncated);
        if (!keys.insert(*key).second) return error(PsbtError::duplicate_key);
        map.pairs.push_back({std::move(*key), std::move(*value)});
    }
}

Expected<void, PsbtError> check(const PsbtMap& map, std::span<const Rule> rules) {
    for (const PsbtPair& pair : map.pairs) {
        const auto rule = std::ranges::find(rules, pair.type(), &Rule::type);
        if (rule == rules.end()) continue;
        if (!fits(rule->key_data, pair.key_data())) return error(PsbtError::bad_key);
        if (!fits(rule->value, pair.value)) return error(PsbtError::bad_value);
    }
    return {};
}

Expected<PsbtMap, PsbtError> read_checked_map(Reader& in, std::span<const Rule> rules) {
    auto map = read_map(in);
    if (!map) return map;
    if (const auto good = check(*map, rules); !good) return error(good.error());
    return map;
}

// Takes the unsigned transaction out of the global map.
Expected<Tx, PsbtError> take_unsigned_tx(PsbtMap& global) {
    const auto at = std::find_if(global.pairs.begin(), global.pairs.end(),
                                 [](const PsbtPair& pair) { return pair.type() == t::kUnsignedTx; });
    if (at == global.pairs.end()) return error(PsbtError::no_unsigned_tx);
    if (!at->key_data().empty()) return error(PsbtError::bad_key);
    auto tx = decode_tx_without_witness(at->value);
    if (!tx) return error(PsbtError::bad_value);
    if (std::any_of(tx->inputs.begin(), tx->inputs.end(), [](const TxIn& input) { return !input.script_sig.empty(); }))
        return error(PsbtError::unsigned_tx_signed);
    global.remove(t::kUnsignedTx);
    return std::move(*tx);
}

void write_pair(Writer& out, const PsbtPair& pair) {
    write_var_bytes(out, pair.key);
    write_var_bytes(out, pair.value);
}

void write_map(Writer& out, const PsbtMap& map) {
    for (const PsbtPair& pair : map.pairs) write_pair(out, pair);
    out.u8(0);
}
}  // namespace

const Buffer* PsbtMap::find(std::uint8_t type, Bytes key_data) const {
    const auto at = std::find_if(pairs.begin(), pairs.end(), [&](const PsbtPair& pair) {
        return pair.type() == type && std::ranges::equal(pair.key_data(), key_data);
    });
    return at == pairs.end() ? nullptr : &at->value;
}

void PsbtMap::set(std::uint8_t type, Bytes key_data, Bytes value) {
    Buffer key{static_cast<std::byte>(type)};
    key.insert(key.end(), key_data.begin(), key_data.end());
    const auto at = std::find_if(pairs.begin(), pairs.end(), [&](const PsbtPair& pair) { return pair.key == key; });
    if (at == pairs.end())
        pairs.push_back({std::move(key), Buffer(value.begin(), value.end())});
    else
        at->value.assign(value.begin(), value.end());
}

void PsbtMap::remove(std::uint8_t type) {
    std::erase_if(pairs, [&](const PsbtPair& pair) { return pair.type() == type; });
}

Expected<Psbt, PsbtError> decode_psbt(Bytes bytes) {
    if (bytes.size() > kPsbtBytesMax) return error(PsbtError::too_large);
    Reader in(bytes);
    if (in.array<kMagic.size()>() != kMagic || !in.ok()) return error(PsbtError::bad_magic);
    Psbt psbt;
    auto global = read_map(in);
    if (!global) return error(global.error());
    auto tx = take_unsigned_tx(*global);
    if (!tx) return error(tx.error());
    if (const auto good = check(*global, kGlobalRules); !good) return error(good.error());
    if (const Buffer* version = global->find(t::kVersion);
        version != nullptr && load_le<std::uint32_t>(version->data()) != kVersion0)
        return error(PsbtError::unknown_version);
    psbt.tx = std::move(*tx);
    psbt.global = std::move(*global);
    for (std::size_t i = 0; i < psbt.tx.inputs.size(); ++i) {
        auto map = read_checked_map(in, kInputRules);
        if (!map) return error(map.error());
        psbt.inputs.push_back(std::move(*map));
    }
    for (std::size_t i = 0; i < psbt.tx.outputs.size(); ++i) {
        auto map = read_checked_map(in, kOutputRules);
        if (!map) return error(map.error());
        psbt.outputs.push_back(std::move(*map));
    }
    if (!in.done()) return error(PsbtError::trailing_bytes);
    return psbt;
}

Buffer encode_psbt(const Psbt& psbt) {
    ASSERT(psbt.inputs.size() == psbt.tx.inputs.size() && psbt.outputs.size() == psbt.tx.outputs.size());
    Buffer bytes(kMagic.begin(), kMagic.end());
    Writer out(bytes);
    write_pair(out, {Buffer{static_cast<std::byte>(t::kUnsignedTx)}, encode_tx(psbt.tx, WithWitness::no)});
    write_map(out, psbt.global);
    for (const PsbtMap& map : psbt.inputs) write_map(out, map);
    for (const PsbtMap& map : psbt.outputs) write_map(out, map);
    return bytes;
}

Buffer encode_output(const TxOut& output) {
    Buffer bytes;
    Writer out(bytes);
    out.i64(output.value);
    write_var_bytes(out, output.script_pubkey);
    return bytes;
}

Expected<TxOut, ChainError> decode_output(Bytes bytes) {
    Reader in(bytes);
    TxOut output;
    output.value = in.i64();
    auto script = read_var_bytes(in);
    if (!script) return tl::unexpected(script.error());
    if (!in.done()) return tl::unexpected(ChainError::trailing_bytes);
    output.script_pubkey = std::move(*script);
    return output;
}

Buffer encode_witness(std::span<const Buffer> items) {
    Buffer bytes;
    Writer out(bytes);
    write_compact_size(out, items.size());
    for (const Buffer& item : items) write_var_bytes(out, item);
    return bytes;
}

Expected<std::vector<Buffer>, ChainError> decode_witness(Bytes bytes) {
    Reader in(bytes);
    const auto count = read_compact_size(in);
    if (!count) return tl::unexpected(count.error());
    if (*count > in.left() / kWitnessItemBytesMin) return tl::unexpected(ChainError::too_large);
    std::vector<Buffer> items;
    items.reserve(*count);
    for (std::size_t i = 0; i < *count; ++i) {
        auto item = read_var_bytes(in);
        if (!item) return tl::unexpected(item.error());
        items.push_back(std::move(*item));
    }
    if (!in.done()) return tl::unexpected(ChainError::trailing_bytes);
    return items;
}

std::string_view describe(PsbtError error) noexcept {
    switch (error) {
        case PsbtError::too_large:
            return "larger than any transaction needs";
        case PsbtError::bad_magic:
            return "not a PSBT";
        case PsbtError::truncated:
            return "ends before its last map does";
        case PsbtError::trailing_bytes:
            return "bytes after the last map";
        case PsbtError::duplicate_key:
            return "the same key twice in one map";
        case PsbtError::bad_key:
            return "a key of a size that its type does not have";
        case PsbtError::bad_value:
            return "a value that is not what its type says";
        case PsbtError::no_unsigned_tx:
            return "no transaction in it";
        case PsbtError::unsigned_tx_signed:
            return "its transaction is signed already";
        case PsbtError::unknown_version:
            return "a version other than 0";
        case PsbtError::other_transaction:
            return "of another transaction";
        case PsbtError::no_utxo:
            return "an input does not say what it spends";
        case PsbtError::utxo_mismatch:
            return "an input does not spend what it says";
        case PsbtError::unsupported_script:
            return "spends neither P2WPKH nor P2WSH k-of-n";
        case PsbtError::script_mismatch:
            return "its witness script is not the one paid to";
        case PsbtError::hash_type:
            return "asks for a signature of less than the whole transaction";
        case PsbtError::foreign_key:
            return "a signature by a key that may not sign";
        case PsbtError::signature_invalid:
            return "a wrong signature";
        case PsbtError::incomplete:
            return "signatures are missing";
    }
    return "unknown";
}

}  // namespace giro::chain
