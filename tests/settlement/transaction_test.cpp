// The tier-1 transaction: pays exactly the nets, from as few coins as can be, and what is proposed can be checked.
#include <doctest/doctest.h>

#include <functional>
#include <random>

#include "chain/script.hpp"
#include "journal_maker.hpp"
#include "settlement/transaction.hpp"

using namespace giro;
using namespace giro::settlement;
using test::JournalMaker;

namespace {
constexpr Hash256 kRoot{std::byte{0xaa}};

Coin coin(std::uint32_t index, chain::Satoshi amount) {
    return {{Hash256{std::byte{1}}, index}, amount};
}

std::vector<Party> parties_with(std::vector<std::vector<Coin>> coins) {
    std::vector<Party> parties;
    for (auto& of_one : coins) {
        const auto id = static_cast<std::uint32_t>(parties.size() + 1);
        parties.push_back({id, JournalMaker::script(id), std::move(of_one)});
    }
    return parties;
}

SettlementError error_of(const std::vector<entry::NetPosition>& nets, const std::vector<Party>& parties) {
    const auto built = build_settlement({1, kRoot}, nets, parties);
    REQUIRE_FALSE(built);
    return built.error().error;
}

chain::Satoshi inputs_of(const UnsignedSettlement& s) {
    chain::Satoshi sum = 0;
    for (const auto& input : s.inputs) sum += static_cast<chain::Satoshi>(input.amount);
    return sum;
}
chain::Satoshi outputs_of(const chain::Tx& tx) {
    chain::Satoshi sum = 0;
    for (const auto& out : tx.outputs) sum += out.value;
    return sum;
}

struct Proposal {
    entry::SettlementProposed entry;
    WindowResult window;
    std::vector<Party> parties;
    SettlementError error() const {
        const auto checked = check_settlement(entry, window, parties);
        REQUIRE_FALSE(checked);
        return checked.error().error;
    }
    void edit(const std::function<void(chain::Tx&)>& change) {
        chain::Tx tx = *chain::decode_tx(entry.unsigned_tx);
        change(tx);
        entry.unsigned_tx = chain::encode_tx(tx);
    }
};
Proposal good_proposal() {
    Proposal p;
    p.parties = parties_with({{coin(0, 1000)}, {}, {coin(1, 5)}});
    p.window = {4, 99, 0, kRoot, {{1, -300}, {2, 250}, {3, 50}}, 1, {}};
    const auto built = build_settlement({4, kRoot}, p.window.nets, p.parties);
    REQUIRE(built);
    p.entry = {4, kRoot, 1, p.window.nets, chain::encode_tx(built->tx), built->inputs};
    return p;
}
}  // namespace

TEST_CASE("settlement: debtors' coins in, creditors' money out, change back, the root in output 0") {
    const auto parties = parties_with({{coin(0, 1000)}, {}, {}});
    const auto built =
        build_settlement({7, kRoot}, std::vector<entry::NetPosition>{{1, -300}, {2, 250}, {3, 50}}, parties);
    REQUIRE(built);
    const chain::Tx& tx = built->tx;
    REQUIRE(tx.inputs.size() == 1);
    CHECK(tx.inputs[0].prevout == coin(0, 0).outpoint);
    CHECK(built->inputs[0].participant == 1);
    CHECK(built->inputs[0].amount == 1000);
    REQUIRE(tx.outputs.size() == 4);
    CHECK(commitment_of(tx) == Commitment{7, kRoot});
    CHECK(tx.outputs[0].script_pubkey.size() == 2 + kCommitmentBytes);
    CHECK(tx.outputs[1] == chain::TxOut{250, JournalMaker::script(2)});
    CHECK(tx.outputs[2] == chain::TxOut{50, JournalMaker::script(3)});
    CHECK(tx.outputs[3] == chain::TxOut{700, JournalMaker::script(1)});
}

TEST_CASE("settlement: the smallest coin that covers the debt is taken, else the largest and again") {
    const auto spent = [](chain::Satoshi debt, std::vector<Coin> coins) {
        const auto parties = parties_with({std::move(coins), {}});
        const auto built =
            build_settlement({1, kRoot}, std::vector<entry::NetPosition>{{1, -debt}, {2, debt}}, parties);
        REQUIRE(built);
        std::vector<std::uint64_t> amounts;
        for (const auto& input : built->inputs) amounts.push_back(input.amount);
        return amounts;
    };
    const std::vector<Coin> coins{coin(0, 10), coin(1, 500), coin(2, 100), coin(3, 70)};
    using Amounts = std::vector<std::uint64_t>;
    CHECK(spent(60, coins) == Amounts{70});
    CHECK(spent(100, coins) == Amounts{100});  // exact: no change
    CHECK(spent(101, coins) == Amounts{500});
    CHECK(spent(560, coins) == Amounts{500, 70});
    CHECK(spent(680, coins) == Amounts{500, 100, 70, 10});
}

TEST_CASE("settlement: the order in which coins are listed does not change the transaction") {
    const std::vector<entry::NetPosition> nets{{1, -15}, {2, 15}};
    const auto a = build_settlement({1, kRoot}, nets, parties_with({{coin(0, 10), coin(1, 10), coin(2, 10)}, {}}));
    const auto b = build_settlement({1, kRoot}, nets, parties_with({{coin(2, 10), coin(0, 10), coin(1, 10)}, {}}));
    REQUIRE(a);
    REQUIRE(b);
    CHECK(a->tx == b->tx);
}

TEST_CASE(
    "settlement: a window in which nobody owes anybody still commits its root, with the first bank's smallest coin") {
    const auto built = build_settlement({3, kRoot}, std::vector<entry::NetPosition>{{1, 0}, {2, 0}},
                                        parties_with({{coin(0, 900), coin(1, 8)}, {coin(2, 1)}}));
    REQUIRE(built);
    REQUIRE(built->inputs.size() == 1);
    CHECK(built->inputs[0].amount == 8);
    REQUIRE(built->tx.outputs.size() == 2);
    CHECK(built->tx.outputs[1] == chain::TxOut{8, JournalMaker::script(1)});
    CHECK(commitment_of(built->tx) == Commitment{3, kRoot});
}

TEST_CASE("settlement: what cannot be built says why") {
    const std::vector<entry::NetPosition> owes{{1, -10}, {2, 10}};
    CHECK(error_of({{1, -10}, {2, 9}}, parties_with({{coin(0, 10)}, {}})) == SettlementError::nets_do_not_cancel);
    CHECK(error_of({{1, -10}, {1, 10}}, parties_with({{coin(0, 10)}, {}})) == SettlementError::nets_do_not_cancel);
    CHECK(error_of({{1, -10}, {9, 10}}, parties_with({{coin(0, 10)}, {}})) == SettlementError::party_unknown);
    CHECK(error_of({}, {}) == SettlementError::party_unknown);
    CHECK(error_of({{1, chain::kMoneyMax + 1}}, parties_with({{}})) == SettlementError::amount_out_of_range);
    CHECK(error_of({{1, chain::kMoneyMax}, {2, 1}}, parties_with({{}, {}})) == SettlementError::amount_out_of_range);
    CHECK(error_of(owes, parties_with({{coin(0, 0)}, {}})) == SettlementError::amount_out_of_range);
    CHECK(error_of(owes, parties_with({{coin(0, chain::kMoneyMax), coin(1, 1)}, {}})) ==
          SettlementError::amount_out_of_range);
    CHECK(error_of(owes, parties_with({{coin(0, 9)}, {}})) == SettlementError::coins_short);
    CHECK(error_of({{1, 0}, {2, 0}}, parties_with({{}, {coin(0, 9)}})) == SettlementError::coins_short);
    std::vector<Coin> dust;
    for (std::uint32_t i = 0; i <= kInputsMax; ++i) dust.push_back(coin(i, 1));
    const auto sum = static_cast<MinorUnits>(dust.size());
    CHECK(error_of({{1, -sum}, {2, sum}}, parties_with({dust, {}})) == SettlementError::too_many_inputs);
}

TEST_CASE("settlement: random windows of two and three banks: inputs equal outputs, and the check agrees") {
    std::mt19937 random(5);
    for (std::uint32_t round = 0; round < 300; ++round) {
        const std::uint32_t banks = 2 + round % 2;
        JournalMaker journal(banks);
        for (std::uint32_t i = 0; i < random() % 50; ++i)
            journal.payment(1 + static_cast<std::uint32_t>(random() % banks),
                            1 + static_cast<std::uint32_t>(random() % banks),
                            1 + static_cast<MinorUnits>(random() % 1000));
        journal.close();
        const auto collected = test::collect(journal);
        REQUIRE(collected);
        const WindowResult& window = collected->windows[0];
        std::vector<std::vector<Coin>> coins(banks);
        std::uint32_t index = 0;
        for (auto& of_one : coins)
            for (int i = 0; i < 60; ++i)
                of_one.push_back(coin(index++, 800 + static_cast<chain::Satoshi>(random() % 5000)));
        const auto parties = parties_with(coins);
        const auto built = build_settlement({window.window, window.root}, window.nets, parties);
        REQUIRE(built);
        CHECK(inputs_of(*built) == outputs_of(built->tx));
        const entry::SettlementProposed proposal{
            window.window, window.root, window.postings, window.nets, chain::encode_tx(built->tx), built->inputs};
        CHECK(check_settlement(proposal, window, parties));
    }
}

TEST_CASE("settlement: a proposal that is not exactly the window's is found out before anyone signs") {
    CHECK(check_settlement(good_proposal().entry, good_proposal().window, good_proposal().parties));
    Proposal p = good_proposal();
    p.entry.unsigned_tx.push_back(std::byte{0});
    CHECK(p.error() == SettlementError::tx_malformed);
    p = good_proposal();
    p.entry.inputs.push_back({1, 5});
    CHECK(p.error() == SettlementError::tx_malformed);
    p = good_proposal();
    p.edit([](chain::Tx& tx) { tx.inputs[0].witness = {Buffer(3)}; });
    CHECK(p.error() == SettlementError::tx_malformed);

    const std::function<void(chain::Tx&)> never_mined[] = {
        [](chain::Tx& tx) { tx.lock_time = 499'999'999; },
        [](chain::Tx& tx) { tx.inputs[0].sequence = 0x0000ffff; },
        [](chain::Tx& tx) { tx.version = 1; },
        [](chain::Tx& tx) { tx.version = -1; },
        [](chain::Tx& tx) { tx.inputs[0].script_sig = {std::byte{0}}; },
        [](chain::Tx& tx) { tx.inputs[0].prevout = {}; },
    };
    for (const auto& change : never_mined) {
        p = good_proposal();
        p.edit(change);
        CHECK(p.error() == SettlementError::tx_malformed);
    }

    p = good_proposal();
    p.window.root[31] = std::byte{1};
    CHECK(p.error() == SettlementError::commitment_differs);
    p = good_proposal();
    p.entry.postings = 2;
    CHECK(p.error() == SettlementError::commitment_differs);
    p = good_proposal();
    p.edit([](chain::Tx& tx) { tx.outputs[0].value = 1; });
    CHECK(p.error() == SettlementError::commitment_differs);
    p = good_proposal();
    p.edit([](chain::Tx& tx) { tx.outputs[0].script_pubkey[2] = std::byte{'X'}; });
    CHECK(p.error() == SettlementError::commitment_differs);

    p = good_proposal();
    p.edit([](chain::Tx& tx) { std::swap(tx.outputs[1].script_pubkey, tx.outputs[2].script_pubkey); });
    CHECK(p.error() == SettlementError::pays_otherwise);
    p = good_proposal();
    p.edit([](chain::Tx& tx) { tx.outputs.back().value -= 1; });  // a fee
    CHECK(p.error() == SettlementError::pays_otherwise);
    p = good_proposal();
    p.edit([](chain::Tx& tx) { tx.outputs.back().script_pubkey = JournalMaker::script(66); });
    CHECK(p.error() == SettlementError::pays_otherwise);
    p = good_proposal();
    p.entry.inputs[0].participant = 3;  // another bank's coin pays the debt
    CHECK(p.error() == SettlementError::pays_otherwise);
    p = good_proposal();
    p.entry.inputs[0].amount = 0;
    CHECK(p.error() == SettlementError::pays_otherwise);
    p = good_proposal();
    p.entry.net[0].net = -299;
    CHECK(p.error() == SettlementError::pays_otherwise);
    p = good_proposal();
    p.window.nets[0].net = -299;
    CHECK(p.error() == SettlementError::nets_do_not_cancel);
}

TEST_CASE("settlement: no other output counts as a commitment") {
    chain::Tx tx;
    CHECK_FALSE(commitment_of(tx));
    tx.outputs.push_back({0, JournalMaker::script(1)});
    CHECK_FALSE(commitment_of(tx));
    tx.outputs[0].script_pubkey = chain::op_return_script(as_bytes("GIRO and not enough"));
    CHECK_FALSE(commitment_of(tx));
}

TEST_CASE("settlement: every problem has words of its own") {
    for (int e = 0; e <= static_cast<int>(SettlementError::pays_otherwise); ++e)
        CHECK(describe(static_cast<SettlementError>(e)) != "unknown");
}
