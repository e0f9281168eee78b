// PSBTs (BIP174): its own vectors, and one settlement's way from the box that makes it through two that sign.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "chain/psbt_roles.hpp"
#include "chain/sighash.hpp"
#include "chain/verify.hpp"
#include "support.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::chain;
using nlohmann::json;
using test::Key;
namespace t = psbt_type;

namespace {
constexpr Satoshi kBankCoin = 70'000, kKeyCoin = 50'000;

std::optional<json> vectors() {
    const std::string path = test::vector_path("bitcoin/bip174_psbt.json");
    if (path.empty()) {
        MESSAGE("third-party vectors are absent: skipped");
        return std::nullopt;
    }
    std::ifstream file(path);
    return json::parse(file)["psbt"];
}
Buffer bytes_of(const json& entry) {
    return *from_hex(entry["hex"].get<std::string>());
}

// A bank's 2-of-3 coin and a coin of one key, paid to somebody.
struct Sample {
    std::vector<Key> bank{Key::numbered(1), Key::numbered(2), Key::numbered(3)};
    Key single = Key::numbered(7);
    Buffer script;
    std::vector<TxOut> spent;
    Tx tx;
    Psbt psbt;

    Sample() {
        script = multisig_script(2, std::vector{bank[0].pub(), bank[1].pub(), bank[2].pub()});
        spent = {{kBankCoin, p2wsh_script(script)}, {kKeyCoin, p2wpkh_script(single.pub())}};
        tx.inputs = {{{sha256(as_bytes("bank")), 1}, {}, kSequenceFinal, {}},
                     {{sha256(as_bytes("key")), 0}, {}, kSequenceFinal, {}}};
        tx.outputs = {{kBankCoin + kKeyCoin - 500, p2wpkh_script(Key::numbered(9).pub())},
                      {0, op_return_script(as_bytes("root"))}};
        psbt = create_psbt(tx);
        set_spent(psbt, 0, spent[0], script);
        set_spent(psbt, 1, spent[1]);
    }
    [[nodiscard]] Buffer signature(std::size_t input, const Key& key) const {
        return key.sign(signable(psbt, input)->sighash);
    }
    void sign(std::size_t input, const Key& key) {
        REQUIRE(add_signature(psbt, input, key.pub(), signature(input, key)));
    }
};

// The same pairs, whatever their order.
Psbt sorted(Psbt psbt) {
    const auto sort = [](PsbtMap& map) { std::ranges::sort(map.pairs, {}, &PsbtPair::key); };
    sort(psbt.global);
    std::ranges::for_each(psbt.inputs, sort);
    std::ranges::for_each(psbt.outputs, sort);
    return psbt;
}
}  // namespace

TEST_CASE("psbt: every valid one of BIP174 decodes and encodes to the same bytes") {
    const auto groups = vectors();
    if (!groups) return;
    for (const char* group : {"valid", "signer_must_refuse"})
        for (const auto& entry : (*groups)[group]) {
            const Buffer bytes = bytes_of(entry);
            const auto psbt = decode_psbt(bytes);
            REQUIRE_MESSAGE(psbt, entry["case"]);
            CHECK(encode_psbt(*psbt) == bytes);
        }
}

TEST_CASE("psbt: every invalid one of BIP174 is refused for its reason") {
    const auto groups = vectors();
    if (!groups) return;
    const std::map<std::string, PsbtError> reasons{
        {"Network transaction, not PSBT format", PsbtError::bad_magic},
        {"PSBT missing outputs", PsbtError::truncated},
        {"PSBT where one input has a filled scriptSig in the unsigned tx", PsbtError::unsigned_tx_signed},
        {"PSBT where inputs and outputs are provided but without an unsigned tx", PsbtError::no_unsigned_tx},
        {"PSBT with duplicate keys in an input", PsbtError::duplicate_key},
        {"PSBT with unsigned tx serialized with witness serialization format", PsbtError::bad_value},
        {"PSBT with an invalid value data due to its size being not the stated size", PsbtError::bad_value},
    };
    for (const auto& entry : (*groups)["invalid"]) {
        const auto psbt = decode_psbt(bytes_of(entry));
        REQUIRE_MESSAGE(!psbt, entry["case"]);
        const auto reason = reasons.find(entry["case"].get<std::string>());
        const PsbtError expected = reason == reasons.end() ? PsbtError::bad_key : reason->second;
        CHECK_MESSAGE(psbt.error() == expected, entry["case"].get<std::string>(), ": ", describe(psbt.error()));
    }
}

TEST_CASE("psbt: what BIP174 says a signer must refuse is refused") {
    const auto groups = vectors();
    if (!groups) return;
    for (const auto& entry : (*groups)["signer_must_refuse"]) {
        const auto psbt = decode_psbt(bytes_of(entry));
        REQUIRE(psbt);
        bool all = true;
        for (std::size_t i = 0; i < psbt->inputs.size(); ++i) all = all && signable(*psbt, i).has_value();
        CHECK_MESSAGE(!all, entry["case"]);
    }
}

TEST_CASE("psbt: BIP174's two signers combine to its result, in either order, unknown pairs included") {
    const auto groups = vectors();
    if (!groups) return;
    const auto& other = (*groups)["other"];
    struct Combination {
        std::size_t a, b, result;
    };
    for (const auto& [a, b, result] : {Combination{3, 4, 5}, Combination{8, 9, 10}}) {
        const auto one = decode_psbt(bytes_of(other[a])), two = decode_psbt(bytes_of(other[b]));
        const auto expected = decode_psbt(bytes_of(other[result]));
        REQUIRE((one && two && expected));
        const auto there = combine(std::vector{*one, *two}), back = combine(std::vector{*two, *one});
        REQUIRE((there && back));
        CHECK(sorted(*there) == sorted(*expected));
        CHECK(sorted(*back) == sorted(*expected));
    }
}

TEST_CASE("psbt: two boxes sign apart, a third puts it together, and the spends verify") {
    Sample maker;
    const Buffer sent = encode_psbt(maker.psbt);
    Sample one = maker, two = maker;
    one.psbt = *decode_psbt(sent);
    two.psbt = *decode_psbt(sent);
    CHECK(one.psbt == maker.psbt);
    one.sign(0, one.bank[2]);
    two.sign(0, two.bank[0]);
    two.sign(1, two.single);
    CHECK(signers(one.psbt, 0) == std::vector{one.bank[2].pub()});
    CHECK(finalize(one.psbt).error() == PsbtError::incomplete);

    auto all = combine(std::vector{one.psbt, two.psbt});
    REQUIRE(all);
    CHECK(extract(*all).error() == PsbtError::incomplete);
    REQUIRE(finalize(*all));
    CHECK(all->inputs[0].find(t::kPartialSignature) == nullptr);
    CHECK(all->inputs[0].find(t::kWitnessScript) == nullptr);
    REQUIRE(finalize(*all));  // once more changes nothing
    const auto signed_tx = extract(*decode_psbt(encode_psbt(*all)));
    REQUIRE(signed_tx);
    for (std::size_t i = 0; i < maker.spent.size(); ++i) CHECK(verify_spend(*signed_tx, i, maker.spent[i]));
    CHECK(txid(*signed_tx) == txid(maker.tx));
}

TEST_CASE("psbt: a third signature is left out, for a clean stack is consensus") {
    Sample s;
    for (const Key& key : {s.bank[2], s.bank[1], s.bank[0]}) s.sign(0, key);
    s.sign(1, s.single);
    REQUIRE(finalize(s.psbt));
    CHECK(extract(s.psbt));
}

TEST_CASE("psbt: a signer refuses each thing that is not as it says") {
    Sample s;
    const auto refused = [&](std::size_t input) {
        const auto result = signable(s.psbt, input);
        REQUIRE(!result);
        return result.error();
    };
    SUBCASE("nothing says what is spent") {
        s.psbt.inputs[0].remove(t::kWitnessUtxo);
        CHECK(refused(0) == PsbtError::no_utxo);
    }
    SUBCASE("another witness script than the one paid to") {
        s.psbt.inputs[0].set(t::kWitnessScript, {}, multisig_script(1, std::vector{s.bank[0].pub()}));
        CHECK(refused(0) == PsbtError::script_mismatch);
    }
    SUBCASE("no witness script") {
        s.psbt.inputs[0].remove(t::kWitnessScript);
        CHECK(refused(0) == PsbtError::script_mismatch);
    }
    SUBCASE("a witness script that is no k-of-n") {
        const Buffer script{kOp1};
        s.psbt.inputs[0].set(t::kWitnessUtxo, {}, encode_output({1, p2wsh_script(script)}));
        s.psbt.inputs[0].set(t::kWitnessScript, {}, script);
        CHECK(refused(0) == PsbtError::unsupported_script);
    }
    SUBCASE("an output nobody can spend so") {
        s.psbt.inputs[1].set(t::kWitnessUtxo, {}, encode_output({1, op_return_script(as_bytes("x"))}));
        CHECK(refused(1) == PsbtError::unsupported_script);
    }
    SUBCASE("a redeem script") {
        s.psbt.inputs[1].set(t::kRedeemScript, {}, s.script);
        CHECK(refused(1) == PsbtError::unsupported_script);
    }
    SUBCASE("a hash type that leaves outputs open") {
        ByteArray<4> type{};
        store_le(type.data(), kSighashSingle);
        s.psbt.inputs[0].set(t::kHashType, {}, type);
        CHECK(refused(0) == PsbtError::hash_type);
        store_le(type.data(), kSighashAll);
        s.psbt.inputs[0].set(t::kHashType, {}, type);
        CHECK(signable(s.psbt, 0));
    }
    SUBCASE("a funding transaction that is another, or says another amount") {
        Tx funding;
        funding.inputs = {{{sha256(as_bytes("older")), 0}, {}, kSequenceFinal, {}}};
        funding.outputs = {s.spent[1]};
        s.psbt.inputs[1].set(t::kNonWitnessUtxo, {}, encode_tx(funding));
        CHECK(refused(1) == PsbtError::utxo_mismatch);
        s.psbt.tx.inputs[1].prevout = {txid(funding), 0};
        CHECK(signable(s.psbt, 1));
        s.psbt.inputs[1].set(t::kWitnessUtxo, {}, encode_output({kKeyCoin + 1, s.spent[1].script_pubkey}));
        CHECK(refused(1) == PsbtError::utxo_mismatch);
        s.psbt.inputs[1].remove(t::kWitnessUtxo);
        CHECK(signable(s.psbt, 1));
        s.psbt.tx.inputs[1].prevout.index = 1;
        CHECK(refused(1) == PsbtError::utxo_mismatch);
    }
}

TEST_CASE("psbt: only a right signature by a key of the script gets in, and none of less than everything") {
    Sample s;
    const Key stranger = Key::numbered(40);
    CHECK(add_signature(s.psbt, 0, stranger.pub(), s.signature(0, stranger)).error() == PsbtError::foreign_key);
    CHECK(add_signature(s.psbt, 1, s.bank[0].pub(), s.signature(1, s.bank[0])).error() == PsbtError::foreign_key);
    CHECK(add_signature(s.psbt, 0, s.bank[0].pub(), s.signature(0, s.bank[1])).error() == PsbtError::signature_invalid);
    CHECK(add_signature(s.psbt, 0, s.bank[0].pub(), {}).error() == PsbtError::signature_invalid);
    const Buffer none = s.bank[0].sign(bip143_sighash(s.tx, 0, s.script, kBankCoin, kSighashNone), kSighashNone);
    CHECK(add_signature(s.psbt, 0, s.bank[0].pub(), none).error() == PsbtError::signature_invalid);
    CHECK(signers(s.psbt, 0).empty());
}

TEST_CASE(
    "psbt: a foreign or wrong signature that another box put in stops the finalizer, which then changes nothing") {
    Sample s;
    s.sign(0, s.bank[0]);
    s.sign(0, s.bank[1]);
    s.sign(1, s.single);
    Psbt wrong = s.psbt;
    wrong.inputs[0].set(t::kPartialSignature, s.bank[1].pub(), s.signature(0, s.bank[0]));
    const Psbt before = wrong;
    CHECK(finalize(wrong).error() == PsbtError::signature_invalid);
    CHECK(wrong == before);
    s.psbt.inputs[0].set(t::kPartialSignature, Key::numbered(40).pub(), s.signature(0, s.bank[0]));
    CHECK(finalize(s.psbt).error() == PsbtError::foreign_key);
}

TEST_CASE("psbt: a final witness that another box made is believed only as far as it verifies") {
    Sample s;
    s.sign(0, s.bank[0]);
    s.sign(0, s.bank[1]);
    s.sign(1, s.single);
    REQUIRE(finalize(s.psbt));
    Psbt forged = s.psbt;
    forged.inputs[1].set(t::kFinalWitness, {},
                         encode_witness(p2wpkh_witness(s.bank[0].sign(Hash256{}), s.single.pub())));
    CHECK(extract(forged).error() == PsbtError::signature_invalid);
    forged = s.psbt;
    forged.inputs[1].set(t::kFinalScriptSig, {}, Buffer{kOp1});
    CHECK(extract(forged).error() == PsbtError::unsupported_script);
    forged = s.psbt;
    forged.inputs[0].remove(t::kWitnessUtxo);
    CHECK(extract(forged).error() == PsbtError::no_utxo);
}

TEST_CASE("psbt: those of different transactions don't combine") {
    Sample a, b;
    b.psbt.tx.outputs[0].value -= 1;
    CHECK(combine(std::vector{a.psbt, b.psbt}).error() == PsbtError::other_transaction);
}

TEST_CASE("psbt: every cut and every single-bit flip is refused or decodes to what encodes to the same bytes") {
    Sample s;
    s.sign(0, s.bank[0]);
    s.sign(1, s.single);
    const Buffer whole = encode_psbt(s.psbt);
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK(!decode_psbt(Bytes(whole).first(size)));
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        Buffer flipped = whole;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        if (const auto psbt = decode_psbt(flipped)) CHECK(encode_psbt(*psbt) == flipped);
    }
    Buffer longer = whole;
    longer.push_back(std::byte{0});
    CHECK(decode_psbt(longer).error() == PsbtError::trailing_bytes);
    CHECK(decode_psbt(Buffer(kPsbtBytesMax + 1)).error() == PsbtError::too_large);
}

TEST_CASE("psbt: another version than 0 is refused") {
    Sample s;
    ByteArray<4> version{};
    s.psbt.global.set(t::kVersion, {}, version);
    CHECK(decode_psbt(encode_psbt(s.psbt)));
    store_le(version.data(), std::uint32_t{2});
    s.psbt.global.set(t::kVersion, {}, version);
    CHECK(decode_psbt(encode_psbt(s.psbt)).error() == PsbtError::unknown_version);
}
