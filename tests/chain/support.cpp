#include "support.hpp"

#include <secp256k1.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "chain/grinder.hpp"
#include "chain/sighash.hpp"
#include "chain/verify.hpp"
#include "util/hash.hpp"

namespace giro::chain::test {

namespace {
const secp256k1_context* signing_context() {
    static const secp256k1_context* context = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
    return context;
}
const unsigned char* raw(const ByteArray<32>& b) {
    return reinterpret_cast<const unsigned char*>(b.data());
}

Buffer unhex(const nlohmann::json& value) {
    return *from_hex(value.get<std::string>());
}
}  // namespace

Key Key::of(std::string_view hex) {
    return {*array_from_hex<32>(hex)};
}
Key Key::numbered(unsigned n) {
    return {sha256(as_bytes("chain test key " + std::to_string(n)))};
}

PublicKey Key::pub() const {
    secp256k1_pubkey point;
    PublicKey out;
    std::size_t size = out.size();
    ASSERT(secp256k1_ec_pubkey_create(signing_context(), &point, raw(secret)) == 1);
    ASSERT(secp256k1_ec_pubkey_serialize(signing_context(), reinterpret_cast<unsigned char*>(out.data()), &size, &point,
                                         SECP256K1_EC_COMPRESSED) == 1);
    return out;
}

Buffer Key::sign(const Hash256& hash, std::uint8_t hash_type) const {
    secp256k1_ecdsa_signature signature;
    CompactSignature compact;
    ASSERT(secp256k1_ecdsa_sign(signing_context(), &signature, raw(hash), raw(secret), nullptr, nullptr) == 1);
    secp256k1_ecdsa_signature_serialize_compact(signing_context(), reinterpret_cast<unsigned char*>(compact.data()),
                                                &signature);
    Buffer der = *encode_der_low_s(compact);
    der.push_back(static_cast<std::byte>(hash_type));
    return der;
}

std::string vector_path(std::string_view name) {
    const std::string folder = std::string(GIRO_SOURCE_DIR) + "/../shared/vectors/";
    return std::filesystem::exists(folder) ? folder + std::string(name) : std::string();
}

const RecordedChain* recorded_chain() {
    static const std::optional<RecordedChain> recorded = []() -> std::optional<RecordedChain> {
        const std::string path = vector_path("signet/chain-p2wsh.json");
        if (path.empty()) return std::nullopt;
        std::ifstream file(path);
        const auto json = nlohmann::json::parse(file);
        RecordedChain chain;
        chain.params.challenge = unhex(json["challenge"]);
        chain.witness_script = unhex(json["witness_or_redeem_script"]);
        for (const auto& key : json["signer_privkeys"]) chain.signers.push_back(Key::of(key.get<std::string>()));
        chain.reward = Key::of(json["reward_privkey"].get<std::string>());
        chain.reward_script = unhex(json["reward_spk"]);
        chain.magic = *array_from_hex<4>(json["message_start"].get<std::string>());
        for (const auto& block : json["blocks"]) chain.blocks.push_back(unhex(block));
        for (const auto& v : json["verdicts"])
            chain.verdicts.push_back({v["name"], v["result"].is_null() ? "" : v["result"].get<std::string>(),
                                      v["accepted"], unhex(v["block"])});
        chain.recorded_at = json["recorded_at"];
        chain.settlement_tx = unhex(json["settlement_tx"]);
        return chain;
    }();
    return recorded ? &*recorded : nullptr;
}

ChainState replay_recorded(std::size_t blocks) {
    const RecordedChain* recorded = recorded_chain();
    ChainState chain(recorded->params);
    for (std::size_t i = 0; i < blocks; ++i) {
        const auto accepted = chain.submit_block(recorded->blocks[i], recorded->recorded_at);
        ASSERT(accepted && accepted->best);
    }
    return chain;
}

void MemoryBackend::submit_block(const Block& block, Done<Accepted> done) {
    const auto accepted = m_chain.submit_block(encode_block(block), block.header.time);
    if (accepted) return done(*accepted);
    done(tl::unexpected<NotTaken>({NotTaken::Why::refused, std::string(bip22_word(accepted.error()))}));
}

TestNet::TestNet() {
    std::vector<PublicKey> keys;
    for (unsigned i = 0; i < 3; ++i) {
        signers.push_back(Key::numbered(i));
        keys.push_back(signers.back().pub());
    }
    witness_script = multisig_script(2, keys);
    params.challenge = p2wsh_script(witness_script);
}

const TestNet& testnet() {
    static const TestNet net;
    return net;
}

void sign_block(Block& block, std::span<const Key> two_signers, Bytes witness_script) {
    const Hash256 hash = signet_sighash(signet_parts(block)->message, witness_script);
    std::vector<Buffer> signatures;
    for (const Key& key : two_signers) signatures.push_back(key.sign(hash));
    set_signet_solution(block, signet_solution(signatures, witness_script));
}

void grind_block(Block& block) {
    const auto result = grind(block.header, [](std::uint64_t) { return true; });
    ASSERT(result.end == GrindResult::End::found);
    block.header.nonce = result.nonce;
}

Tx spend_p2wpkh(const Key& key, const OutPoint& from, Satoshi amount, std::vector<TxOut> outputs,
                std::uint32_t sequence, std::uint32_t lock_time) {
    Tx tx{2, {TxIn{from, {}, sequence, {}}}, std::move(outputs), lock_time};
    const Buffer code = p2wpkh_script_code(hash160(key.pub()));
    tx.inputs[0].witness = p2wpkh_witness(key.sign(bip143_sighash(tx, 0, code, amount)), key.pub());
    return tx;
}

}  // namespace giro::chain::test
