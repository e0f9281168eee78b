// giro-chain's block making, step by step, with stand-ins for clock, vault and grinding thread.
#include <doctest/doctest.h>

#include "appliance/giro-chain/producer.hpp"
#include "support.hpp"

using namespace giro;
using namespace giro::chain;
using appliance::Producer;

namespace {
constexpr std::uint32_t kNow = 1'800'000'000;

struct Bench {
    ChainState chain;
    const std::vector<test::Key>& signers;
    Bytes witness_script;
    std::uint32_t now = kNow;
    std::vector<SignetMessage> to_sign;
    std::vector<BlockHeader> to_grind;
    int stops = 0;
    std::optional<Failure> failure;
    std::optional<NotTaken> not_taken;  // what the back end says of every block
    bool ready = true;
    Producer producer;

    Bench(ChainState state, const std::vector<test::Key>& keys, Bytes script, Producer::Settings settings)
        : chain(std::move(state)),
          signers(keys),
          witness_script(script),
          producer(std::move(settings), ports(), chain) {}

    Producer::Ports ports() {
        Producer::Ports p;
        p.now_s = [this] { return now; };
        p.sign = [this](const SignetMessage& message) { to_sign.push_back(message); };
        p.grind = [this](const BlockHeader& header) { to_grind.push_back(header); };
        p.stop_grinding = [this] { ++stops; };
        p.submit = [this](const Block& block) {
            if (not_taken) return producer.submitted(tl::unexpected<NotTaken>(NotTaken(*not_taken)));
            const auto accepted = chain.submit_block(encode_block(block), now);
            REQUIRE(accepted);
            producer.submitted(*accepted);
        };
        p.ready = [this] { return ready; };
        p.fail = [this](Failure f) { failure = std::move(f); };
        return p;
    }
    void sign_last() {
        const Hash256 hash = signet_sighash(to_sign.back(), witness_script);
        producer.signed_with(
            signet_solution(std::vector{signers[0].sign(hash), signers[1].sign(hash)}, witness_script));
    }
    void grind_last() {
        producer.ground(grind(to_grind.back(), [](std::uint64_t) { return true; }));
    }
};

Producer::Settings settings(std::uint32_t premine) {
    const Buffer reward = p2wpkh_script(test::Key::numbered(50).pub());
    return {premine, 600, {{7, {kOp1}}, {50 * kCoin - 7, reward}}, reward};
}

Bench fresh(std::uint32_t premine) {
    const auto& net = test::testnet();
    return Bench(ChainState(net.params), net.signers, net.witness_script, settings(premine));
}
}  // namespace

TEST_CASE("producer: it pre-mines dated back, then keeps the interval") {
    const auto& net = test::testnet();
    Bench b(ChainState(net.params), net.signers, net.witness_script, settings(2));
    b.producer.tick();
    CHECK(b.producer.producing());
    REQUIRE(b.to_sign.size() == 1);
    CHECK(b.to_sign[0].time == kNow - 600);
    b.producer.sign_failed("the vault does not answer");
    CHECK_FALSE(b.producer.producing());
    b.producer.tick();
    CHECK(b.to_sign.size() == 2);
    b.sign_last();
    b.grind_last();
    CHECK(b.chain.tip().height == 1);
    CHECK(b.chain.block_at(1)->txs[0].outputs[0].value == 7);  // what the first block pays
    CHECK(b.to_sign.size() == 3);                              // the next one follows at once
    b.sign_last();
    b.grind_last();
    CHECK(b.chain.tip().height == 2);
    CHECK(b.chain.tip().time == kNow);
    CHECK(b.chain.block_at(2)->txs[0].outputs[0].value == 50 * kCoin);
    CHECK_FALSE(b.producer.producing());
    b.now += 599;
    b.producer.tick();
    CHECK_FALSE(b.producer.producing());
    b.now += 1;
    b.producer.tick();
    CHECK(b.producer.producing());
    CHECK_FALSE(b.failure);
}

TEST_CASE("producer: a request makes a block now; one that comes while it is under way waits for nothing new") {
    Bench b = fresh(0);
    b.now = b.chain.tip().time + 10;
    b.producer.tick();
    CHECK_FALSE(b.producer.producing());
    b.producer.request();
    CHECK(b.producer.producing());
    b.producer.request();
    b.sign_last();
    b.producer.request();
    CHECK(b.stops == 0);
    CHECK(b.to_sign.size() == 1);
    // All nonces used up: the next try has another time.
    b.producer.ground({GrindResult::End::exhausted, 0, 1ULL << 32});
    REQUIRE(b.to_sign.size() == 2);
    CHECK(b.to_sign[1].time == b.to_sign[0].time + 1);
}

TEST_CASE("producer: a tx that comes late is taken into the block under way") {
    if (test::recorded_chain() == nullptr) return;
    const auto& recorded = *test::recorded_chain();
    Bench b(test::replay_recorded(), recorded.signers, recorded.witness_script, settings(101));
    b.now = b.chain.tip().time + 600;
    const auto send = [&](std::uint32_t height) {
        const OutPoint from{txid(b.chain.block_at(height)->txs[0]), 0};
        REQUIRE(b.chain.accept_to_mempool(
            test::spend_p2wpkh(recorded.reward, from, 50 * kCoin, {{50 * kCoin - 300, recorded.reward_script}})));
    };
    b.producer.tick();
    b.sign_last();
    CHECK(b.to_grind.size() == 1);
    send(2);
    b.producer.request();
    CHECK(b.stops == 1);
    b.producer.ground({GrindResult::End::stopped, 0, 1});
    CHECK(b.to_sign.size() == 2);
    send(3);
    b.producer.request();  // while the vault is signing
    b.sign_last();
    CHECK(b.to_sign.size() == 3);
    b.sign_last();
    b.grind_last();
    CHECK(b.chain.tip().height == 103);
    CHECK(b.chain.block_at(103)->txs.size() == 3);
    CHECK(b.chain.block_at(103)->txs[0].outputs[0].value == 50 * kCoin + 600);
    CHECK(b.chain.mempool().empty());
    CHECK_FALSE(b.producer.producing());
}

TEST_CASE("producer: a signature of other keys and a disk that fails end the program") {
    Bench b = fresh(1);
    b.producer.tick();
    const auto& net = test::testnet();
    const Hash256 hash = signet_sighash(b.to_sign.back(), net.witness_script);
    const std::vector<Buffer> swapped{net.signers[1].sign(hash), net.signers[0].sign(hash)};
    b.producer.signed_with(signet_solution(swapped, net.witness_script));
    REQUIRE(b.failure);
    CHECK(b.failure->kind == Failure::Kind::integrity);

    Bench full = fresh(1);
    full.not_taken = NotTaken{NotTaken::Why::disk, "disk full"};
    full.producer.tick();
    full.sign_last();
    full.grind_last();
    REQUIRE(full.failure);
    CHECK(full.failure->kind == Failure::Kind::try_again);
}

TEST_CASE("producer: what the back end says of a block decides how it goes on") {
    using Why = NotTaken::Why;
    const auto judged = [](Why why) {
        const auto& net = test::testnet();
        auto b = std::make_unique<Bench>(ChainState(net.params), net.signers, net.witness_script, settings(1));
        b->not_taken = NotTaken{why, "word"};
        b->producer.tick();
        b->sign_last();
        b->grind_last();
        CHECK_FALSE(b->producer.producing());
        return b;
    };
    CHECK(judged(Why::refused)->failure->what == "block refused: word");
    const auto away = judged(Why::unavailable);  // a node that is away: later again, and nothing ends
    CHECK_FALSE(away->failure);
    away->ready = false;
    away->producer.request();
    CHECK_FALSE(away->producer.producing());
    away->ready = true;
    away->producer.tick();  // it is handed over again, and still nobody takes it
    away->not_taken.reset();
    away->producer.tick();
    CHECK(away->chain.tip().height == 1);
    CHECK(away->to_sign.size() == 1);  // no second block was made
    // A node's refusal is that node's trouble, and ends nothing; another block is made for it.
    Bench node = fresh(1);
    node.not_taken = NotTaken{Why::refused, "time-too-new"};
    node.producer.tick();
    node.sign_last();
    node.ready = false;
    node.grind_last();
    CHECK_FALSE(node.failure);
    node.ready = true;
    node.producer.tick();
    CHECK(node.to_sign.size() == 2);
}

TEST_CASE("producer: a block that somebody else overtook is given up, at every step") {
    const auto& net = test::testnet();
    const auto overtake = [&](Bench& b) {
        Block other = build_block(next_template(b.chain, p2wpkh_script(test::Key::numbered(51).pub()), b.now));
        test::sign_block(other, std::span(net.signers).first(2), net.witness_script);
        test::grind_block(other);
        REQUIRE(b.chain.submit_block(encode_block(other), b.now));
        b.producer.tip_changed();
    };
    Bench b = fresh(1);
    b.producer.tick();
    overtake(b);
    CHECK(b.stops == 0);  // the vault is signing: its answer comes first
    b.sign_last();
    CHECK(b.to_grind.empty());
    CHECK_FALSE(b.producer.producing());  // the chain is pre-mined now, and nobody asked
    b.producer.request();
    b.sign_last();
    overtake(b);
    CHECK(b.stops == 1);
    b.producer.ground({GrindResult::End::stopped, 0, 1});
    CHECK_FALSE(b.producer.producing());
    CHECK(b.chain.tip().height == 2);
    CHECK_FALSE(b.failure);
}
