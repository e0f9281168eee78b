// giro-chain's answers: every verb, every refusal, and who may not ask.
#include <doctest/doctest.h>

#include "appliance/giro-chain/requests.hpp"
#include "bus/admin_messages.hpp"
#include "support.hpp"
#include "util/archive.hpp"

using namespace giro;
using namespace giro::chain;
using namespace giro::appliance;
using bus::MessageType;
using bus::Status;

namespace {
struct Desk {
    ChainState chain = test::replay_recorded();
    test::MemoryBackend backend{chain};
    int produced = 0;
    ChainAnswer ask(MessageType type, Bytes body = {}, ChainCaller caller = ChainCaller::settle) {
        const ChainRequests at{backend, [] { return true; }, [this] { ++produced; }};
        std::optional<ChainAnswer> said;
        answer(at, caller, static_cast<std::uint16_t>(type), body, [&](const ChainAnswer& reply) {
            CHECK_FALSE(said);
            said = reply;
        });
        REQUIRE(said);
        return *said;
    }
};

Buffer u32(std::uint32_t value) {
    Buffer out;
    Writer(out).u32(value);
    return out;
}
Buffer var16(Bytes bytes) {
    Buffer out;
    Writer(out).var16(bytes);
    return out;
}
}  // namespace

TEST_CASE("requests: tip, block, tx, coins, submit and produce answer as the catalogue says") {
    if (test::recorded_chain() == nullptr) return;
    const auto& recorded = *test::recorded_chain();
    Desk desk;
    const auto tip = decode<bus::ChainTip>(desk.ask(MessageType::chain_tip).body);
    REQUIRE(tip);
    CHECK(tip->height == 102);
    CHECK(tip->block_hash == desk.chain.tip().hash);
    CHECK(tip->producing == 1);

    CHECK(desk.ask(MessageType::chain_block, u32(102)).body == recorded.blocks[101]);
    CHECK(desk.ask(MessageType::chain_block, u32(0)).body == encode_block(genesis_block()));
    CHECK(desk.ask(MessageType::chain_block, u32(103)).status == Status::not_found);

    const Hash256 settled = txid(*decode_tx(recorded.settlement_tx));
    const auto place = decode<bus::ChainTx>(desk.ask(MessageType::chain_tx, settled).body);
    REQUIRE(place);
    CHECK(place->height == 102);
    CHECK(place->position == 1);
    CHECK(place->confirmations == 1);
    CHECK(desk.ask(MessageType::chain_tx, Hash256{}).status == Status::not_found);

    auto coins = decode<bus::ChainUtxos>(desk.ask(MessageType::chain_utxos, var16(recorded.reward_script)).body);
    REQUIRE(coins);
    CHECK(coins->utxos.size() == 102);
    CHECK(coins->utxos.back().amount == 50 * kCoin - 2000);  // the largest come first
    CHECK(coins->utxos.back().coinbase == 0);
    CHECK(decode<bus::ChainUtxos>(desk.ask(MessageType::chain_utxos, var16({})).body)->utxos.empty());

    const OutPoint from{txid(desk.chain.block_at(2)->txs[0]), 0};
    const Tx tx = test::spend_p2wpkh(recorded.reward, from, 50 * kCoin, {{1, recorded.reward_script}});
    for (int again = 0; again < 2; ++again) {
        const auto sent = desk.ask(MessageType::chain_submit_tx, encode_tx(tx));
        CHECK(sent.status == Status::ok);
        const Hash256 id = txid(tx);
        CHECK(sent.body == Buffer(id.begin(), id.end()));
    }
    CHECK(decode<bus::ChainTx>(desk.ask(MessageType::chain_tx, txid(tx)).body)->height == 0);
    coins = decode<bus::ChainUtxos>(desk.ask(MessageType::chain_utxos, var16(recorded.reward_script)).body);
    CHECK(coins->utxos.size() == 101);  // not the one that a waiting tx spends
    const Tx rival = test::spend_p2wpkh(recorded.reward, from, 50 * kCoin, {{2, recorded.reward_script}});
    const auto refused = desk.ask(MessageType::chain_submit_tx, encode_tx(rival));
    CHECK(refused.status == Status::refused);
    CHECK(as_text(refused.body) == "txn-mempool-conflict");

    CHECK(desk.ask(MessageType::chain_produce).status == Status::ok);
    CHECK(desk.produced == 1);
}

TEST_CASE("requests: a malformed body, an unknown verb and a caller without the right close the peer") {
    if (test::recorded_chain() == nullptr) return;
    Desk desk;
    const Buffer one{std::byte{1}};
    for (const MessageType type : {MessageType::chain_tip, MessageType::chain_produce, MessageType::chain_block,
                                   MessageType::chain_tx, MessageType::chain_utxos, MessageType::chain_submit_tx})
        CHECK(desk.ask(type, one).status == Status::bad_request);
    CHECK(desk.ask(MessageType::vault_sign_block).status == Status::bad_request);
    for (const MessageType type : {MessageType::chain_submit_tx, MessageType::chain_utxos, MessageType::chain_produce})
        CHECK(desk.ask(type, type == MessageType::chain_utxos ? var16({}) : Buffer{}, ChainCaller::admin).status ==
              Status::bad_request);
    CHECK(desk.produced == 0);
    CHECK(desk.ask(MessageType::chain_tip, {}, ChainCaller::admin).status == Status::ok);
    CHECK(desk.ask(MessageType::chain_block, u32(1), ChainCaller::admin).status == Status::ok);
    CHECK(desk.ask(MessageType::chain_tx, Hash256{}, ChainCaller::admin).status == Status::not_found);
}
