// Reversals in part (DE95), their advices and repeats: what is left to stand is the least that any of them says, in
// whatever order they come, and never more than the original goes back.
#include <algorithm>

#include "fixture.hpp"

using namespace giro;
using namespace giro::switching;

namespace {

PaymentRequest partial_of(const PaymentRequest& original, std::uint32_t stan, MinorUnits stands) {
    PaymentRequest r = reversal_of(original, stan);
    r.replacement = stands;
    return r;
}

entry::Reversal last_reversal(const Box& box) {
    REQUIRE(box.journal.back().kind == entry::Kind::reversal);
    return *decode<entry::Reversal>(box.journal.back().body);
}

}  // namespace

TEST_CASE("partial reversal: exactly the difference moves back, and its repeats move nothing") {
    Box box;
    const auto sale = purchase_of(1'000, 1);
    REQUIRE(box.buy(sale).code == kApproved);
    CHECK(box.reverse(partial_of(sale, 2, 600)).code == kApproved);
    CHECK(box.balance(kMerchant) == 600);
    CHECK(box.balance(kRich) == 100'000 - 600);
    CHECK(last_reversal(box).amount.minor == 400);
    CHECK(last_reversal(box).replacement == 600);
    const std::size_t entries = box.journal.size();
    CHECK(box.reverse(partial_of(sale, 2, 600)).code == kApproved);
    CHECK(box.journal.size() == entries);
    CHECK(box.buy(sale).code == kApproved);  // a repeat of the sale is still what it was
    CHECK(box.reverse(reversal_of(sale, 3)).code == kApproved);  // the rest
    CHECK(box.balance(kMerchant) == 0);
    CHECK(box.balance(kRich) == 100'000);
    CHECK(last_reversal(box).amount.minor == 600);
    CHECK(box.replayed().digest() == box.state.digest());
}

TEST_CASE("partial reversal: in any order of arrival the same stands, and no more than the original goes back") {
    const MinorUnits left[] = {900, 300, 0, 300};
    std::vector<std::size_t> order{0, 1, 2, 3};
    do {
        Box box;
        const auto sale = purchase_of(1'000, 1);
        REQUIRE(box.buy(sale).code == kApproved);
        MinorUnits least = 1'000, moved = 0;
        for (const std::size_t i : order) {
            const auto reversal = partial_of(sale, static_cast<std::uint32_t>(10 + i), left[i]);
            CHECK(box.reverse(reversal).code == kApproved);
            const entry::Reversal e = last_reversal(box);
            if (e.outcome == entry::ReversalOutcome::reversed) moved += e.amount.minor;
            CHECK(box.reverse(reversal).code == kApproved);
            least = std::min(least, left[i]);
            CHECK(box.balance(kMerchant) == least);
        }
        CHECK(moved == 1'000);
        CHECK(box.state.find(RequestClass::payment, {sale.acquirer, sale.terminal, 1, sale.rrn, sale.local_time, sale.local_date})
                  ->what == Remembered::What::reversed);
    } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("partial reversal: one that leaves all or more to stand is refused, and so is another amount in DE4") {
    Box box;
    const auto sale = purchase_of(1'000, 1);
    REQUIRE(box.buy(sale).code == kApproved);
    const std::size_t entries = box.journal.size();
    CHECK(box.reverse(partial_of(sale, 2, 1'000)).code == kInvalidAmount);
    CHECK(box.reverse(partial_of(sale, 3, 1'001)).code == kInvalidAmount);
    CHECK(box.reverse(partial_of(sale, 4, 999'999'999'999)).code == kInvalidAmount);
    auto other = partial_of(sale, 5, 400);
    other.amount = 900;
    CHECK(box.reverse(other).code == kInvalidAmount);
    CHECK(box.journal.size() == entries);
    CHECK(box.balance(kMerchant) == 1'000);
}

TEST_CASE("partial reversal: of an original not seen yet, it waits: 25 and no entry, and its repeat takes effect") {
    Box box;
    const auto sale = purchase_of(1'000, 1);
    const std::size_t entries = box.journal.size();
    CHECK(box.reverse(partial_of(sale, 2, 400)).code == kOriginalNotFound);
    CHECK(box.journal.size() == entries);
    REQUIRE(box.buy(sale).code == kApproved);
    CHECK(box.reverse(partial_of(sale, 2, 400)).code == kApproved);
    CHECK(box.balance(kMerchant) == 400);
}

TEST_CASE("partial reversal: of a declined payment, and after a whole one, there is nothing to do") {
    Box box;
    const auto declined = purchase_of(50, 1), sale = purchase_of(1'000, 2), late = purchase_of(700, 3);
    REQUIRE(box.buy(declined, 2).code == ResponseCode("51"));
    CHECK(box.reverse(partial_of(declined, 11, 20)).code == kApproved);
    CHECK(last_reversal(box).outcome == entry::ReversalOutcome::nothing_owed);
    REQUIRE(box.buy(sale).code == kApproved);
    CHECK(box.reverse(reversal_of(sale, 12)).code == kApproved);
    CHECK(box.reverse(partial_of(sale, 13, 400)).code == kApproved);
    CHECK(last_reversal(box).outcome == entry::ReversalOutcome::already);
    CHECK(box.reverse(reversal_of(late, 14)).code == kApproved);  // a grave
    CHECK(box.reverse(partial_of(late, 15, 400)).code == kApproved);
    CHECK(box.buy(late).code == ResponseCode("21"));
    CHECK(box.balance(kRich) == 100'000);
}

TEST_CASE("partial reversal: the same key with another amount to stand is no repeat") {
    Box box;
    const auto sale = purchase_of(1'000, 1);
    REQUIRE(box.buy(sale).code == kApproved);
    REQUIRE(box.reverse(partial_of(sale, 2, 600)).code == kApproved);
    CHECK(box.reverse(partial_of(sale, 2, 500)).code == kDuplicateTransmission);
    CHECK(box.reverse(reversal_of(sale, 2)).code == kDuplicateTransmission);
    CHECK(box.balance(kMerchant) == 600);
}

TEST_CASE("partial reversal: the issuer's host is told each time what is to stand, one after the other") {
    Box box;
    const auto sale = purchase_of(1'000, 1, "9700030000000011");
    const Answer sent = box.buy(sale, 3);
    REQUIRE(sent.action == Answer::Action::forward);
    CHECK(box.reverse(partial_of(sale, 2, 600)).code == kOriginalNotFound);  // nobody knows yet whether it stands
    PaymentRequest answer;
    answer.link = sent.link;
    answer.stan = sent.link_stan;
    answer.amount = 1'000;
    answer.terminal = sale.terminal;
    answer.rrn = sale.rrn;
    answer.response_code = kApproved;
    REQUIRE(box.core->link_answer(answer, kNow));
    box.commit();
    CHECK(box.reverse(partial_of(sale, 2, 600)).code == kApproved);
    REQUIRE(box.state.outstanding(sent.payment) != nullptr);
    CHECK(box.state.outstanding(sent.payment)->stands == 600);
    CHECK(box.reverse(reversal_of(sale, 3)).code == kMalfunction);  // the host has not heard of the first one yet
    PaymentRequest acknowledged = answer;
    CHECK_FALSE(box.core->link_reversal_answer(acknowledged));  // of another reversal: it leaves nothing to stand
    acknowledged.replacement = 600;
    CHECK(box.core->link_reversal_answer(acknowledged));
    box.commit();
    CHECK(box.reverse(reversal_of(sale, 3)).code == kApproved);
    CHECK(box.state.outstanding(sent.payment)->stands == 0);
    CHECK_FALSE(box.core->link_reversal_answer(acknowledged));  // a late copy of the first acknowledgement
    acknowledged.replacement = 0;
    CHECK(box.core->link_reversal_answer(acknowledged));
    box.commit();
    CHECK(box.state.all_outstanding().empty());
    CHECK(box.balance(kMerchant) == 0);
    CHECK(box.replayed().digest() == box.state.digest());
}

TEST_CASE("partial reversal: the state takes no entry that moves another amount back than its words say") {
    Box box;
    const auto sale = purchase_of(1'000, 1);
    REQUIRE(box.buy(sale).code == kApproved);
    REQUIRE(box.reverse(partial_of(sale, 2, 600)).code == kApproved);
    const entry::Reversal good = last_reversal(box);
    const Hash256 before = box.state.digest();
    const auto refused = [&](auto change) {
        entry::Reversal e = good;
        e.key.stan = 99;
        e.replacement = 100;
        e.amount.minor = 500;
        change(e);
        CHECK_FALSE(box.state.apply(entry::Kind::reversal, encode(e)));
        CHECK(box.state.digest() == before);
    };
    refused([](entry::Reversal& e) { e.amount.minor = 501; });
    refused([](entry::Reversal& e) { e.amount.minor = 499; });
    refused([](entry::Reversal& e) { e.replacement = -1; });
    refused([](entry::Reversal& e) { e.replacement = 600, e.amount.minor = 0; });
    refused([](entry::Reversal& e) { e.replacement = 700, e.amount.minor = -100; });
    refused([](entry::Reversal& e) { e.amount.currency = 978; });
    refused([](entry::Reversal& e) { e.outcome = entry::ReversalOutcome::unknown, e.original.stan = 77; });
    refused([](entry::Reversal& e) { e.outcome = entry::ReversalOutcome::already, e.replacement = 500; });
}

TEST_CASE("partial reversal: a snapshot keeps what stands, and one that says more than the original is refused") {
    Box box;
    const auto sale = purchase_of(0x0A0B0C, 1);
    REQUIRE(box.core->pay_in({kRich, {0x0A0B0C, 963}, {}}));
    REQUIRE(box.buy(sale).code == kApproved);
    REQUIRE(box.reverse(partial_of(sale, 2, 0x0A0B0B)).code == kApproved);
    Buffer bytes;
    box.state.save(bytes);
    const auto loaded = State::load(bytes, 5);
    REQUIRE(loaded);
    CHECK(loaded->digest() == box.state.digest());
    // The remembered payment holds amount and what stands side by side.
    const Buffer needle{std::byte{0x0C}, std::byte{0x0B}, std::byte{0x0A}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0},
                        std::byte{0},    std::byte{0x0B}, std::byte{0x0B}, std::byte{0x0A}};
    const auto at = std::search(bytes.begin(), bytes.end(), needle.begin(), needle.end());
    REQUIRE(at != bytes.end());
    at[8] = std::byte{0x0D};
    CHECK_FALSE(State::load(bytes, 5));
}
