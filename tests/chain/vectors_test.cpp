// Third-party vectors: BIP143, BIP173, BIP350, Bitcoin Core's key_io, tx_valid, tx_invalid and sighash data, mainnet
// blocks, Wycheproof's ECDSA for Bitcoin.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "chain/address.hpp"
#include "chain/block_check.hpp"
#include "chain/merkle.hpp"
#include "chain/pow.hpp"
#include "chain/sighash.hpp"
#include "chain/verify.hpp"
#include "support.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::chain;
using nlohmann::json;

namespace {
std::optional<json> load(std::string_view name) {
    const std::string path = test::vector_path(name);
    if (path.empty()) {
        MESSAGE("third-party vectors are absent: skipped");
        return std::nullopt;
    }
    std::ifstream file(path);
    return json::parse(file);
}

Buffer unhex(const json& value) {
    return *from_hex(value.get<std::string>());
}

std::string text_of_hex(const json& value) {
    const Buffer bytes = unhex(value);
    return std::string(as_text(bytes));
}

// "0x00 0x14 0x4c9c..." as bytes; nothing for any script written with names.
std::optional<Buffer> script_of_text(const std::string& text) {
    Buffer script;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        const auto bytes = word.starts_with("0x") ? from_hex(std::string_view(word).substr(2)) : std::nullopt;
        if (!bytes) return std::nullopt;
        script.insert(script.end(), bytes->begin(), bytes->end());
    }
    return script;
}
}  // namespace

TEST_CASE("address: every string of BIP173 and BIP350 is judged as they say") {
    const auto vectors = load("bitcoin/bech32.json");
    if (!vectors) return;
    for (const std::string kind : {"bech32", "bech32m"}) {
        const auto& group = (*vectors)["vectors"][kind];
        for (const auto& text : group["valid_strings"]) {
            const auto parts = decode_bech32(text.get<std::string>());
            REQUIRE_MESSAGE(parts, text);
            CHECK((parts->kind == Bech32Kind::bech32) == (kind == "bech32"));
            std::string lower = text.get<std::string>();
            for (char& c : lower) c = static_cast<char>(std::tolower(c));
            CHECK(encode_bech32(*parts) == lower);
        }
        for (const auto& entry : group["invalid_strings"]) {
            const auto parts = decode_bech32(text_of_hex(entry["hex"]));
            CHECK_MESSAGE((!parts || (parts->kind == Bech32Kind::bech32) != (kind == "bech32")), entry["reason"]);
        }
    }
    // BIP350 replaces BIP173's list of segwit addresses.
    const auto& segwit = (*vectors)["vectors"]["bech32m"];
    for (const auto& entry : segwit["valid_segwit"]) {
        std::string address = entry["address"].get<std::string>();
        for (char& c : address) c = static_cast<char>(std::tolower(c));
        const std::string prefix = address.substr(0, 2);
        const auto script = decode_address(entry["address"].get<std::string>(), prefix);
        REQUIRE_MESSAGE(script, address);
        CHECK(to_hex(*script) == entry["scriptPubKey"]);
        CHECK(*encode_address(*script, prefix) == address);
    }
    for (const auto& entry : segwit["invalid_segwit"]) {
        const std::string address = text_of_hex(entry["hex"]);
        CHECK_MESSAGE(!decode_address(address, "tb"), entry["reason"]);
        CHECK_MESSAGE(!decode_address(address, "bc"), entry["reason"]);
    }
}

TEST_CASE("address: Bitcoin Core's segwit addresses of testnet and signet read and write the same") {
    const auto valid = load("bitcoin/key_io_valid.json");
    const auto invalid = load("bitcoin/key_io_invalid.json");
    if (!valid || !invalid) return;
    int seen = 0;
    for (const auto& entry : *valid) {
        const std::string text = entry[0];
        if (entry[2]["isPrivkey"] || !text.starts_with("tb1")) continue;
        const auto script = decode_address(text);
        REQUIRE_MESSAGE(script, text);
        CHECK(to_hex(*script) == entry[1]);
        CHECK(*encode_address(*script) == text);
        ++seen;
    }
    CHECK(seen >= 8);
    for (const auto& entry : *invalid) CHECK_FALSE(decode_address(entry[0].get<std::string>()));
}

TEST_CASE("sighash: the hashes printed in BIP143 come out") {
    const auto vectors = load("bitcoin/bip143.json");
    if (!vectors) return;
    int seen = 0;
    for (const auto& example : (*vectors)["examples"]) {
        // BIP143 hashes neither scriptSig nor witness, so the signed tx serves for every hash of its example.
        std::optional<Tx> tx;
        for (const auto& item : example["items"])
            if (item[0] == "The serialized signed transaction is") tx = *decode_tx(unhex(item[1]));
        REQUIRE(tx);
        std::map<std::string, Buffer> field;  // the latest value of each name: what is not said again stays
        for (const auto& item : example["items"]) {
            field[item[0].get<std::string>()] = unhex(item[1]);
            if (item[0] != "sigHash") continue;
            Reader outpoint(field["outpoint"]), code(field["scriptCode"]);
            const Hash256 id = outpoint.array<32>();
            const OutPoint wanted{id, outpoint.u32()};
            const auto input = std::find_if(tx->inputs.begin(), tx->inputs.end(),
                                            [&](const TxIn& in) { return in.prevout == wanted; });
            if (input == tx->inputs.end()) continue;  // of a second tx that the BIP does not print whole
            const Hash256 hash =
                bip143_sighash(*tx, static_cast<std::size_t>(input - tx->inputs.begin()), *read_var_bytes(code),
                               Reader(field["amount"]).i64(), Reader(field["nHashType"]).u32());
            CHECK_MESSAGE(to_hex(hash) == item[1], example["title"]);
            ++seen;
        }
    }
    CHECK(seen == 11);
}

TEST_CASE("tx: Bitcoin Core's valid transactions decode, write back the same and pass the context-free rules") {
    const auto vectors = load("bitcoin/tx_valid.json");
    if (!vectors) return;
    int decoded = 0, spends = 0;
    for (const auto& entry : *vectors) {
        if (entry.size() != 3 || !entry[0].is_array()) continue;
        const Buffer bytes = unhex(entry[1]);
        const auto tx = decode_tx(bytes);
        REQUIRE_MESSAGE(tx, entry[1]);
        CHECK(encode_tx(*tx) == bytes);
        CHECK(check_tx(*tx));
        ++decoded;
        for (const auto& prevout : entry[0]) {
            const auto script = script_of_text(prevout[2].get<std::string>());
            if (!script || (classify(*script) != ScriptKind::p2wpkh && classify(*script) != ScriptKind::p2wsh))
                continue;
            const auto from = hash_from_text(prevout[0].get<std::string>());
            for (std::size_t i = 0; i < tx->inputs.size(); ++i) {
                const OutPoint& outpoint = tx->inputs[i].prevout;
                if (outpoint.txid != *from || outpoint.index != prevout[1].get<std::uint32_t>()) continue;
                const auto verified = verify_spend(*tx, i, {prevout[3].get<Satoshi>(), *script});
                if (!verified && verified.error() == ChainError::unsupported_witness_script) continue;
                if (entry[2].get<std::string>().find("WITNESS") != std::string::npos) continue;
                CHECK_MESSAGE(verified, entry[1]);
                ++spends;
            }
        }
    }
    CHECK(decoded > 100);
    CHECK(spends >= 5);
}

TEST_CASE("tx: what Bitcoin Core calls BADTX is refused, and every invalid transaction is read without harm") {
    const auto vectors = load("bitcoin/tx_invalid.json");
    if (!vectors) return;
    int bad = 0;
    for (const auto& entry : *vectors) {
        if (entry.size() != 3 || !entry[0].is_array()) continue;
        const auto tx = decode_tx(unhex(entry[1]));
        if (entry[2] == "BADTX") {
            REQUIRE(tx);
            CHECK_MESSAGE(!check_tx(*tx), entry[1]);
            ++bad;
        }
        if (!tx) continue;
        for (std::size_t i = 0; i < tx->inputs.size() && i < entry[0].size(); ++i) {
            const auto script = script_of_text(entry[0][i][2].get<std::string>());
            if (!script || entry[0][i].size() < 4) continue;
            static_cast<void>(verify_spend(*tx, i, {entry[0][i][3].get<Satoshi>(), *script}));
        }
    }
    CHECK(bad >= 8);
}

TEST_CASE("tx: the random transactions of Bitcoin Core's sighash data write back the same") {
    const auto vectors = load("bitcoin/sighash.json");
    if (!vectors) return;
    for (const auto& entry : *vectors) {
        if (entry.size() != 5) continue;
        const Buffer bytes = unhex(entry[0]);
        const auto tx = decode_tx(bytes);
        REQUIRE(tx);
        CHECK(encode_tx(*tx) == bytes);
    }
}

TEST_CASE("block: the first 255 mainnet blocks link, meet their target and match their Merkle root") {
    const auto vectors = load("bitcoin/mainnet_1_256.json");
    if (!vectors) return;
    std::optional<Hash256> previous;
    for (std::size_t i = 0; i < (*vectors)["blocks"].size(); ++i) {
        const Buffer bytes = unhex((*vectors)["blocks"][i]);
        const auto block = decode_block(bytes);
        REQUIRE(block);
        CHECK(encode_block(*block) == bytes);
        const Hash256 hash = block_hash(block->header);
        CHECK(hash == *hash_from_text((*vectors)["hashes"][i].get<std::string>()));
        CHECK(hash_text(hash) == (*vectors)["hashes"][i]);
        if (previous) CHECK(block->header.previous == *previous);
        CHECK(meets_target(hash, *decode_compact(block->header.bits)));
        CHECK_FALSE(meets_target(hash, *decode_compact(0x1a00ffff)));
        CHECK(block_merkle_root(*block).root == block->header.merkle_root);
        previous = hash;
    }
}

TEST_CASE("block: mainnet block 300025 writes back the same and every Merkle path leads to its root") {
    const std::string path = test::vector_path("bitcoin/block300025.raw");
    if (path.empty()) return;
    const auto file = read_file(path);
    REQUIRE(file);
    Reader in(*file);
    const auto block = read_block(in);
    REQUIRE(block);
    CHECK(in.left() == 0);
    CHECK(encode_block(*block) == *file);
    std::vector<Hash256> ids;
    for (const Tx& tx : block->txs) ids.push_back(txid(tx));
    const MerkleRoot merkle = merkle_root(ids);
    CHECK(merkle.root == block->header.merkle_root);
    CHECK_FALSE(merkle.mutated);
    for (const std::size_t position : {std::size_t{0}, std::size_t{1}, ids.size() / 2, ids.size() - 1})
        CHECK(merkle_root_from_path(ids[position], position, merkle_path(ids, position)) == merkle.root);
    CHECK(merkle_root_from_path(ids[1], 0, merkle_path(ids, 1)) != merkle.root);
    CHECK_FALSE(merkle_root_from_path(ids[0], std::size_t{1} << 20, merkle_path(ids, 0)));
}

TEST_CASE("signature: Wycheproof's ECDSA for Bitcoin is judged the same, low S required") {
    const auto vectors = load("wycheproof/ecdsa_secp256k1_sha256_bitcoin_test.json");
    if (!vectors) return;
    int seen = 0;
    for (const auto& group : (*vectors)["testGroups"]) {
        const Buffer key = unhex(group["publicKey"]["uncompressed"]);
        for (const auto& entry : group["tests"]) {
            const auto signature = parse_strict_der(unhex(entry["sig"]));
            const bool valid = signature && verify_ecdsa(sha256(unhex(entry["msg"])), *signature, key, LowS::required);
            CHECK_MESSAGE(valid == (entry["result"] == "valid"), entry["tcId"], " ", entry["comment"]);
            ++seen;
        }
    }
    CHECK(seen == 463);
}
