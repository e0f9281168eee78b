// Receipts: made from windows of several sizes, settled in one real block (signed and ground), verified offline; and
// every way in which a receipt or a chain can be false has its own check that finds it.
#include <doctest/doctest.h>

#include <set>

#include "../chain/support.hpp"
#include "chain/merkle.hpp"
#include "journal_maker.hpp"
#include "settlement/merkle.hpp"
#include "settlement/receipt.hpp"
#include "settlement/transaction.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::settlement;
using test::JournalMaker;

namespace {
enum class Grind { yes, no };

chain::Block block_on(const chain::Block& parent, std::uint32_t height, std::vector<chain::Tx> txs, Grind grind) {
    const auto& net = chain::test::testnet();
    chain::BlockTemplate tmpl;
    tmpl.previous = chain::block_hash(parent.header);
    tmpl.height = height;
    tmpl.time = parent.header.time + 600;
    tmpl.coinbase_outputs = {{chain::block_subsidy(height), JournalMaker::script(1)}};
    tmpl.txs = std::move(txs);
    auto block = chain::build_block(tmpl);
    chain::test::sign_block(block, std::span(net.signers).first(2), net.witness_script);
    if (grind == Grind::yes) chain::test::grind_block(block);
    return block;
}

// What one settled window leaves behind: everything a receipt is made of but the chain.
struct Settled {
    WindowResult window;
    std::vector<Posting> postings;
    std::vector<entry::Salt> salts;
    chain::Tx tx;
};
Settled settle(std::size_t count) {
    JournalMaker journal(3);
    for (std::size_t i = 0; i < count; ++i)
        journal.payment(1 + static_cast<std::uint32_t>(i % 3), 1 + static_cast<std::uint32_t>((i + 1 + i / 3) % 3),
                        100 + static_cast<MinorUnits>(i));
    journal.close();
    auto collected = test::collect(journal).value();
    Settled s{std::move(collected.windows[0]), std::move(collected.postings), std::move(collected.salts), {}};
    std::vector<Party> parties;
    for (std::uint32_t id = 1; id <= 3; ++id)
        parties.push_back(
            {id, JournalMaker::script(id), {{{sha256(as_bytes(fmt::format("{} {}", count, id))), id}, 1'000'000}}});
    s.tx = build_settlement({s.window.window, s.window.root}, s.window.nets, parties).value().tx;
    for (auto& in : s.tx.inputs) in.witness = {Buffer(), Buffer(71, std::byte{1}), Buffer(105, std::byte{2})};
    return s;
}

// Genesis, one empty block, and one with the settlements of windows of 1, 2, 3 and 1000 postings. A second chain of the
// same is signed but not ground.
struct World {
    std::vector<std::size_t> sizes{1, 2, 3, 1000};
    std::vector<Settled> settled;
    std::vector<Buffer> raw, raw_unground;

    World() {
        std::vector<chain::Tx> txs;
        for (const auto size : sizes) txs.push_back(settled.emplace_back(settle(size)).tx);
        raw = blocks_with(txs, Grind::yes);
        raw_unground = blocks_with(txs, Grind::no);
    }
    static std::vector<Buffer> blocks_with(const std::vector<chain::Tx>& txs, Grind grind) {
        const auto first = block_on(chain::genesis_block(), 1, {}, grind);
        const auto second = block_on(first, 2, txs, grind);
        return {chain::encode_block(chain::genesis_block()), chain::encode_block(first), chain::encode_block(second)};
    }
};
const World& world() {
    static const World made;
    return made;
}
std::vector<Bytes> views(const std::vector<Buffer>& raw) {
    return {raw.begin(), raw.end()};
}
const Buffer& challenge() {
    return chain::test::testnet().params.challenge;
}

Receipt receipt_of(std::size_t which, std::size_t index, const std::vector<Buffer>& raw = world().raw) {
    const Settled& s = world().settled[which];
    const auto blocks = views(raw);
    ReceiptSource source;
    source.posting = s.postings[index];
    source.salt = s.salts[index];
    source.window = s.window.window;
    source.leaves = s.window.leaves;
    source.index = index;
    source.txid = chain::txid(s.tx);
    source.height = 2;
    source.blocks = blocks;
    return make_receipt(source).value();
}
std::optional<Check> failure_of(std::string_view text, const std::vector<Buffer>& raw = world().raw,
                                Bytes by = challenge()) {
    const auto verified = verify_receipt(text, views(raw), by);
    if (verified) return std::nullopt;
    return verified.error();
}
std::optional<Check> failure_of(const Receipt& r, const std::vector<Buffer>& raw = world().raw) {
    return failure_of(to_json(r), raw);
}
}  // namespace

TEST_CASE("receipt: every posting of windows of 1, 2, 3 and 1000 postings has one that verifies") {
    for (std::size_t which = 0; which < world().sizes.size(); ++which) {
        const std::size_t step = world().sizes[which] > 10 ? 37 : 1;
        for (std::size_t index = 0; index < world().sizes[which]; index += step) {
            const Receipt made = receipt_of(which, index);
            const auto verified = verify_receipt(to_json(made), views(world().raw), challenge());
            REQUIRE(verified);
            CHECK(*verified == made);
        }
        CHECK_FALSE(failure_of(receipt_of(which, world().sizes[which] - 1)));
    }
}

TEST_CASE("receipt: any flipped bit of any character is found") {
    const std::string good = to_json(receipt_of(2, 2));
    REQUIRE_FALSE(failure_of(good));
    std::set<Check> found_by;
    for (std::size_t at = 0; at < good.size(); ++at)
        for (unsigned bit = 0; bit < 8; ++bit) {
            std::string bad = good;
            bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ (1U << bit));
            const auto failed = failure_of(bad);
            if (!failed)
                FAIL_CHECK("character " << at << " bit " << bit
                                        << " is not covered: " << bad.substr(at > 20 ? at - 20 : 0, 40));
            else
                found_by.insert(*failed);
        }
    CHECK(found_by.size() >=
          6);  // not all by the form: digits and hex that stay well-formed are found by what they mean
}

TEST_CASE("receipt: a changed character is found in receipts of every window size") {
    for (std::size_t which = 0; which < world().sizes.size(); ++which) {
        const std::string good = to_json(receipt_of(which, world().sizes[which] / 2));
        for (std::size_t at = 0; at < good.size(); ++at) {
            std::string bad = good;
            bad[at] = bad[at] == '1' ? '2' : '1';
            CHECK_MESSAGE(failure_of(bad).has_value(), "character ", at);
        }
    }
}

TEST_CASE("receipt: every truncation, addition and other form is refused as a form") {
    const std::string good = to_json(receipt_of(1, 0));
    for (std::size_t size = 0; size < good.size(); size += 7)
        CHECK(failure_of(std::string_view(good).substr(0, size)) == Check::form);
    CHECK(failure_of(good + "\n") == Check::form);
    CHECK(failure_of("\n" + good) == Check::form);
    CHECK(failure_of(std::string(kReceiptBytesMax + 1, ' ')) == Check::form);
    CHECK(failure_of("[]") == Check::form);
    CHECK(failure_of("{\"giro_receipt\": 1, \"payment\": 7}") == Check::form);
    CHECK(failure_of(std::string(100'000, '[')) == Check::form);
}

TEST_CASE("receipt: a text with bytes beyond ASCII comes through") {
    Receipt r = receipt_of(0, 0);
    r.posting.merchant = MerchantId("caf\xe9 \x80\xff");
    const auto back = parse_receipt(to_json(r));
    REQUIRE(back);
    CHECK(*back == r);
}

TEST_CASE("receipt: each false claim is found by the check that is named for it") {
    const Receipt good = receipt_of(3, 500);
    Receipt r = good;
    r.path.pop_back();
    CHECK(failure_of(r) == Check::leaf);
    r = good;
    r.index = r.postings;
    CHECK(failure_of(r) == Check::leaf);
    r = good;
    r.posting.amount.minor += 1;
    CHECK(failure_of(r) == Check::merkle_path);
    r = good;
    r.salt[0] ^= std::byte{1};
    CHECK(failure_of(r) == Check::merkle_path);
    r = good;
    r.index ^= 1U;
    CHECK(failure_of(r) == Check::merkle_path);
    r = good;
    r.tx = chain::encode_tx(world().settled[2].tx);  // the transaction of another window
    CHECK(failure_of(r) == Check::op_return);
    r = good;
    r.tx.clear();
    CHECK(failure_of(r) == Check::op_return);
    r = good;
    r.height = 1;
    CHECK(failure_of(r) == Check::block);
    r.height = 3;
    CHECK(failure_of(r) == Check::block);
    r.height = 0;
    CHECK(failure_of(r) == Check::block);
    r = good;
    r.block_hash[0] ^= std::byte{1};
    CHECK(failure_of(r) == Check::block);
    r = good;
    r.headers.erase(r.headers.begin());
    CHECK(failure_of(r) == Check::header_path);
    r = good;
    r.headers[0][79] ^= std::byte{1};
    CHECK(failure_of(r) == Check::header_path);
    r = good;
    auto tx = *chain::decode_tx(r.tx);
    tx.inputs[0].witness[1][5] ^= std::byte{1};  // same txid, another witness
    r.tx = chain::encode_tx(tx);
    CHECK(failure_of(r) == Check::transaction);
    r = good;
    r.tx_position = 0;
    CHECK(failure_of(r) == Check::transaction);
    r.tx_position = 99;
    CHECK(failure_of(r) == Check::transaction);
    r = good;
    r.tx_path.back()[0] ^= std::byte{1};
    CHECK(failure_of(r) == Check::transaction);
}

TEST_CASE("receipt: a false chain is found by the check that is named for it") {
    const Receipt good = receipt_of(3, 0);
    auto raw = world().raw;
    raw[0].back() ^= std::byte{1};  // another genesis block
    CHECK(failure_of(good, raw) == Check::header_chain);
    raw = world().raw;
    raw[2].back() ^= std::byte{1};  // the body is not the header's
    CHECK(failure_of(good, raw) == Check::block);
    CHECK(failure_of(good, {world().raw[0], world().raw[1]}) == Check::block);
    CHECK(failure_of(good, {}) == Check::block);

    auto forged = world().raw;
    forged[1] = world().raw_unground[1];  // the block before it is another one
    Receipt r = good;
    std::copy_n(forged[1].begin(), chain::kHeaderBytes, r.headers[0].begin());
    CHECK(failure_of(r, forged) == Check::header_chain);
    CHECK(failure_of(receipt_of(3, 0, world().raw_unground), world().raw_unground) == Check::proof_of_work);

    const Buffer other = JournalMaker::script(1);
    CHECK(failure_of(to_json(good), world().raw, other) == Check::signet);
}

TEST_CASE("receipt: none is made when chain and journal do not belong together") {
    const Settled& s = world().settled[0];
    const auto blocks = views(world().raw);
    ReceiptSource source;
    source.posting = s.postings[0];
    source.salt = s.salts[0];
    source.window = s.window.window;
    source.leaves = s.window.leaves;
    source.txid = chain::txid(s.tx);
    source.blocks = blocks;
    for (const std::uint32_t height : {0U, 1U, 3U}) {
        source.height = height;
        const auto made = make_receipt(source);
        REQUIRE_FALSE(made);
        CHECK(made.error().kind == Failure::Kind::integrity);
    }
}

TEST_CASE("receipt: every check has a name and a meaning of its own") {
    std::set<std::string_view> names, meanings;
    for (int c = 0; c <= static_cast<int>(Check::transaction); ++c) {
        names.insert(name(static_cast<Check>(c)));
        meanings.insert(describe(static_cast<Check>(c)));
    }
    CHECK(names.size() == 10);
    CHECK(meanings.size() == 10);
}
