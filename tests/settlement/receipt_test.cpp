// Receipts: made from windows of several sizes, settled in one real block (signed and ground), verified offline; and
// every way in which a receipt or a chain can be false has its own check that finds it. receipt_chain_test.cpp has the
// checks against whoever makes the blocks.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>

#include "receipt_world.hpp"

using namespace giro;
using namespace giro::settlement;
using namespace giro::settlement::test;

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

// Found by a review: reading took a walk over all keys so far for each key, minutes for the largest text; the public may send one.
TEST_CASE("receipt: an object of very many keys is refused in time that grows with its size") {
    std::string text = "{";
    for (int i = 0; i < 300'000; ++i) text += fmt::format("\"k{}\":0,", i);
    text += "\"z\":0}";
    REQUIRE(text.size() <= kReceiptBytesMax);
    CHECK_FALSE(parse_receipt(text));  // 4.5e10 comparisons of keys otherwise: this would not end
}

TEST_CASE("receipt: a text with bytes beyond ASCII comes through") {
    Receipt r = receipt_of(0, 0);
    r.posting.merchant = MerchantId("caf\xe9 \x80\xff");
    const auto back = parse_receipt(to_json(r));
    REQUIRE(back);
    CHECK(*back == r);
}

TEST_CASE("receipt: it names the reversal that is known when it is issued, in one form") {
    Receipt r = receipt_of(1, 0);
    CHECK(to_json(r).find("reversed") == std::string::npos);
    r.reversed = Reversed{77, 4, 250};
    const auto verified = verify_receipt(to_json(r), views(world().raw), challenge());
    REQUIRE(verified);
    CHECK(verified->reversed == Reversed{77, 4, 250});
    std::string other = to_json(r);
    other.replace(other.find("\"seq\": 77"), 9, "\"seq\": 077");
    CHECK(failure_of(other) == Check::form);
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
    for (int c = 0; c <= static_cast<int>(Check::first); ++c) {
        names.insert(name(static_cast<Check>(c)));
        meanings.insert(describe(static_cast<Check>(c)));
    }
    CHECK(names.size() == 15);
    CHECK(meanings.size() == 15);
}
