// Snapshots come from a file: load() takes back exactly what save() wrote and refuses everything else.
#include "tests/ledger/support.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::ledger;
using R = TransferResult;

namespace {
// Two accounts with a limit, and a transfer in each state.
Ledger make_full() {
    Ledger ledger = make_ledger();
    REQUIRE(ledger.open_account(make_account(5, kDebitsMustNotExceedCredits, 30)) == AccountResult::ok);
    REQUIRE(ledger.open_account(make_account(6, kCreditsMustNotExceedDebits)) == AccountResult::ok);
    const std::vector batch{move(10, 6, 5, 100),    hold(11, 5, 2, 40, 9),  hold(12, 5, 3, 20, 5), hold(13, 5, 1, 10, 2),
                            hold(14, 5, 1, 10),     post(15, 11, 35),       release(16, 12),       move(17, 5, 6, 65),
                            move(18, 2, 5, 5, kCorrection)};
    REQUIRE(apply_all(ledger, batch) == std::vector(batch.size(), R::ok));
    REQUIRE(ledger.expire(3 * kSecond) == std::vector{id(13)});
    REQUIRE(ledger.set_flags(id(4), kClosed) == AccountResult::ok);
    return ledger;
}

Buffer save(const Ledger& ledger) {
    Buffer bytes;
    Writer writer(bytes);
    ledger.save(writer);
    return bytes;
}

Result<Ledger> load(Bytes bytes, Options options = {}) {
    Reader reader(bytes);
    return Ledger::load(reader, options);
}

constexpr std::size_t kHeader = 32, kAccount = 68, kCarried = 16, kTransfer = 53, kAccounts = 6, kTransfers = 9;
constexpr std::size_t kFirstCarried = kHeader + kAccounts * kAccount;
constexpr std::size_t kFirstTransfer = kFirstCarried + kAccounts * kCarried;

// The same with its first four transfers forgotten: a transfer, and three holds that ended. The first left is a hold.
constexpr std::size_t kForgotten = 4;
Ledger make_forgetful() {
    Ledger ledger = make_full();
    REQUIRE(ledger.forget(UINT64_MAX, SIZE_MAX) == kForgotten);
    return ledger;
}

// An attacker who knows the format: changes the state and writes a digest that matches it.
Buffer with_digest(Buffer bytes) {
    const Bytes all(bytes);
    const Hash256 accounts = sha256(all.subspan(kHeader, kAccounts * kAccount));
    const Hash256 carried = sha256(all.subspan(kFirstCarried, kAccounts * kCarried));
    const Hash256 transfers = sha256(all.subspan(kFirstTransfer, all.size() - kFirstTransfer - sizeof(Hash256)));
    const Hash256 digest = sha256({all.first(kHeader), accounts, carried, transfers});
    std::memcpy(bytes.data() + bytes.size() - digest.size(), digest.data(), digest.size());
    return bytes;
}
}  // namespace

TEST_CASE("snapshot: a ledger that is saved and loaded goes on as if nothing had happened") {
    Ledger ledger = make_full();
    const Buffer bytes = save(ledger);
    CHECK(bytes.size() == kFirstTransfer + kTransfers * kTransfer + 32);
    CHECK(with_digest(bytes) == bytes);
    auto loaded = load(bytes, {.hash_seed = 99});
    REQUIRE(loaded);
    CHECK(loaded->digest() == ledger.digest());
    CHECK(save(*loaded) == bytes);
    for (Ledger* l : {&ledger, &*loaded}) {
        CHECK(l->apply(move(17, 5, 6, 65)) == R::exists);
        CHECK(l->apply(post(20, 14)) == R::ok);
        CHECK(l->apply(hold(21, 1, 2, 5, 3)) == R::ok);
        CHECK(l->expire(UINT64_MAX) == std::vector{id(21)});
    }
    CHECK(loaded->digest() == ledger.digest());
}

TEST_CASE("snapshot: what a ledger has forgotten stays forgotten, and on the accounts") {
    Ledger ledger = make_forgetful();
    const Buffer bytes = save(ledger);
    CHECK(bytes.size() == kFirstTransfer + (kTransfers - kForgotten) * kTransfer + 32);
    auto loaded = load(bytes, {.hash_seed = 99});
    REQUIRE(loaded);
    CHECK(save(*loaded) == bytes);
    CHECK(loaded->forgotten_count() == kForgotten);
    for (Ledger* l : {&ledger, &*loaded}) {
        CHECK_FALSE(l->transfer(id(10)));
        CHECK(l->apply(post(15, 11, 35)) == R::exists);  // of a forgotten hold
        CHECK(l->apply(post(20, 14)) == R::ok);
        CHECK(l->forget(UINT64_MAX, SIZE_MAX) == kTransfers - kForgotten + 1);
        CHECK(l->totals(kEur).balanced());
        CHECK(l->account(id(5))->debits_posted == 110);
    }
    CHECK(loaded->digest() == ledger.digest());
    CHECK(load(save(*loaded))->digest() == ledger.digest());
}

TEST_CASE("snapshot: forgotten sums that cannot be are refused under a matching digest, and the message says what") {
    const Buffer bytes = save(make_forgetful());
    const auto refusal = [&](std::size_t at, std::uint64_t value, std::size_t size) {
        Buffer changed = bytes;
        std::memcpy(changed.data() + at, &value, size);
        const auto loaded = load(with_digest(changed));
        return loaded ? std::string() : loaded.error().what;
    };
    constexpr std::size_t kHoldOfSecond = kFirstTransfer + kTransfer + 40;  // of transfer 15: it was number 1
    CHECK(refusal(24, std::uint64_t{1} << 63, 8).find("too large") != std::string::npos);
    CHECK(refusal(kFirstCarried, UINT64_MAX, 8).find("account 0 has an impossible sum") != std::string::npos);
    CHECK(refusal(kFirstCarried + 8, UINT64_MAX, 8).find("account 0 has an impossible sum") != std::string::npos);
    CHECK(refusal(kFirstCarried, 1, 8).find("does not balance") != std::string::npos);
    CHECK(refusal(kHoldOfSecond, 2, 4) == "");  // another forgotten hold: as good
    CHECK(refusal(kHoldOfSecond, 9, 4).find("a hold that comes later") != std::string::npos);
    CHECK(refusal(kHoldOfSecond, kNoRef - 1, 4).find("a hold that comes later") != std::string::npos);
    CHECK(refusal(kHoldOfSecond, kNoRef / 2 + 9, 4).find("a hold that comes later") != std::string::npos);
}

TEST_CASE("snapshot: an empty ledger has one too") {
    const auto loaded = load(save(Ledger()));
    REQUIRE(loaded);
    CHECK(loaded->account_count() == 0);
}

TEST_CASE("snapshot: the digest does not depend on the hash tables, and shows every change of state") {
    Ledger one(Options{.hash_seed = 1}), two(Options{.hash_seed = 2});
    for (Ledger* l : {&one, &two})
        for (std::uint64_t n = 1; n <= 50; ++n) REQUIRE(l->open_account(make_account(n)) == AccountResult::ok);
    CHECK(one.digest() == two.digest());
    REQUIRE(one.apply(hold(60, 1, 2, 3)) == R::ok);
    CHECK(one.digest() != two.digest());
    REQUIRE(two.apply(hold(60, 1, 2, 3)) == R::ok);
    CHECK(one.digest() == two.digest());
    REQUIRE(two.set_flags(id(9), kFrozen) == AccountResult::ok);
    CHECK(one.digest() != two.digest());
}

TEST_CASE("snapshot: every truncation is refused") {
    const Buffer bytes = save(make_full());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto loaded = load(Bytes(bytes).first(size));
        REQUIRE_FALSE(loaded);
        REQUIRE(loaded.error().kind == Failure::Kind::integrity);
    }
}

TEST_CASE("snapshot: every flipped bit is refused") {
    const Buffer bytes = save(make_forgetful());
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        Buffer flipped = bytes;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
        REQUIRE_FALSE(load(flipped));
    }
}

TEST_CASE("snapshot: a flipped bit under a matching digest never crashes, and what loads keeps the books balanced") {
    std::size_t loaded_count = 0;
    for (const Buffer& bytes : {save(make_full()), save(make_forgetful())})
        for (std::size_t bit = kHeader * 8; bit < (bytes.size() - 32) * 8; ++bit) {
            Buffer flipped = bytes;
            flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
            auto loaded = load(with_digest(flipped));
            if (!loaded) continue;
            ++loaded_count;  // an id, a code, a time: a different ledger, but a possible one
            REQUIRE(loaded->totals(kEur).balanced());
            REQUIRE(loaded->digest() == load(save(*loaded))->digest());
        }
    CHECK(loaded_count > 0);
}

TEST_CASE("snapshot: an impossible state under a matching digest is refused, and the message says what") {
    const Buffer bytes = save(make_full());
    struct Case {
        std::size_t at;  // offset
        std::uint8_t value;
        std::string_view what;
    };
    const auto transfer = [](std::size_t n, std::size_t at) { return kFirstTransfer + n * kTransfer + at; };
    const Case cases[] = {
        {kHeader + kAccount + 8, 1, "account 1 is there twice"},
        {kHeader + 26, 3, "account 0 has limits_are_mutually_exclusive"},
        {kHeader + 24 + 1, 0xff, "account 0 has currency_out_of_range"},
        {kHeader + 52, 1, "the sums of account 0"},
        {kHeader + 4 * kAccount + 28, 0, "account 4 is past its limit"},
        {kHeader + 4 * kAccount + 26, kDebitsMustNotExceedCredits | kClosed, "account 4 is closed with pending"},
        {transfer(0, 8), 0, "transfer 0 has a zero id"},
        {transfer(1, 8), 10, "transfer 1 has the id of another"},
        {transfer(0, 48), kPostPending | kVoidPending, "transfer 0 has impossible flags"},
        {transfer(0, 16 + 7), 0xff, "transfer 0 has an impossible amount"},
        {transfer(0, 44), 1, "transfer 0 has a timeout without a hold"},
        {transfer(0, 32), 6, "transfer 0 has impossible accounts"},
        {transfer(0, 40), 1, "transfer 0 has an impossible hold"},
        {transfer(0, 52), 1, "transfer 0 has an impossible state"},
        {transfer(4, 52), 4, "transfer 4 has an expiry without a timeout"},
        {transfer(4, 52), 2, "hold 4 ended without a post or void"},
        {transfer(5, 40), 0, "transfer 5 has a hold that is none"},
        {transfer(5, 32), 0, "transfer 5 has accounts other than its hold's"},
        {transfer(5, 16), 41, "transfer 5 has more than is held"},
        {transfer(6, 16), 19, "transfer 6 has a void of less than is held"},
        {transfer(1, 52), 3, "transfer 5 has a hold in another state"},
        {transfer(5, 40), 6, "transfer 5 has a hold that comes later"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.what);
        Buffer changed = bytes;
        changed[c.at] = static_cast<std::byte>(c.value);
        const auto loaded = load(with_digest(changed));
        REQUIRE_FALSE(loaded);
        CAPTURE(loaded.error().what);
        CHECK(loaded.error().what.find(c.what) != std::string::npos);
    }
    CHECK_FALSE(load(bytes, {.accounts_max = 5}));
    CHECK_FALSE(load(bytes, {.transfers_max = 8}));
}

TEST_CASE("snapshot: a timeout past the end of time, and a hold that is resolved twice, are refused") {
    const Buffer bytes = save(make_full());
    constexpr std::size_t kTimestampAt = 24, kPendingAt = 40;
    Buffer late = bytes;
    store_le(late.data() + kFirstTransfer + 1 * kTransfer + kTimestampAt, UINT64_MAX);  // transfer 11, a hold of 9 s
    CHECK_FALSE(load(with_digest(late)));
    Buffer twice = bytes;
    store_le(twice.data() + kFirstTransfer + 6 * kTransfer + kPendingAt, std::uint32_t{1});  // 16 releases 11, which 15 has posted
    CHECK_FALSE(load(with_digest(twice)));
}

// One account on one side of 9,223 transfers of the largest amount: one more, and its sum passes 64 bits.
TEST_CASE("snapshot: sums that do not fit are refused, on either side") {
    constexpr std::uint64_t kFull = 9'223;
    for (const bool debits : {true, false}) {
        Ledger ledger = make_ledger();
        for (std::uint64_t n = 1; n <= kFull; ++n) {
            const std::uint64_t other = 2 + n % 2;
            const Transfer t = move(n, debits ? 1 : other, debits ? other : 1, kAmountMax, n == kFull ? kPending : 0);
            REQUIRE(ledger.apply(t) == R::ok);
        }
        Buffer bytes = save(ledger);
        CHECK(load(bytes));
        constexpr std::size_t kSums = kHeader + 4 * kAccount, kFirst = kSums + 4 * kCarried;
        Buffer last(bytes.end() - 32 - kTransfer, bytes.end() - 32);
        store_le(last.data() + 8, kFull + 1);  // its id
        bytes.resize(bytes.size() - 32);
        bytes.insert(bytes.end(), last.begin(), last.end());
        store_le(bytes.data() + 16, kFull + 1);
        constexpr std::size_t kDebitsPendingAt = 36, kCreditsPendingAt = 52;
        const std::size_t full = kHeader, other = kHeader + (1 + kFull % 2) * kAccount;
        const auto twice_pending = static_cast<std::uint64_t>(2 * kAmountMax);
        store_le(bytes.data() + full + (debits ? kDebitsPendingAt : kCreditsPendingAt), twice_pending);
        store_le(bytes.data() + other + (debits ? kCreditsPendingAt : kDebitsPendingAt), twice_pending);
        const Bytes all(bytes);
        const Hash256 digest =
            sha256({all.first(kHeader), sha256(all.subspan(kHeader, 4 * kAccount)),
                    sha256(all.subspan(kSums, 4 * kCarried)), sha256(all.subspan(kFirst))});
        bytes.insert(bytes.end(), digest.begin(), digest.end());
        const auto loaded = load(bytes);
        REQUIRE_FALSE(loaded);
        CHECK(loaded.error().what.find("do not fit") != std::string::npos);
    }
}
