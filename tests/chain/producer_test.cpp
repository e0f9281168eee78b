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
    bool disk_full = false;
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
        p.accept = [this](const Block& block) -> Result<Accepted> {
            if (disk_full) return fail(Failure::Kind::try_again, "disk full");
            const auto accepted = chain.submit_block(encode_block(block), now);
            REQUIRE(accepted);
            return *accepted;
        };
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
    full.disk_full = true;
    full.producer.tick();
    full.sign_last();
    full.grind_last();
    REQUIRE(full.failure);
    CHECK(full.failure->kind == Failure::Kind::try_again);
}
