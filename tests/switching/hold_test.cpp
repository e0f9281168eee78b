// Pre-authorisations: held, raised, completed, expired, reversed; and sales that a till approved by itself.
#include <algorithm>

#include "fixture.hpp"

using namespace giro;
using namespace giro::switching;
using entry::Reason;

namespace {

constexpr std::uint64_t kLifetime = 604'800 * kSecond;

PaymentRequest authorisation_of(MinorUnits amount, std::uint32_t stan) {
    PaymentRequest r = purchase_of(amount, stan);
    r.mti = 0x0100;
    return r;
}
// A raise (0100) or a completion (0220): names its original, whose RRN and local time it repeats.
PaymentRequest following(Mti mti, const PaymentRequest& original, std::uint32_t stan, MinorUnits amount) {
    PaymentRequest r = reversal_of(original, stan);
    r.mti = mti;
    r.amount = amount;
    std::memcpy(r.original.chars.data(), "0100", 4);
    return r;
}
PaymentRequest reversal_of_type(const PaymentRequest& original, const char* mti, std::uint32_t stan) {
    PaymentRequest r = reversal_of(original, stan);
    std::memcpy(r.original.chars.data(), mti, 4);
    return r;
}

struct HoldBox : Box {
    Answer authorise(const PaymentRequest& r, std::uint8_t card = 1, std::uint64_t now = kNow) {
        const auto pan = sealed(card);
        const Answer a = core->authorisation(r, &pan, now);
        commit();
        return a;
    }
    Answer complete(const PaymentRequest& r, std::uint8_t card = 1, std::uint64_t now = kNow) {
        const auto pan = sealed(card);
        const Answer a = core->completion(r, &pan, now);
        commit();
        return a;
    }
    [[nodiscard]] MinorUnits held() const { return state.ledger().account(kRich)->debits_pending; }
    [[nodiscard]] bool replays() const { return replayed().digest() == state.digest(); }
};

}  // namespace

TEST_CASE("hold: an authorisation holds and posts nothing; its completion posts the final amount and releases the rest") {
    HoldBox box;
    const auto first = authorisation_of(10'000, 1);
    const Answer a = box.authorise(first);
    CHECK(a.code == kApproved);
    CHECK(box.held() == 10'000);
    CHECK(box.balance(kRich) == 100'000);
    CHECK(box.balance(kMerchant) == 0);
    const Answer done = box.complete(following(0x0220, first, 2, 7'500));
    CHECK(done.code == kApproved);
    CHECK(done.auth_code == a.auth_code);
    CHECK(box.held() == 0);
    CHECK(box.balance(kRich) == 100'000 - 7'500);
    CHECK(box.balance(kMerchant) == 7'500);
    CHECK(box.state.holds().empty());
    CHECK(box.replays());
}

TEST_CASE("hold: repeats of each message get the first answer and do nothing more") {
    HoldBox box;
    const auto first = authorisation_of(10'000, 1), more = following(0x0100, first, 2, 500), end = following(0x0220, first, 3, 10'500);
    std::size_t entries = 0;
    const auto twice = [&](auto&& ask) {
        const Answer once = ask();
        CHECK(once.code == kApproved);
        entries = box.journal.size();
        const Answer again = ask();
        CHECK(again.code == once.code);
        CHECK(again.auth_code == once.auth_code);
        CHECK(box.journal.size() == entries);
    };
    twice([&] { return box.authorise(first); });
    twice([&] { return box.authorise(more); });
    CHECK(box.held() == 10'500);
    twice([&] { return box.complete(end); });
    CHECK(box.authorise(first).code == kApproved);  // also when it is completed
    CHECK(box.authorise(more).code == kApproved);
    CHECK(box.balance(kMerchant) == 10'500);
    auto other = first;
    other.amount += 1;
    CHECK(box.authorise(other).code == kDuplicateTransmission);
    CHECK(box.authorise(first, 2).code == kDuplicateTransmission);
    other = end;
    other.amount += 1;
    CHECK(box.complete(other).code == kDuplicateTransmission);
}

TEST_CASE("hold: the same key as a purchase and as an authorisation are two requests") {
    HoldBox box;
    CHECK(box.buy(purchase_of(10, 1)).code == kApproved);
    CHECK(box.authorise(authorisation_of(10, 1)).code == kApproved);
    CHECK(box.held() == 10);
    CHECK(box.reverse(reversal_of(purchase_of(10, 1), 2)).code == kApproved);
    CHECK(box.held() == 10);
    CHECK(box.balance(kRich) == 100'000);
}

TEST_CASE("hold: held money cannot be spent twice, and is free again when the hold is reversed") {
    HoldBox box;
    const auto first = authorisation_of(99'000, 1);
    CHECK(box.authorise(first).code == kApproved);
    CHECK(box.buy(purchase_of(2'000, 2)).code == ResponseCode("51"));
    CHECK(box.authorise(authorisation_of(2'000, 3)).code == ResponseCode("51"));
    CHECK(box.authorise(following(0x0100, first, 4, 1'001)).code == ResponseCode("51"));
    CHECK(box.held() == 99'000);
    CHECK(box.reverse(reversal_of_type(first, "0100", 5)).code == kApproved);
    CHECK(decode<entry::Reversal>(box.journal.back().body)->outcome == entry::ReversalOutcome::released);
    CHECK(box.held() == 0);
    CHECK(box.buy(purchase_of(2'000, 6)).code == kApproved);
    CHECK(box.complete(following(0x0220, first, 7, 99'000)).code == kOriginalNotFound);
    CHECK(box.reverse(reversal_of_type(first, "0100", 8)).code == kApproved);  // already
    CHECK(box.balance(kMerchant) == 2'000);
    CHECK(box.replays());
}

TEST_CASE("hold: a tip within the tolerance is a transfer of its own, and asks the card for the money") {
    HoldBox box;
    const auto first = authorisation_of(10'000, 1);
    REQUIRE(box.authorise(first).code == kApproved);
    const std::size_t entries = box.journal.size();
    CHECK(box.complete(following(0x0220, first, 2, 12'001)).code == kInvalidAmount);  // 20 %
    CHECK(box.journal.size() == entries);
    REQUIRE(box.buy(purchase_of(88'500, 3)).code == kApproved);  // leaves 1'500 beside what is held
    CHECK(box.complete(following(0x0220, first, 4, 12'000)).code == ResponseCode("51"));
    CHECK(box.held() == 10'000);
    CHECK(box.complete(following(0x0220, first, 5, 11'500)).code == kApproved);
    CHECK(box.held() == 0);
    CHECK(box.balance(kRich) == 0);
    CHECK(box.balance(kMerchant) == 88'500 + 11'500);
    CHECK(box.complete(following(0x0220, first, 6, 1)).code == kDuplicateTransmission);
    CHECK(box.replays());
    // The reversal of the completion moves it all back, in part or whole.
    auto reversal = reversal_of_type(following(0x0220, first, 5, 11'500), "0220", 7);
    reversal.replacement = 1'500;
    CHECK(box.reverse(reversal).code == kApproved);
    CHECK(box.balance(kRich) == 10'000);
    CHECK(box.reverse(reversal_of_type(following(0x0220, first, 5, 11'500), "0220", 8)).code == kApproved);
    CHECK(box.balance(kRich) == 11'500);
    CHECK(box.reverse(reversal_of_type(first, "0100", 9)).code == kInvalidTransaction);  // it is the 0220 that is reversed
    CHECK(box.replays());
}

TEST_CASE("hold: it ends by the clock, by an entry, and a late completion is posted all the same") {
    HoldBox box;
    const auto first = authorisation_of(60'000, 1), second = authorisation_of(30'000, 2), third = authorisation_of(500, 3);
    REQUIRE(box.authorise(first).code == kApproved);
    REQUIRE(box.authorise(second, 1, kNow + kSecond).code == kApproved);
    REQUIRE(box.authorise(following(0x0100, first, 10, 1'000), 1, kNow + 2 * kSecond).code == kApproved);  // lives anew
    REQUIRE(box.authorise(third, 1, kNow).code == kApproved);
    (void)box.core->expire(kNow + kLifetime - 1);
    CHECK_FALSE(box.core->has_entries());
    (void)box.core->expire(kNow + kLifetime);
    box.commit();
    CHECK(box.journal.back().kind == entry::Kind::holds_expired);
    CHECK(box.held() == 91'000);
    (void)box.core->expire(kNow + kLifetime + kSecond);
    box.commit();
    CHECK(box.held() == 61'000);
    const std::uint64_t late = kNow + kLifetime + 2 * kSecond;
    REQUIRE(box.buy(purchase_of(30'000, 20)).code == kApproved);
    CHECK(box.complete(following(0x0220, first, 11, 61'000), 1, late).code == kApproved);  // the expiry is noticed here
    CHECK(box.held() == 0);
    CHECK(box.balance(kRich) == 9'000);
    const MinorUnits reserve = box.balance(reserve_account(1));
    CHECK(box.complete(following(0x0220, second, 12, 30'001), 1, late).code == ResponseCode("51"));
    CHECK(box.complete(following(0x0220, second, 13, 30'000), 1, late).code == kApproved);  // the bank answers for it
    CHECK(box.balance(kRich) == 9'000);
    CHECK(box.balance(reserve_account(1)) == reserve - 30'000);
    CHECK(box.balance(kMerchant) == 30'000 + 61'000 + 30'000);
    CHECK(box.reverse(reversal_of_type(third, "0100", 14), late).code == kApproved);
    CHECK(decode<entry::Reversal>(box.journal.back().body)->outcome == entry::ReversalOutcome::nothing_owed);
    CHECK(box.reverse(reversal_of_type(following(0x0220, second, 13, 30'000), "0220", 15), late).code == kApproved);
    CHECK(box.balance(reserve_account(1)) == reserve);  // back to who paid
    CHECK(box.replays());
}

TEST_CASE("hold: what cannot be raised or completed is told apart, and a completion that is refused leaves no entry") {
    HoldBox box;
    const auto unknown = authorisation_of(100, 1), declined = authorisation_of(200'000, 2), good = authorisation_of(100, 3);
    REQUIRE(box.authorise(declined).code == ResponseCode("51"));
    REQUIRE(box.authorise(good).code == kApproved);
    CHECK(box.authorise(following(0x0100, unknown, 10, 5)).code == kOriginalNotFound);
    CHECK(box.authorise(following(0x0100, declined, 11, 5)).code == kOriginalNotFound);
    CHECK(box.authorise(following(0x0100, good, 12, 5), 2).code == kOriginalNotFound);  // another card
    const std::size_t entries = box.journal.size();
    CHECK(box.complete(following(0x0220, unknown, 13, 5)).code == kOriginalNotFound);
    CHECK(box.complete(following(0x0220, declined, 14, 5)).code == kOriginalNotFound);
    CHECK(box.complete(following(0x0220, good, 15, 5), 2).code == kInvalidTransaction);
    CHECK(box.complete(following(0x0220, good, 16, 0)).code == kInvalidAmount);
    auto refund = following(0x0220, good, 17, 5);
    refund.processing_code = 200'000;
    CHECK(box.complete(refund).code == kInvalidTransaction);
    auto euro = following(0x0220, good, 18, 5);
    euro.currency = 978;
    CHECK(box.complete(euro).code == kInvalidTransaction);
    CHECK(box.complete(following(0x0220, good, 19, 999'999'999'999)).code == kInvalidAmount);
    CHECK(box.journal.size() == entries);
    CHECK(box.held() == 100);
}

TEST_CASE("hold: cards of another host, wallets and unknown cards are not authorised") {
    HoldBox box;
    auto gamma = authorisation_of(100, 1);
    gamma.pan = *Pan::parse("9700030000000011");
    CHECK(box.authorise(gamma, 3).code == kInvalidTransaction);
    CHECK(box.core->authorisation(authorisation_of(100, 2), nullptr, kNow).code == kInvalidTransaction);
    box.commit();
    auto both = authorisation_of(100, 7);  // a card and a wallet's code
    both.qr = as_bytes("not a QR payload");
    CHECK(box.authorise(both).code == kInvalidTransaction);
    CHECK(box.complete(both).code == kInvalidTransaction);
    CHECK(box.authorise(authorisation_of(100, 3), 9).code == ResponseCode("14"));
    auto stranger = authorisation_of(100, 4);
    stranger.pan = *Pan::parse("4111111111111111");
    CHECK(box.authorise(stranger).code == ResponseCode("15"));
    CHECK(box.authorise(authorisation_of(box.config.switching.payment_max + 1, 5)).code == ResponseCode("61"));
    CHECK(box.authorise(authorisation_of(100, 6), 1, kNow + 11 * kSecond).code == ResponseCode("68"));
    CHECK(box.state.holds().empty());
    CHECK(box.replays());
}

TEST_CASE("hold: a reversal that comes before its authorisation, and one of a raise") {
    HoldBox box;
    const auto late = authorisation_of(100, 1), good = authorisation_of(100, 2);
    CHECK(box.reverse(reversal_of_type(late, "0100", 10)).code == kApproved);
    CHECK(box.authorise(late).code == ResponseCode("21"));
    CHECK(box.held() == 0);
    REQUIRE(box.authorise(good).code == kApproved);
    const auto raise = following(0x0100, good, 3, 50);
    REQUIRE(box.authorise(raise).code == kApproved);
    CHECK(box.reverse(reversal_of_type(raise, "0100", 11)).code == kInvalidTransaction);
    auto in_part = reversal_of_type(good, "0100", 12);
    in_part.replacement = 40;
    CHECK(box.reverse(in_part).code == kInvalidTransaction);
    CHECK(box.held() == 150);
    CHECK(box.reverse(reversal_of_type(good, "0100", 13)).code == kApproved);
    CHECK(box.held() == 0);
}

TEST_CASE("offline sale: within the till's limit it stands; without money in the account its bank pays") {
    HoldBox box;
    const auto sale = [](MinorUnits amount, std::uint32_t stan) {
        auto r = purchase_of(amount, stan);
        r.mti = 0x0220;
        r.auth_code = AuthCode("OFF001");
        return r;
    };
    const MinorUnits most = box.config.switching.offline_max, reserve = box.balance(reserve_account(1));
    const Answer a = box.complete(sale(most, 1), 1, kNow + 60 * 60 * kSecond);  // stored for an hour: an advice is never stale
    CHECK(a.code == kApproved);
    CHECK(a.auth_code.view() == "OFF001");
    CHECK(box.balance(kRich) == 100'000 - most);
    CHECK(box.complete(sale(most, 1)).code == kApproved);
    CHECK(box.balance(kRich) == 100'000 - most);
    CHECK(box.complete(sale(most + 1, 2)).code == ResponseCode("61"));
    CHECK(box.complete(sale(700, 3), 2).code == kApproved);
    CHECK(box.balance(kPoor) == 0);
    CHECK(box.balance(reserve_account(1)) == reserve - 700);
    CHECK(box.complete(sale(700, 4), 9).code == ResponseCode("14"));
    CHECK(box.reverse(reversal_of_type(sale(700, 3), "0220", 5)).code == kApproved);
    CHECK(box.balance(reserve_account(1)) == reserve);
    CHECK(box.reverse(reversal_of_type(sale(50, 6), "0220", 7)).code == kApproved);
    CHECK(box.complete(sale(50, 6)).code == ResponseCode("21"));
    CHECK(box.replays());
}

TEST_CASE("offline sale: of a blocked card it was done, so it stands, and is marked for its bank; its completion and its upload, too") {
    HoldBox box;
    const entry::CardBlocked block{sealed(1).token, {}};
    REQUIRE(box.authorise(purchase_of(400, 1)).code == kApproved);
    REQUIRE(box.core->block_card(block));
    auto sale = purchase_of(300, 2);
    sale.mti = 0x0220;
    CHECK(box.complete(sale).code == kApproved);
    CHECK(decode<entry::Completed>(box.journal.back().body)->payment.reason == Reason::card_blocked);
    CHECK(box.state.counters().blocked_taken == 1);
    CHECK(box.state.counters().blocked_sum == 300);
    CHECK(box.complete(following(0x0220, purchase_of(400, 1), 3, 400)).code == kApproved);
    CHECK(box.state.counters().blocked_sum == 700);
    CHECK(box.authorise(purchase_of(100, 4)).code == ResponseCode("62"));
    REQUIRE(box.core->unblock_card({block.card, {}}));
    sale = purchase_of(300, 5);
    sale.mti = 0x0220;
    CHECK(box.complete(sale).code == kApproved);
    CHECK(decode<entry::Completed>(box.journal.back().body)->payment.reason == Reason::none);
    CHECK(box.state.counters().blocked_taken == 2);
    CHECK(box.replays());
}

TEST_CASE("offline sale: what a bank pays for an empty card is bounded, whoever makes the sales up") {
    HoldBox box;
    const MinorUnits reserve = box.balance(reserve_account(1));
    const auto sell = [&](std::uint32_t stan, std::uint8_t card, std::uint64_t now) {
        auto r = purchase_of(100, stan);
        r.mti = 0x0220;
        return box.complete(r, card, now).code;
    };
    std::uint32_t stan = 1;
    for (std::uint32_t i = 0; i < kUnpaidSalesOfCard.burst; ++i) CHECK(sell(stan++, 2, kNow) == kApproved);
    const std::uint64_t entries = box.state.last_seq();
    CHECK(sell(stan, 2, kNow) == ResponseCode("61"));
    CHECK(box.state.last_seq() == entries);
    CHECK(box.balance(reserve_account(1)) == reserve - 100 * kUnpaidSalesOfCard.burst);
    CHECK(sell(stan++, 1, kNow) == kApproved);  // a card that has the money is nobody's debt
    CHECK(sell(stan++, 2, kNow + kUnpaidSalesOfCard.interval_ns) == kApproved);
}

TEST_CASE("hold: a snapshot keeps the holds and their ends; one whose holds are not the ledger's is refused") {
    HoldBox box;
    const auto first = authorisation_of(10'000, 1), second = authorisation_of(500, 2);
    REQUIRE(box.authorise(first).code == kApproved);
    REQUIRE(box.authorise(second).code == kApproved);
    REQUIRE(box.authorise(following(0x0100, first, 3, 0x0A0B)).code == kApproved);
    Buffer bytes;
    box.state.save(bytes);
    auto loaded = State::load(bytes, 5);
    REQUIRE(loaded);
    CHECK(loaded->digest() == box.state.digest());
    (void)box.core->expire(kNow + kLifetime);
    box.commit();
    REQUIRE(loaded->apply(box.journal.back().kind, box.journal.back().body));
    CHECK(loaded->digest() == box.state.digest());
    CHECK(loaded->holds().empty());
    // Each byte of a hold's item, changed: it is then another hold than the ledger's.
    ByteArray<8> expires;
    store_le(expires.data(), kNow + kLifetime);
    // Not ranges::find_end: libstdc++ 12's does not compile with Clang 14.
    const auto last = std::find_end(bytes.begin(), bytes.end(), expires.begin(), expires.end());
    REQUIRE(last != bytes.end());
    for (auto at = last - 24; at != last + sizeof(expires); ++at) {
        *at ^= std::byte{1};
        CHECK_FALSE(State::load(bytes, 5));
        *at ^= std::byte{1};
    }
}

TEST_CASE("hold: the state takes no entry that holds, raises, completes or ends what it should not") {
    HoldBox box;
    const auto first = authorisation_of(10'000, 1);
    REQUIRE(box.authorise(first).code == kApproved);
    const auto held = *decode<entry::Authorised>(box.journal.back().body);
    const std::uint64_t seq = box.journal.size();
    const Hash256 before = box.state.digest();
    const auto refused = [&](entry::Kind kind, const auto& e) {
        CHECK_FALSE(box.state.apply(kind, encode(e)));
        CHECK(box.state.digest() == before);
    };
    entry::Authorised a = held;
    refused(entry::Kind::authorised, a);  // decided already
    a.payment.key.stan = 50;
    a.lifetime_s = 0;
    refused(entry::Kind::authorised, a);
    a = held, a.payment.key.stan = 50, a.total += 1;
    refused(entry::Kind::authorised, a);
    a = held, a.payment.key.stan = 50, a.payment.debit = reserve_account(1);
    refused(entry::Kind::authorised, a);
    a = held, a.payment.key.stan = 50, a.original = seq, a.total = 10'000;
    refused(entry::Kind::authorised, a);
    a = held, a.payment.key.stan = 50, a.original = seq + 7, a.total = 20'000;
    refused(entry::Kind::authorised, a);
    a = held, a.payment.key.stan = 50, a.original = seq, a.total = 20'000, a.payment.debit = kPoor;
    refused(entry::Kind::authorised, a);
    a = held, a.payment.key.stan = 50, a.original = seq, a.payment.amount.minor = 90'001, a.total = 100'001;
    refused(entry::Kind::authorised, a);  // the void is taken back with it
    entry::Completed c;
    c.payment = held.payment;
    c.payment.key.stan = 51;
    c.authorisation = seq;
    c.original = held.payment.key;
    entry::Completed d = c;
    d.authorisation = seq - 1;
    refused(entry::Kind::completed, d);
    d = c, d.original.stan = 9;
    refused(entry::Kind::completed, d);
    d = c, d.payment.amount.minor = 0;
    refused(entry::Kind::completed, d);
    d = c, d.payment.amount.minor = 100'001;  // what is beyond the hold is not there: nothing of it happens
    refused(entry::Kind::completed, d);
    d = c, d.payment.credit = kPoor;
    refused(entry::Kind::completed, d);
    d = c, d.authorisation = 0, d.payment.debit = issuance_account(963);
    refused(entry::Kind::completed, d);
    refused(entry::Kind::holds_expired, entry::HoldsExpired{kNow + kLifetime - 1, 10});
    refused(entry::Kind::holds_expired, entry::HoldsExpired{kNow + kLifetime, 0});
    entry::Reversal r;
    r.key = held.payment.key;
    r.original = held.payment.key;
    r.original_mti = 0x0100;
    r.payment = seq + 1;
    r.outcome = entry::ReversalOutcome::released;
    refused(entry::Kind::reversal, r);
    r.payment = seq, r.outcome = entry::ReversalOutcome::reversed;
    refused(entry::Kind::reversal, r);
    r.outcome = entry::ReversalOutcome::released, r.original_mti = 0x0300;
    refused(entry::Kind::reversal, r);
}
