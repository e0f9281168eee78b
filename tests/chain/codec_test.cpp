// Wire forms, scripts and Merkle trees: each way bytes can be wrong, and every name an error can have.
#include <doctest/doctest.h>

#include <set>

#include "chain/address.hpp"
#include "chain/merkle.hpp"
#include "chain/script.hpp"
#include "support.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::chain;

namespace {
ChainError tx_error(std::string_view hex) {
    const auto tx = decode_tx(*from_hex(hex));
    REQUIRE_FALSE(tx);
    return tx.error();
}

Tx sample() {
    Tx tx;
    tx.inputs.push_back({{sha256(as_bytes("a")), 7}, {}, 5, {{std::byte{1}}, {}}});
    tx.inputs.push_back({{sha256(as_bytes("b")), 0}, {kOp1}, 6, {}});
    tx.outputs.push_back({1234, p2wpkh_script(test::Key::numbered(1).pub())});
    tx.lock_time = 99;
    return tx;
}
}  // namespace

TEST_CASE("compactsize: only the shortest form is read, and no more than 32 MiB") {
    const auto read = [](std::string_view hex) {
        const Buffer bytes = *from_hex(hex);
        Reader in(bytes);
        return read_compact_size(in);
    };
    CHECK(read("fc") == std::size_t{0xfc});
    CHECK(read("fdfd00") == std::size_t{0xfd});
    CHECK(read("fe00000100") == std::size_t{0x10000});
    CHECK(read("fe00000002") == kCompactSizeMax);
    CHECK(read("fdfc00").error() == ChainError::not_canonical_size);
    CHECK(read("feffff0000").error() == ChainError::not_canonical_size);
    CHECK(read("ffffffffff00000000").error() == ChainError::not_canonical_size);
    CHECK(read("ff0000000001000000").error() == ChainError::too_large);
    CHECK(read("fe01000002").error() == ChainError::too_large);
    CHECK(read("fd00").error() == ChainError::truncated);
    CHECK(read("").error() == ChainError::truncated);
    Buffer out;
    Writer writer(out);
    for (const std::uint64_t value : {0xfcULL, 0xfdULL, 0xffffULL, 0x10000ULL, 0xffffffffULL, 0x100000000ULL})
        write_compact_size(writer, value);
    CHECK(to_hex(out) == "fcfdfd00fdfffffe00000100feffffffffff0000000001000000");
}

TEST_CASE("tx: it writes and reads with and without witness, and the id ignores the witness") {
    Tx tx = sample();
    CHECK(decode_tx(encode_tx(tx)) == tx);
    const Hash256 id = txid(tx);
    CHECK(wtxid(tx) != id);
    CHECK(tx_weight(tx) == 3 * encode_tx(tx, WithWitness::no).size() + encode_tx(tx).size());
    tx.inputs[0].witness.clear();
    CHECK(txid(tx) == id);
    CHECK(wtxid(tx) == id);
    CHECK(decode_tx(encode_tx(tx)) == tx);
}

TEST_CASE("tx: every truncation is refused and each malformed one is named") {
    const Buffer good = encode_tx(sample());
    for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(decode_tx(Bytes(good).first(size)));
    Buffer longer = good;
    longer.push_back(std::byte{0});
    CHECK(decode_tx(longer).error() == ChainError::trailing_bytes);
    CHECK(tx_error("02000000") == ChainError::truncated);
    CHECK(tx_error("020000000002") == ChainError::unknown_witness_flag);
    CHECK(tx_error("02000000fe00000002") == ChainError::too_large);  // 33 million inputs in no bytes
    // One input without witness, but the flag set.
    CHECK(tx_error("02000000000101" + std::string(64, '0') + "0000000000" + "00000000" + "00" + "00" + "00000000") ==
          ChainError::superfluous_witness);
    CHECK(tx_error("0200000000"
                   "00"
                   "00000000"
                   "00") == ChainError::trailing_bytes);
    CHECK(decode_tx(*from_hex("020000000000"
                              "00000000"))
              ->inputs.empty());
}

TEST_CASE("header and block: sizes are exact") {
    const auto& genesis = genesis_block();
    const auto header = encode_header(genesis.header);
    CHECK(decode_header(header) == genesis.header);
    CHECK(decode_header(Bytes(header).first(79)).error() == ChainError::truncated);
    Buffer bytes = encode_block(genesis);
    CHECK(bytes.size() == 285);  // the same coinbase as Bitcoin's own first block
    CHECK(decode_block(bytes) == genesis);
    CHECK(block_weight(genesis) == 4 * bytes.size());
    bytes.push_back(std::byte{0});
    CHECK(decode_block(bytes).error() == ChainError::trailing_bytes);
    CHECK(decode_header(bytes).error() == ChainError::trailing_bytes);
    CHECK(hash_from_text(hash_text(block_hash(genesis.header))) == block_hash(genesis.header));
    CHECK_FALSE(hash_from_text("00"));
}

TEST_CASE("script: builders and readers are each other's inverse") {
    const std::vector<PublicKey> keys{test::Key::numbered(1).pub(), test::Key::numbered(2).pub(),
                                      test::Key::numbered(3).pub()};
    const Buffer script = multisig_script(2, keys);
    CHECK(script.size() == 105);
    const auto parsed = parse_multisig(script);
    REQUIRE(parsed);
    CHECK(parsed->required == 2);
    REQUIRE(parsed->keys.size() == 3);
    CHECK(std::equal(keys[2].begin(), keys[2].end(), parsed->keys[2].begin()));
    for (std::size_t size = 0; size < script.size(); ++size) CHECK_FALSE(parse_multisig(Bytes(script).first(size)));

    CHECK(classify(p2wsh_script(script)) == ScriptKind::p2wsh);
    CHECK(classify(p2wpkh_script(keys[0])) == ScriptKind::p2wpkh);
    CHECK(classify(script) == ScriptKind::other);
    const Buffer memo = op_return_script(as_bytes("SETTLE"));
    CHECK(to_hex(memo) == "6a06534554544c45");
    CHECK(classify(memo) == ScriptKind::op_return);
    CHECK(as_text(*op_return_data(memo)) == "SETTLE");
    CHECK_FALSE(op_return_data(*from_hex("6a")));
    CHECK_FALSE(
        op_return_data(*from_hex("6a0101"
                                 "0101")));
    CHECK_FALSE(op_return_data(*from_hex("6a02ff")));
    CHECK_FALSE(op_return_data(script));
}

TEST_CASE("script: what is nearly a multisig is none") {
    const std::string key = to_hex(test::Key::numbered(1).pub());
    for (const std::string& hex : {"0021" + key + "51ae",    // 0 of 1
                                   "5221" + key + "51ae",    // 2 of 1
                                   "5121" + key + "52ae",    // says 2 keys, has 1
                                   "5121" + key + "51ac",    // CHECKSIG
                                   "5121" + key + "51ae00",  // something behind
                                   "51"
                                   "4c21" +
                                       key + "51ae",  // key behind PUSHDATA1
                                   std::string("5150ae"), std::string("51")}) {
        CAPTURE(hex);
        CHECK_FALSE(parse_multisig(*from_hex(hex)));
    }
    CHECK(parse_multisig(*from_hex("5121" + key + "51ae")));
}

TEST_CASE("script: pushes and numbers take their shortest form") {
    const auto number = [](std::uint32_t value) {
        Buffer script;
        append_number(script, value);
        return to_hex(script);
    };
    CHECK(number(0) == "00");
    CHECK(number(1) == "51");
    CHECK(number(16) == "60");
    CHECK(number(17) == "0111");
    CHECK(number(127) == "017f");
    CHECK(number(128) == "028000");
    CHECK(number(32768) == "03008000");
    CHECK(number(0xffffffff) == "05ffffffff00");
    for (const std::size_t size : {std::size_t{75}, std::size_t{76}, std::size_t{255}, std::size_t{256},
                                   std::size_t{65535}, std::size_t{65536}}) {
        Buffer script;
        append_push(script, Buffer(size, std::byte{7}));
        ScriptReader reader(script);
        const auto element = reader.next();
        REQUIRE(element);
        CHECK(element->data.size() == size);
        CHECK_FALSE(reader.next());
        CHECK(reader.ok());
        const std::size_t prefix = size <= 75 ? 1 : size <= 255 ? 2 : size <= 65535 ? 3 : 5;
        CHECK(script.size() == size + prefix);
    }
    CHECK(count_sigops(*from_hex("acadaeaf02acac6a")) == 42);
}

TEST_CASE("merkle: a list padded with its own end has the same root and is called mutated (CVE-2012-2459)") {
    std::vector<Hash256> leaves;
    for (unsigned i = 0; i < 3; ++i) leaves.push_back(sha256(as_bytes(std::to_string(i))));
    const MerkleRoot three = merkle_root(leaves);
    CHECK_FALSE(three.mutated);
    leaves.push_back(leaves.back());
    CHECK(merkle_root(leaves).root == three.root);
    CHECK(merkle_root(leaves).mutated);
    CHECK(merkle_root({}).root == Hash256{});
    CHECK(merkle_root({leaves[0]}).root == leaves[0]);
    CHECK(merkle_path({leaves[0]}, 0).empty());
    CHECK(merkle_root_from_path(leaves[0], 0, {}) == leaves[0]);
    CHECK_FALSE(merkle_root_from_path(leaves[0], 1, {}));
    CHECK_FALSE(merkle_root_from_path(leaves[0], 0, std::vector<Hash256>(kMerklePathMax + 1)));
}

TEST_CASE("address: what is no witness program has no address") {
    CHECK(encode_address(*from_hex("76a914")).error() == ChainError::bad_address);
    CHECK(encode_address(*from_hex("000101")).error() == ChainError::bad_address);
    CHECK(encode_address({}).error() == ChainError::bad_address);
    CHECK(decode_address("tb1").error() == ChainError::bad_address);
    const Buffer script = p2wpkh_script(test::Key::numbered(1).pub());
    const std::string address = *encode_address(script);
    CHECK(address.starts_with("tb1q"));
    CHECK(decode_address(address) == script);
    CHECK_FALSE(decode_address(address, "bc"));
    // One wrong character anywhere is caught (BIP173 promises up to four).
    for (std::size_t i = 3; i < address.size(); ++i) {
        std::string wrong = address;
        wrong[i] = wrong[i] == 'q' ? 'p' : 'q';
        CHECK_FALSE(decode_address(wrong));
    }
}

TEST_CASE("errors: every value has its own words") {
    std::set<std::string_view> words;
    for (int i = 0; i <= static_cast<int>(ChainError::bad_solution); ++i)
        CHECK(words.insert(describe(static_cast<ChainError>(i))).second);
    for (int i = 0; i <= static_cast<int>(RejectReason::mempool_full); ++i)
        CHECK(words.insert(bip22_word(static_cast<RejectReason>(i))).second);
    CHECK_FALSE(words.contains("unknown"));
}
