// What a transfer does, what each refusal means, and in which order refusals are given.
#include <limits>
#include <set>

#include "tests/ledger/support.hpp"

using namespace giro;
using namespace giro::ledger;
using R = TransferResult;
using A = AccountResult;

namespace {
struct Sums {
    MinorUnits debits_pending, debits_posted, credits_pending, credits_posted;
    bool operator==(const Sums&) const = default;
};
Sums sums(const Ledger& ledger, std::uint64_t account) {
    const Account& a = *ledger.account(id(account));
    return {a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted};
}

// Climbs the order of precedence: a transfer that breaks many rules is mended one rule at a time.
class Ladder {
  public:
    explicit Ladder(const Ledger& ledger) : m_ledger(ledger) {}
    // The transfer as it stands gives `expected`, a value later in the order than the step before.
    void step(const Transfer& t, R expected) {
        CHECK(m_ledger.check(t) == expected);
        if (!m_reached.empty()) CHECK(expected > *m_reached.rbegin());
        m_reached.insert(expected);
    }
    [[nodiscard]] const std::set<R>& reached() const { return m_reached; }

  private:
    const Ledger& m_ledger;
    std::set<R> m_reached;
};
}  // namespace

TEST_CASE("ledger: a transfer debits one account and credits the other") {
    Ledger ledger = make_ledger();
    CHECK(ledger.apply(move(10, 1, 2, 250)) == R::ok);
    CHECK(sums(ledger, 1) == Sums{0, 250, 0, 0});
    CHECK(sums(ledger, 2) == Sums{0, 0, 0, 250});
    CHECK(ledger.totals(kEur).balanced());
    CHECK(ledger.totals(kEur).debits_posted == 250);
    CHECK(ledger.transfer(id(10))->state == TransferState::posted);
    CHECK_FALSE(ledger.transfer(id(11)));
    CHECK(ledger.account(id(9)) == nullptr);
}

TEST_CASE("ledger: a post of less than the hold moves that and releases the rest") {
    Ledger ledger = make_ledger();
    CHECK(ledger.apply(hold(10, 1, 2, 250)) == R::ok);
    CHECK(sums(ledger, 1) == Sums{250, 0, 0, 0});
    CHECK(sums(ledger, 2) == Sums{0, 0, 250, 0});
    CHECK(ledger.apply(post(11, 10, 200)) == R::ok);
    CHECK(sums(ledger, 1) == Sums{0, 200, 0, 0});
    CHECK(sums(ledger, 2) == Sums{0, 0, 0, 200});
    CHECK(ledger.transfer(id(10))->state == TransferState::pending_posted);
    const auto posted = ledger.transfer(id(11));
    CHECK(posted->transfer.amount == 200);
    CHECK(posted->transfer.debit_account == id(1));
    CHECK(posted->transfer.pending_id == id(10));
    CHECK(posted->transfer.currency == kEur);
}

TEST_CASE("ledger: a post without an amount moves all that is held") {
    Ledger ledger = make_ledger();
    CHECK(ledger.apply(hold(10, 1, 2, 250)) == R::ok);
    CHECK(ledger.apply(post(11, 10)) == R::ok);
    CHECK(sums(ledger, 1) == Sums{0, 250, 0, 0});
    CHECK(ledger.apply(post(11, 10)) == R::exists);
    CHECK(ledger.apply(post(11, 10, 250)) == R::exists);
}

TEST_CASE("ledger: a void releases exactly what the hold took") {
    Ledger ledger = make_ledger();
    CHECK(ledger.apply(hold(10, 1, 2, 250)) == R::ok);
    CHECK(ledger.apply(release(11, 10)) == R::ok);
    CHECK(sums(ledger, 1) == Sums{0, 0, 0, 0});
    CHECK(sums(ledger, 2) == Sums{0, 0, 0, 0});
    CHECK(ledger.transfer(id(10))->state == TransferState::pending_voided);
    CHECK(ledger.transfer(id(11))->state == TransferState::voided);
    CHECK(ledger.apply(release(11, 10)) == R::exists);
}

TEST_CASE("ledger: holds expire in order of their time, then of their recording, and only once") {
    Ledger ledger = make_ledger();
    CHECK_FALSE(ledger.next_expiry_ns());
    for (const auto& [n, timeout] : {std::pair{10, 30}, {11, 10}, {12, 20}, {13, 10}, {14, 10}, {15, 0}})
        REQUIRE(ledger.apply(hold(static_cast<std::uint64_t>(n), 1, 2, 100, static_cast<std::uint32_t>(timeout))) == R::ok);
    CHECK(ledger.apply(post(20, 13)) == R::ok);
    CHECK(ledger.next_expiry_ns() == 11 * kSecond);
    CHECK(ledger.expire(11 * kSecond - 1).empty());
    CHECK(ledger.expire(21 * kSecond, 1) == std::vector{id(11)});
    CHECK(ledger.expire(21 * kSecond) == std::vector{id(14), id(12)});
    CHECK(ledger.transfer(id(12))->state == TransferState::pending_expired);
    CHECK(ledger.expire(UINT64_MAX) == std::vector{id(10)});
    CHECK(sums(ledger, 1) == Sums{100, 100, 0, 0});  // 15 has no timeout
    CHECK_FALSE(ledger.next_expiry_ns());
}

TEST_CASE("ledger: a chain succeeds or fails as a whole") {
    Ledger ledger = make_ledger();
    REQUIRE(ledger.apply(hold(9, 1, 2, 5)) == R::ok);
    const Hash256 before = ledger.digest();
    const std::vector batch{linked(move(10, 1, 2, 100)), linked(hold(11, 2, 3, 50, 1)), linked(post(12, 9)),
                            linked(release(13, 11)), move(14, 3, 9, 50), move(15, 4, 1, 7)};
    CHECK(apply_all(ledger, batch) == std::vector{R::linked_event_failed, R::linked_event_failed, R::linked_event_failed,
                                                  R::linked_event_failed, R::credit_account_not_found, R::ok});
    CHECK_FALSE(ledger.transfer(id(10)));
    CHECK(ledger.transfer(id(9))->state == TransferState::pending);
    CHECK(ledger.expire(UINT64_MAX).empty());
    CHECK(ledger.transfer_count() == 2);
    CHECK(ledger.digest() != before);
    auto good = batch;
    good[4].credit_account = id(4);
    CHECK(apply_all(ledger, good) == std::vector{R::ok, R::ok, R::ok, R::ok, R::ok, R::exists});
    CHECK(sums(ledger, 3) == Sums{0, 50, 0, 0});
}

TEST_CASE("ledger: a failed chain leaves no trace in the digest") {
    Ledger ledger = make_ledger();
    const Hash256 before = ledger.digest();
    CHECK(apply_all(ledger, {linked(move(10, 1, 2, 100)), move(11, 1, 1, 1)}) ==
          std::vector{R::linked_event_failed, R::accounts_must_be_different});
    CHECK(ledger.digest() == before);
}

TEST_CASE("ledger: a batch that ends inside a chain does not try it") {
    Ledger ledger = make_ledger();
    CHECK(apply_all(ledger, {move(10, 1, 2, 1), linked(move(11, 1, 2, 1)), linked(move(12, 1, 2, 1))}) ==
          std::vector{R::ok, R::linked_event_failed, R::linked_event_chain_open});
    CHECK(ledger.apply(linked(move(13, 1, 2, 1))) == R::linked_event_chain_open);
    CHECK(ledger.check(linked(move(13, 1, 2, 1))) == R::ok);
    CHECK(ledger.transfer_count() == 1);
}

TEST_CASE("ledger: an account never spends more than it has, its overdraft and its holds counted") {
    Ledger ledger = make_ledger();
    REQUIRE(ledger.open_account(make_account(5, kDebitsMustNotExceedCredits, 30)) == A::ok);
    CHECK(ledger.apply(move(10, 1, 5, 100)) == R::ok);
    CHECK(ledger.account(id(5))->available() == 130);
    CHECK(ledger.apply(hold(11, 5, 2, 130)) == R::ok);
    CHECK(ledger.account(id(5))->available() == 0);
    CHECK(ledger.apply(move(12, 5, 2, 1)) == R::exceeds_credits);
    CHECK(ledger.apply(hold(13, 1, 5, 50)) == R::ok);  // a pending credit is no money yet
    CHECK(ledger.apply(move(12, 5, 2, 1)) == R::exceeds_credits);
    CHECK(ledger.apply(post(14, 13)) == R::ok);
    CHECK(ledger.apply(move(12, 5, 2, 50)) == R::ok);
    CHECK(ledger.account(id(1))->available() == kAmountMax);
}

TEST_CASE("ledger: a freeze stops new transfers but not a correction, a post, a void or an expiry") {
    Ledger ledger = make_ledger();
    for (std::uint64_t n : {10U, 11U, 12U}) REQUIRE(ledger.apply(hold(n, 1, 2, 10, 5)) == R::ok);
    CHECK(ledger.set_flags(id(1), kFrozen) == A::ok);
    CHECK(ledger.apply(move(20, 1, 2, 1)) == R::debit_account_frozen);
    CHECK(ledger.apply(move(20, 2, 1, 1)) == R::credit_account_frozen);
    CHECK(ledger.apply(move(20, 2, 1, 1, kCorrection)) == R::ok);
    CHECK(ledger.apply(post(21, 10)) == R::ok);
    CHECK(ledger.apply(release(22, 11)) == R::ok);
    CHECK(ledger.expire(10 * kSecond) == std::vector{id(12)});
    CHECK(ledger.set_flags(id(1), 0) == A::ok);
    CHECK(ledger.apply(move(23, 1, 2, 1)) == R::ok);
}

TEST_CASE("ledger: a closed account takes nothing, and nothing pending is closed away") {
    Ledger ledger = make_ledger();
    REQUIRE(ledger.apply(hold(10, 1, 2, 10)) == R::ok);
    CHECK(ledger.set_flags(id(1), kClosed) == A::has_pending_transfers);
    CHECK(ledger.set_flags(id(2), kClosed) == A::has_pending_transfers);
    REQUIRE(ledger.apply(release(11, 10)) == R::ok);
    CHECK(ledger.set_flags(id(1), kClosed) == A::ok);
    CHECK(ledger.apply(move(12, 1, 2, 1, kCorrection)) == R::debit_account_closed);
    CHECK(ledger.apply(move(12, 2, 1, 1, kCorrection)) == R::credit_account_closed);
    CHECK(ledger.set_flags(id(1), kDebitsMustNotExceedCredits) == A::reserved_flag);
    CHECK(ledger.set_flags(id(9), kFrozen) == A::not_found);
}

TEST_CASE("ledger: accounts are refused in the documented order") {
    Ledger ledger(Options{.accounts_max = 2});
    const auto bad = static_cast<std::uint16_t>(kAccountLimitFlags | 1U << 15);
    Account a{.currency = 0, .flags = bad, .overdraft = -1, .debits_posted = 1};
    std::set<A> seen;
    const auto step = [&](A expected) {
        CHECK(ledger.open_account(a) == expected);
        for (A earlier : seen) CHECK(earlier < expected);
        seen.insert(expected);
    };
    step(A::id_must_not_be_zero);
    a.id = id(1);
    step(A::reserved_flag);
    a.flags = kAccountLimitFlags;
    step(A::limits_are_mutually_exclusive);
    a.flags = kCreditsMustNotExceedDebits;
    step(A::currency_out_of_range);
    a.currency = 1'000;
    CHECK(ledger.open_account(a) == A::currency_out_of_range);
    a.currency = kEur;
    step(A::overdraft_out_of_range);
    for (MinorUnits overdraft : {MinorUnits{1}, kAmountMax + 1}) {
        a.overdraft = overdraft;
        CHECK(ledger.open_account(a) == A::overdraft_out_of_range);
    }
    a.overdraft = 0;
    step(A::sums_must_be_zero);
    a.debits_posted = 0;
    REQUIRE(ledger.open_account(make_account(1, kDebitsMustNotExceedCredits, 5)) == A::ok);
    a = {.id = id(1), .participant = 9, .code = 9, .currency = kTest};
    step(A::exists_with_different_participant);
    a.participant = 1;
    step(A::exists_with_different_code);
    a.code = 7;
    step(A::exists_with_different_currency);
    a.currency = kEur;
    step(A::exists_with_different_limits);
    a.flags = kDebitsMustNotExceedCredits;
    step(A::exists_with_different_overdraft);
    a.overdraft = 5;
    REQUIRE(ledger.set_flags(id(1), kFrozen) == A::ok);
    step(A::exists);
    REQUIRE(ledger.open_account(make_account(2)) == A::ok);
    a.id = id(3);
    step(A::too_many_accounts);
    seen.insert({A::ok, A::not_found, A::has_pending_transfers});  // the two of set_flags: the tests above
    CHECK(seen.size() == kAccountResultCount);
}

// Each climb returns the results it reached.
namespace {
std::set<R> climb_new() {
    Ledger ledger = make_ledger();
    REQUIRE(ledger.open_account(make_account(5, 0, 0, kTest)) == A::ok);
    Ladder ladder(ledger);
    Transfer t{.pending_id = id(1), .amount = -1, .flags = 1U << 15 | kPending | kPostPending, .timeout_s = 1};
    t.timestamp_ns = UINT64_MAX;
    ladder.step(t, R::id_must_not_be_zero);
    t.id = id(10);
    ladder.step(t, R::reserved_flag);
    t.flags = kPending | kPostPending;
    ladder.step(t, R::flags_are_mutually_exclusive);
    for (int flags : {kPending | kVoidPending, kPostPending | kVoidPending, kPostPending | kCorrection,
                      kVoidPending | kCorrection, kPending | kPostPending | kVoidPending}) {
        t.flags = static_cast<std::uint16_t>(flags);
        CHECK(ledger.check(t) == R::flags_are_mutually_exclusive);
    }
    t.flags = 0;
    ladder.step(t, R::timeout_reserved_for_pending);
    t.flags = kPending;
    ladder.step(t, R::amount_must_not_be_negative);
    t.amount = kAmountMax + 1;
    ladder.step(t, R::amount_exceeds_maximum);
    t.amount = 0;
    ladder.step(t, R::debit_account_must_not_be_zero);
    t.debit_account = id(8);
    ladder.step(t, R::credit_account_must_not_be_zero);
    t.credit_account = id(8);
    ladder.step(t, R::accounts_must_be_different);
    t.credit_account = id(9);
    ladder.step(t, R::pending_id_must_be_zero);
    t.pending_id = {};
    ladder.step(t, R::amount_must_not_be_zero);
    t.amount = 1;
    ladder.step(t, R::debit_account_not_found);
    t.debit_account = id(1);
    ladder.step(t, R::credit_account_not_found);
    t.credit_account = id(5);
    ladder.step(t, R::accounts_must_have_the_same_currency);
    t.credit_account = id(2);
    ladder.step(t, R::transfer_must_have_the_currency_of_its_accounts);
    t.currency = kEur;
    for (std::uint64_t n : {1U, 2U}) REQUIRE(ledger.set_flags(id(n), kClosed | kFrozen) == A::ok);
    ladder.step(t, R::debit_account_closed);
    REQUIRE(ledger.set_flags(id(1), kFrozen) == A::ok);
    ladder.step(t, R::credit_account_closed);
    REQUIRE(ledger.set_flags(id(2), kFrozen) == A::ok);
    ladder.step(t, R::debit_account_frozen);
    REQUIRE(ledger.set_flags(id(1), 0) == A::ok);
    ladder.step(t, R::credit_account_frozen);
    REQUIRE(ledger.set_flags(id(2), 0) == A::ok);
    ladder.step(t, R::overflows_timeout);
    t.timeout_s = 0;
    CHECK(ledger.apply(t) == R::ok);
    return ladder.reached();
}

std::set<R> climb_repeat() {
    Ledger ledger = make_ledger();
    REQUIRE(ledger.apply(hold(10, 1, 2, 100, 60)) == R::ok);
    REQUIRE(ledger.apply(hold(11, 1, 2, 100, 60)) == R::ok);
    Ladder ladder(ledger);
    Transfer t = post(10, 11);
    t.code = 3;
    ladder.step(t, R::exists_with_different_flags);
    REQUIRE(ledger.apply(post(12, 10, 70)) == R::ok);
    t = post(12, 11, 60);
    t.debit_account = id(3);
    t.credit_account = id(3);
    t.currency = kTest;
    ladder.step(t, R::exists_with_different_pending_id);
    t.pending_id = id(10);
    ladder.step(t, R::exists_with_different_debit_account);
    t.debit_account = id(1);
    ladder.step(t, R::exists_with_different_credit_account);
    t.credit_account = {};
    ladder.step(t, R::exists_with_different_amount);
    t.amount = 0;  // all of the hold is not the 70 that were posted
    CHECK(ledger.check(t) == R::exists_with_different_amount);
    t.amount = 70;
    ladder.step(t, R::exists_with_different_currency);
    t = hold(10, 1, 2, 100, 61);
    t.code = 3;
    ladder.step(t, R::exists_with_different_timeout);
    t.timeout_s = 60;
    ladder.step(t, R::exists_with_different_code);
    t.code = 0;
    t.timestamp_ns = 99 * kSecond;  // a repeat comes later
    ladder.step(linked(t), R::exists);
    t.currency = kTest;  // a hold may leave nothing out
    CHECK(ledger.check(t) == R::exists_with_different_currency);
    return ladder.reached();
}

std::set<R> climb_resolve() {
    Ledger ledger(Options{.transfers_max = 6});
    for (std::uint64_t n = 1; n <= 3; ++n) REQUIRE(ledger.open_account(make_account(n)) == A::ok);
    REQUIRE(ledger.apply(move(10, 1, 2, 100)) == R::ok);
    for (std::uint64_t n : {11U, 12U, 13U}) REQUIRE(ledger.apply(hold(n, 1, 2, 100, 60)) == R::ok);
    REQUIRE(ledger.apply(post(14, 11, 90)) == R::ok);
    REQUIRE(ledger.apply(release(15, 12)) == R::ok);
    Ladder ladder(ledger);
    Transfer t = release(20, 0);
    t.timestamp_ns = 100 * kSecond;
    t.debit_account = t.credit_account = id(3);
    t.currency = kTest;
    t.amount = 101;
    ladder.step(t, R::pending_id_must_not_be_zero);
    t.pending_id = id(20);
    ladder.step(t, R::pending_id_must_be_different);
    t.pending_id = id(99);
    ladder.step(t, R::pending_transfer_not_found);
    t.pending_id = id(10);
    ladder.step(t, R::pending_transfer_not_pending);
    t.pending_id = id(11);
    ladder.step(t, R::pending_transfer_has_different_debit_account);
    t.debit_account = {};
    ladder.step(t, R::pending_transfer_has_different_credit_account);
    t.credit_account = id(2);
    ladder.step(t, R::pending_transfer_has_different_currency);
    t.currency = 0;
    ladder.step(t, R::exceeds_pending_transfer_amount);
    t.amount = 99;
    ladder.step(t, R::pending_transfer_has_different_amount);
    t.amount = 100;
    ladder.step(t, R::pending_transfer_already_posted);
    t.pending_id = id(12);
    ladder.step(t, R::pending_transfer_already_voided);
    t.pending_id = id(13);
    ladder.step(t, R::pending_transfer_expired);
    t.timestamp_ns = 61 * kSecond - 1;
    ladder.step(t, R::too_many_transfers);
    t = hold(20, 1, 2, 1, 1);
    t.timestamp_ns = UINT64_MAX;
    CHECK(ledger.check(t) == R::too_many_transfers);
    CHECK(ledger.expire(61 * kSecond) == std::vector{id(13)});
    CHECK(ledger.check(post(20, 13)) == R::pending_transfer_expired);
    return ladder.reached();
}

// 5 may not spend more than it got, 6 may not get more than it spent: both are filled up to what fits.
std::set<R> climb_limits() {
    Ledger ledger = make_ledger();
    for (std::uint64_t n : {5U, 7U}) REQUIRE(ledger.open_account(make_account(n, kDebitsMustNotExceedCredits)) == A::ok);
    for (std::uint64_t n : {6U, 8U}) REQUIRE(ledger.open_account(make_account(n, kCreditsMustNotExceedDebits)) == A::ok);
    std::uint64_t n = 100;
    for (MinorUnits i = 0; i < std::numeric_limits<MinorUnits>::max() / kAmountMax; ++i)
        for (const Transfer& t : {move(n++, 6, 5, kAmountMax), move(n++, 5, 6, kAmountMax)})
            REQUIRE(ledger.apply(t) == R::ok);
    Ladder ladder(ledger);
    Transfer t = hold(10, 5, 6, kAmountMax, 1);
    t.timestamp_ns = UINT64_MAX - kSecond + 1;
    ladder.step(t, R::overflows_timeout);
    --t.timestamp_ns;
    ladder.step(t, R::overflows_debits);
    t.debit_account = id(7);
    ladder.step(t, R::overflows_credits);
    t.credit_account = id(8);
    ladder.step(t, R::exceeds_credits);
    t.debit_account = id(1);
    ladder.step(t, R::exceeds_debits);
    t.credit_account = id(2);
    CHECK(ledger.apply(t) == R::ok);
    CHECK(ledger.totals(kEur).balanced());
    CHECK(ledger.totals(kEur).debits_posted == static_cast<WideUnits>(kAmountMax) * (n - 100));
    return ladder.reached();
}
}  // namespace

TEST_CASE("ledger: plain transfers and holds are refused in the documented order") { climb_new(); }
TEST_CASE("ledger: a repeated id is compared in the documented order") { climb_repeat(); }
TEST_CASE("ledger: posts and voids are refused in the documented order") { climb_resolve(); }
TEST_CASE("ledger: sums that would not fit, and then limits, are refused last") { climb_limits(); }

TEST_CASE("ledger: every reason for refusing a transfer can be reached, and has a name of its own") {
    std::set<R> reached{R::ok, R::linked_event_failed, R::linked_event_chain_open};  // the chain tests above
    for (auto climb : {climb_new, climb_repeat, climb_resolve, climb_limits}) reached.merge(climb());
    CHECK(reached.size() == kTransferResultCount);
    std::set<std::string_view> names;
    for (R result : reached) names.insert(to_string(result));
    CHECK(names.size() == kTransferResultCount);
}

TEST_CASE("ledger: a post that names its hold's own accounts is as good as one that names none") {
    Ledger ledger = make_ledger();
    REQUIRE(ledger.apply(hold(1, 1, 2, 40)) == TransferResult::ok);
    Transfer named = post(2, 1);
    named.debit_account = id(1);
    named.credit_account = id(2);
    named.currency = ledger.account(id(1))->currency;
    CHECK(ledger.apply(named) == TransferResult::ok);
}

TEST_CASE("ledger: an account opens empty, whichever of its sums says otherwise") {
    Ledger ledger = make_ledger();
    for (MinorUnits Account::*sum : {&Account::debits_pending, &Account::debits_posted, &Account::credits_pending, &Account::credits_posted}) {
        Account a = make_account(9);
        a.*sum = 1;
        CHECK(ledger.open_account(a) == AccountResult::sums_must_be_zero);
    }
}

TEST_CASE("ledger: what may be debited never passes the largest amount, however rich the account") {
    Ledger ledger = make_ledger();
    REQUIRE(ledger.open_account(make_account(9, kDebitsMustNotExceedCredits, 10)) == AccountResult::ok);
    REQUIRE(ledger.apply(move(1, 1, 9, kAmountMax)) == TransferResult::ok);
    CHECK(ledger.account(id(9))->available() == kAmountMax);
}
