// Tier 1: transactions, blocks, scripts, spends, addresses, the blocks' file, chain.db and the requests to giro-chain.
#include <algorithm>

#include "appliance/giro-chain/requests.hpp"
#include "bus/admin_messages.hpp"
#include "chain/address.hpp"
#include "chain/block_file.hpp"
#include "chain/connect.hpp"
#include "chain/merkle.hpp"
#include "chain/psbt_roles.hpp"
#include "chain/sighash.hpp"
#include "chain/signet.hpp"
#include "chain/store.hpp"
#include "chain/verify.hpp"
#include "tests/chain/support.hpp"
#include "tests/fuzz/mined.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"
#include "util/hash.hpp"

namespace giro::fuzz {

namespace {
using namespace chain;
const test::TestNet& net() {
    return test::testnet();
}

// A key's coin, and a bank's 2-of-3 coin: what the sample transaction spends.
const TxOut& key_coin() {
    static const TxOut coin{50'000, p2wpkh_script(test::Key::numbered(7).pub())};
    return coin;
}
const TxOut& bank_coin() {
    static const TxOut coin{70'000, p2wsh_script(net().witness_script)};
    return coin;
}
Tx sample_tx() {
    Tx tx{2,
          {TxIn{{Hash256{std::byte{1}}, 0}, {}, kSequenceFinal, {}}, TxIn{{Hash256{std::byte{2}}, 1}, {}, 0, {}}},
          {TxOut{100'000, key_coin().script_pubkey}, TxOut{0, op_return_script(as_bytes("GIRO"))}},
          0};
    const auto key = test::Key::numbered(7);
    tx.inputs[0].witness = p2wpkh_witness(
        key.sign(bip143_sighash(tx, 0, p2wpkh_script_code(hash160(key.pub())), key_coin().value)), key.pub());
    const Hash256 hash = bip143_sighash(tx, 1, net().witness_script, bank_coin().value);
    tx.inputs[1].witness =
        multisig_witness(std::vector{net().signers[0].sign(hash), net().signers[2].sign(hash)}, net().witness_script);
    return tx;
}
// Signed but not ground: a block needs millions of hashes.
Block sample_block(std::vector<Tx> txs) {
    BlockTemplate tmpl;
    tmpl.previous = block_hash(genesis_block().header);
    tmpl.height = 1;
    tmpl.time = genesis_block().header.time + 600;
    tmpl.coinbase_outputs = {{block_subsidy(1), key_coin().script_pubkey}};
    tmpl.txs = std::move(txs);
    Block block = build_block(tmpl);
    test::sign_block(block, std::span(net().signers).first(2), net().witness_script);
    return block;
}
SpendContext context() {
    return {200, genesis_block().header.time, [](std::uint32_t) { return genesis_block().header.time; }};
}
CoinSet coins() {
    CoinSet set;
    set.add({Hash256{std::byte{1}}, 0}, {key_coin(), 1, true});
    set.add({Hash256{std::byte{2}}, 1}, {bank_coin(), 2, false});
    return set;
}
// The same for every input: who got something into its mempool calls spoil().
std::optional<ChainState>& one_chain() {
    static std::optional<ChainState> chain;
    if (!chain) chain = mined_chain(100);
    return chain;
}
void spoil() { one_chain().reset(); }

// Blocks that a miner and the signers worked for, and that are wrong behind that.
Seeds ground_wrong() {
    Tx twice = sample_tx();
    twice.inputs[1] = twice.inputs[0];
    Tx checks = sample_tx();
    checks.outputs[0].script_pubkey = Buffer(20'001, kOpCheckSig);
    Block other_root = first_block({});
    other_root.header.merkle_root[0] ^= std::byte{1};
    Seeds seeds;
    for (const auto& [block, nonce] : std::initializer_list<std::pair<Block, std::uint32_t>>{
             {std::move(other_root), 1791764},
             {first_block({sample_tx(), sample_tx()}), 683201},
             {first_block({first_block({}).txs[0]}), 8312472},
             {first_block({twice}), 3362216},
             {first_block({checks}), 3875727}})
        seeds.push_back(encode_block(ground(block, nonce)));
    return seeds;
}
}  // namespace

void run_chain_tx(Bytes input) {
    const auto tx = decode_tx(input);
    if (!tx) return ASSERT(!describe(tx.error()).empty());
    ASSERT(std::ranges::equal(encode_tx(*tx), input));
    static_cast<void>(txid(*tx));
    ASSERT(tx_weight(*tx) >= input.size());
    static_cast<void>(base_sigops(*tx));
    if (!check_tx(*tx)) return;
    const Coin key{key_coin(), 1, true}, bank{bank_coin(), 2, false};
    std::vector<const Coin*> spent;
    for (std::size_t i = 0; i < tx->inputs.size(); ++i) spent.push_back(i % 2 == 0 ? &key : &bank);
    if (!tx->is_coinbase() && tx->inputs.size() < 100) static_cast<void>(check_spends(*tx, spent, context()));
    const auto accepted = one_chain()->accept_to_mempool(*tx);
    if (accepted) spoil();
    else ASSERT(!bip22_word(accepted.error()).empty());
}
Seeds seeds_chain_tx() {
    Tx relative = sample_tx();
    relative.inputs[0].sequence = (1U << 22) | 1;
    relative.inputs[1].sequence = 5;
    Tx plain = sample_tx();
    for (TxIn& in : plain.inputs) in.witness.clear();
    Tx many = plain;
    many.outputs.resize(300, many.outputs[0]);
    return {encode_tx(sample_tx()), encode_tx(relative), encode_tx(plain), encode_tx(many),
            encode_tx(genesis_block().txs[0]), encode_tx(mined_spend())};
}

// The witness of a spend: `input:u8`, then the stack's items with their sizes as u16.
void run_chain_spend(Bytes input) {
    static const Tx sample = sample_tx();
    Tx tx = sample;
    const std::size_t at = take_choice(input, 2);
    Reader in(input);
    tx.inputs[at].witness.clear();
    while (in.left() > 0) tx.inputs[at].witness.push_back(owned(in.var16()));
    const auto verified = verify_spend(tx, at, at == 0 ? key_coin() : bank_coin());
    if (!verified) return ASSERT(!describe(verified.error()).empty());
    for (const Buffer& item : tx.inputs[at].witness) {
        PublicKey key{};
        std::ranges::copy(Bytes(item).first(std::min(item.size(), key.size())), key.begin());
        static_cast<void>(is_public_key(key));
        if (!item.empty() && parse_strict_der(Bytes(item).first(item.size() - 1)))
            ASSERT(encode_der_low_s(*parse_strict_der(Bytes(item).first(item.size() - 1))).has_value());
    }
}
Seeds seeds_chain_spend() {
    Seeds seeds;
    const Tx tx = sample_tx();
    for (std::size_t i = 0; i < 2; ++i) {
        Buffer items;
        for (const Buffer& item : tx.inputs[i].witness) Writer(items).var16(item);
        seeds.push_back(chosen(i, items));
        Buffer too_long;  // an element is at most 520 bytes
        Writer(too_long).var16(Buffer(521));
        Writer(too_long).var16(tx.inputs[i].witness.back());
        seeds.push_back(chosen(i, too_long));
    }
    return seeds;
}

void run_chain_psbt(Bytes input) {
    auto psbt = decode_psbt(input);
    if (!psbt) return ASSERT(!describe(psbt.error()).empty());
    ASSERT(std::ranges::equal(encode_psbt(*psbt), input));
    const auto twice = combine(std::vector{*psbt, *psbt});
    ASSERT(twice && *twice == *psbt);
    static const Psbt another = create_psbt(Tx{2, {TxIn{{Hash256{std::byte{9}}, 0}, {}, 0, {}}}, {}, 0});
    const auto mixed = combine(std::vector{*psbt, another});
    ASSERT(mixed.has_value() == (psbt->tx == another.tx));
    ASSERT(mixed || mixed.error() == PsbtError::other_transaction);
    // What is refused is said in words of its own.
    const auto said = [](PsbtError why) { return !describe(why).empty() && describe(why) != "unknown"; };
    ASSERT(mixed || said(mixed.error()));
    for (std::size_t i = 0; i < psbt->inputs.size(); ++i) {
        const auto wanted = signable(*psbt, i);
        ASSERT(wanted || said(wanted.error()));
        ASSERT(!wanted || wanted->required <= std::max<std::size_t>(wanted->keys.size(), 1));
        static_cast<void>(signers(*psbt, i));
    }
    // What the finalizer made of signatures it verified is what the extractor verifies; a final witness may be
    // another's.
    const auto is_final = [](const PsbtMap& map) {
        return map.find(psbt_type::kFinalWitness) != nullptr || map.find(psbt_type::kFinalScriptSig) != nullptr;
    };
    const bool others = std::ranges::any_of(psbt->inputs, is_final);
    const auto finalized = finalize(*psbt);
    const auto tx = extract(*psbt);
    ASSERT(others || tx.has_value() == finalized.has_value());
    ASSERT((finalized || said(finalized.error())) && (tx || said(tx.error())));
    ASSERT(!tx || txid(*tx) == txid(psbt->tx));
}
Seeds seeds_chain_psbt() {
    Tx tx = sample_tx();
    for (TxIn& input : tx.inputs) input.witness.clear();
    Psbt psbt = create_psbt(tx);
    set_spent(psbt, 0, key_coin());
    set_spent(psbt, 1, bank_coin(), net().witness_script);
    Seeds seeds{encode_psbt(psbt)};
    const auto sign = [&](std::size_t input, const test::Key& key) {
        ASSERT(add_signature(psbt, input, key.pub(), key.sign(signable(psbt, input)->sighash)));
    };
    sign(0, test::Key::numbered(7));
    sign(1, net().signers[2]);
    seeds.push_back(encode_psbt(psbt));
    sign(1, net().signers[0]);
    psbt.inputs[0].set(psbt_type::kHashType, {}, as_bytes(std::string_view("\1\0\0\0", 4)));
    psbt.global.set(psbt_type::kVersion, {}, Buffer(4));
    psbt.outputs[0].set(psbt_type::kOutputWitnessScript, {}, net().witness_script);
    seeds.push_back(encode_psbt(psbt));
    const Psbt signed_by_all = psbt;
    ASSERT(finalize(psbt));
    seeds.push_back(encode_psbt(psbt));
    // One thing wrong each, in the order of PsbtError.
    const auto wrong = [&](auto change) {
        Psbt changed = signed_by_all;
        change(changed);
        seeds.push_back(encode_psbt(changed));
    };
    Tx with_script = tx;
    with_script.inputs[0].script_sig = Buffer(1, std::byte{0x51});
    wrong([&](Psbt& p) { p.tx = with_script; });
    wrong([](Psbt& p) { std::erase_if(p.inputs[0].pairs, [](const PsbtPair& pair) { return pair.type() == psbt_type::kWitnessUtxo; }); });
    wrong([&](Psbt& p) { p.inputs[0].set(psbt_type::kNonWitnessUtxo, {}, encode_tx(tx)); });
    wrong([](Psbt& p) { set_spent(p, 0, {1, op_return_script(as_bytes("x"))}); });
    wrong([](Psbt& p) { p.inputs[1].set(psbt_type::kWitnessScript, {}, Buffer(1, std::byte{0x51})); });
    wrong([](Psbt& p) { p.inputs[0].set(psbt_type::kHashType, {}, as_bytes(std::string_view("\2\0\0\0", 4))); });
    const PublicKey stranger = test::Key::numbered(7).pub();
    const Buffer signature = *signed_by_all.inputs[0].find(psbt_type::kPartialSignature, stranger);
    wrong([&](Psbt& p) { p.inputs[1].set(psbt_type::kPartialSignature, stranger, signature); });
    return seeds;
}

void run_chain_block(Bytes input) {
    const auto block = decode_block(input);
    if (!block) return;
    ASSERT(std::ranges::equal(encode_block(*block), input) && block_weight(*block) >= input.size());
    if (const auto signature = verify_signet(*block, net().params.challenge); !signature)
        ASSERT(!describe(signature.error()).empty());
    static_cast<void>(check_block(*block, net().params.challenge));
    static_cast<void>(block_merkle_root(*block));
    if (block->txs.empty() || block->txs.size() > 100 || !block->txs[0].is_coinbase() || !commitment_output(*block))
        return;
    static_cast<void>(check_block_place(*block, {1, 0, kBitsLimit, block->header.time}));
    if (!std::ranges::all_of(block->txs, [](const Tx& tx) { return check_tx(tx).has_value(); })) return;
    if (std::any_of(block->txs.begin() + 1, block->txs.end(), [](const Tx& tx) { return tx.is_coinbase(); })) return;
    const CoinSet before = coins();
    CoinSet after = before;
    auto undo = connect_block(*block, after, context());
    if (undo) after.disconnect(block->txs, *undo);
    ASSERT(after == before);
}
Seeds seeds_chain_block() {
    Tx late = sample_tx();
    late.lock_time = 500;
    late.inputs[0].sequence = 0;
    Seeds seeds = ground_wrong();
    for (const Block& block : {genesis_block(), sample_block({}), sample_block({sample_tx()}), sample_block({late})})
        seeds.push_back(encode_block(block));
    seeds.push_back(mined_blocks()[0]);
    return seeds;
}

void run_chain_header(Bytes input) {
    const auto header = decode_header(input);
    if (!header) return;
    ASSERT(std::ranges::equal(encode_header(*header), input));
    const std::uint32_t before = genesis_block().header.time;
    const auto placed = check_header_place(*header, {1, kBitsLimit, before, std::int64_t{before} + 10 * 600});
    ASSERT(!placed || (header->time > before && header->bits == kBitsLimit));
}
Seeds seeds_chain_header() {
    BlockHeader first = decode_block(mined_blocks()[0])->header;
    Seeds seeds{owned(Bytes(encode_header(genesis_block().header))), owned(Bytes(encode_header(first)))};
    first.version = 1;
    seeds.push_back(owned(Bytes(encode_header(first))));
    return seeds;
}

void run_chain_script(Bytes input) {
    ScriptReader reader(input);
    std::size_t pushed = 0;
    while (const auto element = reader.next()) pushed += element->data.size();
    ASSERT(pushed <= input.size());
    static_cast<void>(count_sigops(input));
    if (classify(input) == ScriptKind::p2wpkh) ASSERT(input.size() == 22);
    if (const auto data = op_return_data(input)) ASSERT(data->size() < input.size());
    if (const auto multisig = parse_multisig(input))
        ASSERT(multisig->required >= 1 && multisig->required <= multisig->keys.size());
    if (const auto address = encode_address(input)) ASSERT(decode_address(*address) == owned(input));
    // What our own pushes say is read back.
    Buffer script;
    append_push(script, input);
    const auto element = ScriptReader(script).next();
    ASSERT(element && std::ranges::equal(element->data, input));
    std::uint32_t number = 0;
    for (const std::byte b : input.first(std::min<std::size_t>(input.size(), 4)))
        number = number << 8 | std::to_integer<std::uint32_t>(b);
    script.clear();
    append_number(script, number);
    const auto digits = ScriptReader(script).next();
    ASSERT(digits.has_value());
    std::uint64_t read = 0;
    for (std::size_t i = digits->data.size(); i-- > 0;) read = read << 8 | std::to_integer<std::uint64_t>(digits->data[i]);
    ASSERT(number <= 16 || read == number);
}
Seeds seeds_chain_script() {
    Buffer pushes{kOpReturn};
    for (const std::size_t size : {1U, 76U, 300U}) append_push(pushes, Buffer(size));
    Buffer large{kOpPushData4};
    Writer w(large);
    w.u32(3);
    w.bytes(as_bytes("abc"));
    large.insert(large.end(), {kOpCheckSig, kOpCheckMultiSig, kOpCheckSigVerify, kOpCheckMultiSigVerify});
    Buffer longest;  // one element that takes four bytes to say its size
    append_push(longest, Buffer(0x10000));
    Buffer single{kOpReturn};
    append_push(single, Buffer(80));
    return {key_coin().script_pubkey,
            bank_coin().script_pubkey,
            op_return_script(as_bytes("GIRO")),
            net().witness_script,
            pushes,
            large,
            single,
            longest};
}

void run_chain_address(Bytes input) {
    if (const auto script = decode_address(as_text(input))) {
        const auto address = encode_address(*script);
        ASSERT(address && decode_address(*address) == *script);
    }
    if (const auto hash = hash_from_text(as_text(input))) ASSERT(hash_from_text(hash_text(*hash)) == hash);
}
Seeds seeds_chain_address() {
    Seeds seeds{owned(hash_text(block_hash(genesis_block().header)))};
    Buffer taproot{kOp1};
    append_push(taproot, Buffer(32, std::byte{3}));
    for (const Buffer& script : {key_coin().script_pubkey, bank_coin().script_pubkey, taproot})
        seeds.push_back(owned(encode_address(script).value()));
    return seeds;
}

void run_chain_file(Bytes input) {
    const auto magic = network_magic(net().params);
    if (const auto blocks = split_block_file(input, magic)) {
        Buffer again;
        Writer w(again);
        for (const Bytes block : *blocks) {
            w.bytes(magic);
            w.u32(static_cast<std::uint32_t>(block.size()));
            w.bytes(block);
        }
        ASSERT(std::ranges::equal(again, input));
    }
    const auto chain = load_block_file(input, net().params);
    if (!chain) return;
    ASSERT(std::ranges::equal(export_blocks(*chain), input));
    // A file that follows the chain from its first block on ends as the same bytes.
    const auto path = scratch_folder() / "blocks.dat";
    auto file = BlockFile::open(path, ChainState(net().params));
    ASSERT(file && file->follow(*chain) && file->follow(*chain));
    ASSERT(std::ranges::equal(read_file(path).value(), input));
}
Seeds seeds_chain_file() {
    const Buffer genesis = export_blocks(ChainState(net().params));
    Buffer unground = genesis;
    const Buffer block = encode_block(sample_block({}));
    Writer w(unground);
    w.bytes(network_magic(net().params));
    w.u32(static_cast<std::uint32_t>(block.size()));
    w.bytes(block);
    ChainState two(net().params);
    for (std::size_t i = 0; i < 2; ++i) ASSERT(two.submit_block(mined_blocks()[i], kLongAfter));
    return {genesis, unground, export_blocks(two)};
}

void run_chain_db(Bytes input) {
    const auto path = scratch("chain.db", input);
    for (const char* beside : {"chain.db-wal", "chain.db-shm", "chain.db-journal"})
        std::filesystem::remove(scratch_folder() / beside);
    if (const auto store = ChainStore::open(path, net().params)) static_cast<void>(store->replay());
}
Seeds seeds_chain_db() {
    const auto path = scratch_folder() / "seed-chain.db";
    std::filesystem::remove(path);
    {
        auto store = ChainStore::open(path, net().params).value();
        ASSERT(store.append(encode_block(sample_block({}))));
    }
    return {read_file(path).value()};
}

// giro-settle's and staff's requests: `admin:u8 type:u16 body`.
void run_chain_request(Bytes input) {
    bool produced = false;
    chain::test::MemoryBackend backend(*one_chain());
    const appliance::ChainRequests at{backend, [] { return false; }, [&] { produced = true; }};
    const auto caller = take_choice(input, 2) == 1 ? appliance::ChainCaller::admin : appliance::ChainCaller::settle;
    Reader in(input);
    const std::uint16_t type = in.u16();
    std::optional<appliance::ChainAnswer> said;
    appliance::answer(at, caller, type, in.take(in.left()), [&](const appliance::ChainAnswer& reply) { said = reply; });
    ASSERT(said);
    const appliance::ChainAnswer& answer = *said;
    ASSERT(!produced || (answer.status == bus::Status::ok && caller == appliance::ChainCaller::settle));
    if (type == static_cast<std::uint16_t>(bus::MessageType::chain_submit_tx) && answer.status == bus::Status::ok) spoil();
}
Seeds seeds_chain_request() {
    Seeds seeds;
    Buffer script;
    Writer(script).var16(key_coin().script_pubkey);
    const Hash256 coinbase = txid(decode_block(mined_blocks()[0])->txs[0]);
    const std::pair<bus::MessageType, Buffer> requests[] = {{bus::MessageType::chain_submit_tx, encode_tx(sample_tx())},
                                                            {bus::MessageType::chain_submit_tx, encode_tx(mined_spend())},
                                                            {bus::MessageType::chain_tx, owned(Bytes(coinbase))},
                                                            {bus::MessageType::chain_tip, {}},
                                                            {bus::MessageType::chain_tx, Buffer(32)},
                                                            {bus::MessageType::chain_utxos, script},
                                                            {bus::MessageType::chain_block, Buffer(4)},
                                                            {bus::MessageType::chain_produce, {}}};
    for (const auto& [type, body] : requests)
        for (const std::size_t caller : {0U, 1U}) {
            Buffer request;
            Writer w(request);
            w.u16(static_cast<std::uint16_t>(type));
            w.bytes(body);
            seeds.push_back(chosen(caller, request));
        }
    return seeds;
}

}  // namespace giro::fuzz
