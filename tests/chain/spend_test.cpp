// Spending rules: P2WPKH and P2WSH k-of-n, each refusal by name.
#include <doctest/doctest.h>

#include "chain/sighash.hpp"
#include "chain/verify.hpp"
#include "support.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::chain;
using test::Key;

namespace {
constexpr Satoshi kAmount = 5 * kCoin;

// A 2-of-3 spend whose witness each test spoils in its own way.
struct MultiSigSpend {
    std::vector<Key> keys{Key::numbered(1), Key::numbered(2), Key::numbered(3)};
    Buffer script;
    TxOut spent;
    Tx tx;
    Hash256 hash{};

    MultiSigSpend() {
        const std::vector<PublicKey> pubs{keys[0].pub(), keys[1].pub(), keys[2].pub()};
        script = multisig_script(2, pubs);
        spent = {kAmount, p2wsh_script(script)};
        tx.inputs.push_back({{sha256(as_bytes("funding")), 1}, {}, kSequenceFinal, {}});
        tx.outputs.push_back({kAmount - 1000, p2wpkh_script(pubs[0])});
        hash = bip143_sighash(tx, 0, script, kAmount);
    }
    Expected<void, ChainError> with(std::vector<Buffer> signatures) {
        tx.inputs[0].witness = multisig_witness(signatures, script);
        return verify_spend(tx, 0, spent);
    }
};
}  // namespace

TEST_CASE("p2wsh: any two of three signatures in key order spend") {
    MultiSigSpend s;
    for (const auto& [a, b] : {std::pair{0, 1}, {0, 2}, {1, 2}})
        CHECK(s.with(
            {s.keys[static_cast<std::size_t>(a)].sign(s.hash), s.keys[static_cast<std::size_t>(b)].sign(s.hash)}));
}

TEST_CASE("p2wsh: each wrong witness is refused by name") {
    MultiSigSpend s;
    const Buffer first = s.keys[0].sign(s.hash), second = s.keys[1].sign(s.hash);
    CHECK(s.with({second, first}).error() == ChainError::signature_invalid);
    CHECK(s.with({first, first}).error() == ChainError::signature_invalid);
    CHECK(s.with({first, {}}).error() == ChainError::signature_invalid);
    CHECK(s.with({first, Key::numbered(9).sign(s.hash)}).error() == ChainError::signature_invalid);
    CHECK(s.with({first}).error() == ChainError::witness_shape);
    CHECK(s.with({first, second, second}).error() == ChainError::witness_shape);

    Buffer padded = second;  // r with a needless zero in front
    padded.insert(padded.begin() + 4, std::byte{0});
    padded[1] = static_cast<std::byte>(std::to_integer<int>(padded[1]) + 1);
    padded[3] = static_cast<std::byte>(std::to_integer<int>(padded[3]) + 1);
    CHECK(s.with({first, padded}).error() == ChainError::signature_encoding);

    CHECK(s.with({first, second}));
    s.tx.inputs[0].witness[0] = {std::byte{1}};
    CHECK(verify_spend(s.tx, 0, s.spent).error() == ChainError::null_dummy);
    s.tx.inputs[0].witness[0] = Buffer(521);
    CHECK(verify_spend(s.tx, 0, s.spent).error() == ChainError::witness_shape);
    s.tx.inputs[0].witness[0].clear();
    s.tx.inputs[0].script_sig = {kOp1};
    CHECK(verify_spend(s.tx, 0, s.spent).error() == ChainError::script_sig_not_empty);
    s.tx.inputs[0].script_sig.clear();
    s.tx.inputs[0].witness.back().back() = kOp0;
    CHECK(verify_spend(s.tx, 0, s.spent).error() == ChainError::witness_mismatch);
    s.tx.inputs[0].witness.clear();
    CHECK(verify_spend(s.tx, 0, s.spent).error() == ChainError::witness_mismatch);
}

TEST_CASE("p2wsh: the signature covers amount, outputs and sequence") {
    MultiSigSpend s;
    const std::vector<Buffer> signatures{s.keys[0].sign(s.hash), s.keys[1].sign(s.hash)};
    CHECK(s.with(signatures));
    s.spent.value += 1;
    CHECK_FALSE(s.with(signatures));
    s.spent.value -= 1;
    s.tx.outputs[0].value -= 1;
    CHECK_FALSE(s.with(signatures));
    s.tx.outputs[0].value += 1;
    s.tx.inputs[0].sequence -= 1;
    CHECK_FALSE(s.with(signatures));
}

TEST_CASE("p2wsh: NONE and ANYONECANPAY leave out what they say") {
    MultiSigSpend s;
    const std::uint8_t type = kSighashNone | kSighashAnyoneCanPay;
    const Hash256 hash = bip143_sighash(s.tx, 0, s.script, kAmount, type);
    const std::vector<Buffer> signatures{s.keys[0].sign(hash, type), s.keys[1].sign(hash, type)};
    CHECK(s.with(signatures));
    s.tx.outputs[0].value -= 1;
    s.tx.inputs.push_back({});
    CHECK(s.with(signatures));
    // SINGLE without an output of its own number hashes zero outputs (BIP143).
    CHECK(bip143_sighash(s.tx, 1, s.script, kAmount, kSighashSingle) !=
          bip143_sighash(s.tx, 1, s.script, kAmount, kSighashNone));
}

TEST_CASE("p2wpkh: the key's own signature spends, nothing else") {
    const Key key = Key::numbered(1), other = Key::numbered(2);
    const TxOut spent{kAmount, p2wpkh_script(key.pub())};
    Tx tx = test::spend_p2wpkh(key, {sha256(as_bytes("x")), 0}, kAmount, {{1, spent.script_pubkey}});
    CHECK(verify_spend(tx, 0, spent));
    auto& witness = tx.inputs[0].witness;
    const auto good = witness;
    witness[0] = other.sign(Hash256{});
    CHECK(verify_spend(tx, 0, spent).error() == ChainError::signature_invalid);
    witness[0].clear();
    CHECK(verify_spend(tx, 0, spent).error() == ChainError::signature_invalid);
    witness[0] = Buffer(521);
    CHECK(verify_spend(tx, 0, spent).error() == ChainError::witness_shape);
    witness = p2wpkh_witness(good[0], other.pub());
    CHECK(verify_spend(tx, 0, spent).error() == ChainError::witness_mismatch);
    witness.pop_back();
    CHECK(verify_spend(tx, 0, spent).error() == ChainError::witness_shape);
    // Every single bit of the signature counts, its hash type included.
    witness = good;
    for (std::size_t bit = 0; bit < good[0].size() * 8; ++bit) {
        witness[0] = good[0];
        witness[0][bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        CHECK_FALSE(verify_spend(tx, 0, spent));
    }
}

TEST_CASE("spend: output types the embedded node cannot run are refused as unsupported") {
    Tx tx;
    tx.inputs.resize(1);
    CHECK(verify_spend(tx, 0, {1, {kOp1}}).error() == ChainError::unsupported_script);
    const Buffer script{kOp1};
    tx.inputs[0].witness = {script};
    CHECK(verify_spend(tx, 0, {1, p2wsh_script(script)}).error() == ChainError::unsupported_witness_script);
    const Buffer huge(kScriptBytesMax + 1);
    tx.inputs[0].witness = {huge};
    CHECK(verify_spend(tx, 0, {1, p2wsh_script(huge)}).error() == ChainError::witness_shape);
}

TEST_CASE("signature: a token's high S is made low, and both verify by consensus") {
    const Key key = Key::numbered(4);
    const Hash256 hash = sha256(as_bytes("block"));
    const Buffer der = key.sign(hash);
    const auto low = parse_strict_der(Bytes(der).first(der.size() - 1));
    REQUIRE(low);
    // s' = n - s
    const auto order = *array_from_hex<32>("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    CompactSignature high = *low;
    int borrow = 0;
    for (std::size_t i = 32; i-- > 0;) {
        const int digit = std::to_integer<int>(order[i]) - std::to_integer<int>((*low)[32 + i]) - borrow;
        borrow = digit < 0 ? 1 : 0;
        high[32 + i] = static_cast<std::byte>(digit & 0xff);
    }
    CHECK(verify_ecdsa(hash, *low, key.pub(), LowS::required));
    CHECK(verify_ecdsa(hash, high, key.pub()));
    CHECK_FALSE(verify_ecdsa(hash, high, key.pub(), LowS::required));
    CHECK(encode_der_low_s(high) == encode_der_low_s(*low));
    CompactSignature overflow;
    overflow.fill(std::byte{0xff});
    CHECK_FALSE(encode_der_low_s(overflow));
    CHECK_FALSE(verify_ecdsa(hash, overflow, key.pub()));
    CHECK_FALSE(verify_ecdsa(hash, *low, Buffer(33)));
    CHECK(is_public_key(key.pub()));
    CHECK_FALSE(is_public_key(PublicKey{}));
}
