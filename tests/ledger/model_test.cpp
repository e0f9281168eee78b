// The ledger against a model that is too simple to be wrong: maps, no index, no rollback (a chain works on a copy).
#include <algorithm>
#include <map>
#include <random>

#include "tests/ledger/support.hpp"

using namespace giro;
using namespace giro::ledger;
using R = TransferResult;

namespace {
struct ModelTransfer {
    Transfer t;
    TransferState state;
    bool hold_forgotten = false;  // of a post or void; t.pending_id is zero then
};

class Model {
  public:
    std::map<Id128, Account> accounts;
    std::map<Id128, ModelTransfer> transfers;
    std::vector<Id128> order;

    R apply_one(const Transfer& t) {
        const R result = decide(t);
        if (result == R::ok) record(t);
        return result;
    }

    std::vector<R> apply(const std::vector<Transfer>& batch) {
        std::vector<R> out;
        for (std::size_t at = 0; at < batch.size();) {
            std::size_t end = at;
            while (end < batch.size() && (batch[end].flags & kLinked)) ++end;
            const bool open = end == batch.size();
            const std::size_t size = std::min(end + 1, batch.size()) - at;
            Model copy = *this;
            std::vector<R> chain(size, R::linked_event_failed);
            std::size_t good = 0;
            R result = R::ok;
            while (!open && good < size && (result = copy.apply_one(batch[at + good])) == R::ok) ++good;
            if (open) chain.back() = R::linked_event_chain_open;
            else if (good == size) chain.assign(size, R::ok), *this = copy;
            else chain[good] = result;
            out.insert(out.end(), chain.begin(), chain.end());
            at += size;
        }
        return out;
    }

    std::vector<Id128> expire(std::uint64_t now_ns) {
        std::vector<std::pair<std::uint64_t, Id128>> due;
        for (const Id128& id : order) {
            const auto& [t, state, hold_forgotten] = transfers.at(id);
            if (state == TransferState::pending && t.timeout_s != 0 && expiry(t) <= now_ns) due.emplace_back(expiry(t), id);
        }
        std::ranges::stable_sort(due, {}, &std::pair<std::uint64_t, Id128>::first);
        std::vector<Id128> out;
        for (const auto& [at, id] : due) {
            ModelTransfer& h = transfers.at(id);
            h.state = TransferState::pending_expired;
            pending(h.t, -h.t.amount);
            out.push_back(id);
        }
        return out;
    }

    std::size_t forget(std::uint64_t before_ns, std::size_t most) {
        std::size_t count = 0;
        for (; count < most && !order.empty(); ++count) {
            const Id128 id = order.front();
            const ModelTransfer& oldest = transfers.at(id);
            if (oldest.t.timestamp_ns >= before_ns || oldest.state == TransferState::pending) break;
            transfers.erase(id);
            order.erase(order.begin());
            for (auto& [other, m] : transfers)
                if (m.t.pending_id == id) m.t.pending_id = {}, m.hold_forgotten = true;
        }
        return count;
    }

  private:
    static std::uint64_t expiry(const Transfer& t) { return t.timestamp_ns + std::uint64_t{t.timeout_s} * kSecond; }
    void pending(const Transfer& t, MinorUnits amount) {
        accounts.at(t.debit_account).debits_pending += amount;
        accounts.at(t.credit_account).credits_pending += amount;
    }
    void posted(const Transfer& t, MinorUnits amount) {
        accounts.at(t.debit_account).debits_posted += amount;
        accounts.at(t.credit_account).credits_posted += amount;
    }

    // The generator makes well-formed transfers only; form is what apply_test.cpp is about.
    R decide(const Transfer& t) const {
        if (auto old = transfers.find(t.id); old != transfers.end()) return repeat(t, old->second);
        if (t.flags & (kPostPending | kVoidPending)) {
            auto at = transfers.find(t.pending_id);
            if (at == transfers.end()) return R::pending_transfer_not_found;
            const auto& [h, state, hold_forgotten] = at->second;
            if (!(h.flags & kPending)) return R::pending_transfer_not_pending;
            if (t.amount > h.amount) return R::exceeds_pending_transfer_amount;
            if ((t.flags & kVoidPending) && t.amount != 0 && t.amount < h.amount)
                return R::pending_transfer_has_different_amount;
            if (state == TransferState::pending_posted) return R::pending_transfer_already_posted;
            if (state == TransferState::pending_voided) return R::pending_transfer_already_voided;
            if (state == TransferState::pending_expired || (h.timeout_s != 0 && t.timestamp_ns >= expiry(h)))
                return R::pending_transfer_expired;
            return R::ok;
        }
        auto d = accounts.find(t.debit_account), c = accounts.find(t.credit_account);
        if (d == accounts.end()) return R::debit_account_not_found;
        if (c == accounts.end()) return R::credit_account_not_found;
        const Account &debit = d->second, &credit = c->second;
        if (debit.currency != credit.currency) return R::accounts_must_have_the_same_currency;
        if (t.currency != debit.currency) return R::transfer_must_have_the_currency_of_its_accounts;
        if (debit.flags & kClosed) return R::debit_account_closed;
        if (credit.flags & kClosed) return R::credit_account_closed;
        if (debit.flags & kFrozen && !(t.flags & kCorrection)) return R::debit_account_frozen;
        if (credit.flags & kFrozen && !(t.flags & kCorrection)) return R::credit_account_frozen;
        if (debit.flags & kDebitsMustNotExceedCredits &&
            debit.debits_pending + debit.debits_posted + t.amount > debit.credits_posted + debit.overdraft)
            return R::exceeds_credits;
        if (credit.flags & kCreditsMustNotExceedDebits &&
            credit.credits_pending + credit.credits_posted + t.amount > credit.debits_posted)
            return R::exceeds_debits;
        return R::ok;
    }

    R repeat(const Transfer& t, const ModelTransfer& before) const {
        const Transfer& old = before.t;
        if ((t.flags | kLinked) != (old.flags | kLinked)) return R::exists_with_different_flags;
        if (!before.hold_forgotten && t.pending_id != old.pending_id) return R::exists_with_different_pending_id;
        const bool resolves = t.flags & (kPostPending | kVoidPending);
        if (!resolves && t.debit_account != old.debit_account) return R::exists_with_different_debit_account;
        if (!resolves && t.credit_account != old.credit_account) return R::exists_with_different_credit_account;
        const MinorUnits whole = before.hold_forgotten || !resolves ? old.amount : transfers.at(old.pending_id).t.amount;
        const MinorUnits amount = resolves && t.amount == 0 ? whole : t.amount;
        if (amount != old.amount) return R::exists_with_different_amount;
        if (!resolves && t.currency != old.currency) return R::exists_with_different_currency;
        if (t.timeout_s != old.timeout_s) return R::exists_with_different_timeout;
        return R::exists;
    }

    void record(Transfer t) {
        TransferState state = TransferState::posted;
        if (t.flags & (kPostPending | kVoidPending)) {
            ModelTransfer& h = transfers.at(t.pending_id);
            t.debit_account = h.t.debit_account;
            t.credit_account = h.t.credit_account;
            t.currency = h.t.currency;
            if (t.amount == 0) t.amount = h.t.amount;
            pending(h.t, -h.t.amount);
            h.state = t.flags & kPostPending ? TransferState::pending_posted : TransferState::pending_voided;
            if (t.flags & kPostPending) posted(t, t.amount);
            else state = TransferState::voided;
        } else if (t.flags & kPending) {
            state = TransferState::pending;
            pending(t, t.amount);
        } else {
            posted(t, t.amount);
        }
        transfers.emplace(t.id, ModelTransfer{t, state, false});
        order.push_back(t.id);
    }
};

class Generator {
  public:
    explicit Generator(std::uint64_t seed) : m_random(seed) {}
    std::uint64_t below(std::uint64_t n) { return m_random() % n; }

    // Ids, accounts and holds out of a small range, so that repeats and clashes are common.
    Transfer transfer(std::uint64_t now_ns) {
        Transfer t{.id = id(1 + below(400)), .timestamp_ns = now_ns};
        if (below(4) == 0) t.flags |= kLinked;
        switch (below(5)) {
            case 0: t.flags |= kPostPending; break;
            case 1: t.flags |= kVoidPending; break;
            case 2: t.flags |= kPending; t.timeout_s = static_cast<std::uint32_t>(below(20)); break;
            default: if (below(6) == 0) t.flags |= kCorrection;
        }
        if (t.flags & (kPostPending | kVoidPending)) {
            do t.pending_id = id(1 + below(400)); while (t.pending_id == t.id);
            t.amount = below(3) == 0 ? static_cast<MinorUnits>(below(120)) : 0;
            return t;
        }
        t.debit_account = id(1 + below(9));
        do t.credit_account = id(1 + below(9)); while (t.credit_account == t.debit_account);
        t.amount = static_cast<MinorUnits>(1 + below(100));
        t.currency = below(8) == 0 ? kTest : kEur;
        return t;
    }

  private:
    std::mt19937_64 m_random;
};

void open_accounts(Ledger& ledger, Model& model) {
    constexpr std::uint16_t kFlags[] = {0, 0, kDebitsMustNotExceedCredits, kDebitsMustNotExceedCredits,
                                        kCreditsMustNotExceedDebits, 0, 0, 0};
    for (std::uint64_t n = 1; n <= 8; ++n) {
        const std::uint16_t flags = kFlags[n - 1];
        const MinorUnits overdraft = n == 4 ? 200 : 0;
        const Account a = make_account(n, flags, overdraft, n >= 7 ? kTest : kEur);
        REQUIRE(ledger.open_account(a) == AccountResult::ok);
        model.accounts.emplace(a.id, a);
    }
}

void change_status(Ledger& ledger, Model& model, Generator& random) {
    const Id128 account = id(1 + random.below(8));
    const std::uint16_t status = random.below(4) == 0 ? kClosed : random.below(2) == 0 ? kFrozen : 0;
    Account& a = model.accounts.at(account);
    const bool allowed = !(status & kClosed) || (a.debits_pending == 0 && a.credits_pending == 0);
    CHECK((ledger.set_flags(account, status) == AccountResult::ok) == allowed);
    if (allowed) a.flags = static_cast<std::uint16_t>((a.flags & kAccountLimitFlags) | status);
}

void check_same(const Ledger& ledger, const Model& model) {
    REQUIRE(ledger.transfer_count() == model.order.size());
    for (std::size_t i = 0; i < model.order.size(); ++i) {
        const TransferRecord ours = ledger.transfer_at(i);
        const ModelTransfer& theirs = model.transfers.at(model.order[i]);
        REQUIRE(ours.transfer.id == model.order[i]);
        REQUIRE(ours.state == theirs.state);
        REQUIRE(ours.transfer.amount == theirs.t.amount);
        REQUIRE(ours.transfer.debit_account == theirs.t.debit_account);
        REQUIRE(ours.transfer.pending_id == theirs.t.pending_id);
    }
    for (const auto& [account, theirs] : model.accounts) {
        const Account& ours = *ledger.account(account);
        REQUIRE(ours.flags == theirs.flags);
        REQUIRE(ours.debits_pending == theirs.debits_pending);
        REQUIRE(ours.debits_posted == theirs.debits_posted);
        REQUIRE(ours.credits_pending == theirs.credits_pending);
        REQUIRE(ours.credits_posted == theirs.credits_posted);
    }
    REQUIRE(ledger.totals(kEur).balanced());
    REQUIRE(ledger.totals(kTest).balanced());
}
}  // namespace

TEST_CASE("ledger: on random batches it does what the model does, and its snapshot carries on the same") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        Generator random(seed);
        Ledger ledger(Options{.hash_seed = seed});
        Model model;
        open_accounts(ledger, model);
        std::uint64_t now_ns = kSecond;
        for (int round = 0; round < 40; ++round) {
            std::vector<Transfer> batch(1 + random.below(12));
            for (Transfer& t : batch) t = random.transfer(now_ns + random.below(3) * kSecond);
            REQUIRE(apply_all(ledger, batch) == model.apply(batch));
            now_ns += random.below(3) * kSecond;
            if (random.below(3) == 0) REQUIRE(ledger.expire(now_ns) == model.expire(now_ns));
            if (random.below(4) == 0) {
                const std::uint64_t before_ns = now_ns - std::min(now_ns, random.below(8) * kSecond);
                const std::size_t most = random.below(30);
                REQUIRE(ledger.forget(before_ns, most) == model.forget(before_ns, most));
            }
            if (random.below(4) == 0) change_status(ledger, model, random);
            if (round == 20) {
                Buffer bytes;
                Writer writer(bytes);
                ledger.save(writer);
                Reader reader(bytes);
                auto loaded = Ledger::load(reader, Options{.hash_seed = ~seed});
                REQUIRE(loaded);
                REQUIRE(loaded->digest() == ledger.digest());
                ledger = std::move(*loaded);
            }
            check_same(ledger, model);
        }
    }
}

TEST_CASE("ledger: what is forgotten gives its memory and its id back, and stays on the accounts") {
    Ledger ledger = make_ledger();
    constexpr std::uint64_t kRounds = 50, kEach = 2'000;  // several chunks
    for (std::uint64_t round = 0; round < kRounds; ++round) {
        for (std::uint64_t i = 0; i < kEach; ++i) {
            Transfer t = move(1 + round * kEach + i, 1, 2, 1);
            t.timestamp_ns = round * kSecond;
            REQUIRE(ledger.apply(t) == R::ok);
        }
        ledger.forget(round * kSecond, SIZE_MAX);
        REQUIRE(ledger.transfer_count() == kEach);
    }
    CHECK(ledger.forgotten_count() == (kRounds - 1) * kEach);
    CHECK_FALSE(ledger.transfer(id(1)));
    CHECK(ledger.transfer(id(kRounds * kEach)));
    CHECK(ledger.apply(move(kRounds * kEach, 1, 2, 1)) == R::exists);
    CHECK(ledger.account(id(1))->debits_posted == static_cast<MinorUnits>(kRounds * kEach));
    CHECK(ledger.apply(move(1, 1, 2, 1)) == R::ok);  // whoever forgets sees to it that this does not come
}

TEST_CASE("ledger: nothing is forgotten from the first hold on that still holds, nor what is too young") {
    Ledger ledger = make_ledger();
    const std::vector batch{move(10, 1, 2, 5), hold(11, 1, 2, 7), move(12, 1, 2, 5), post(13, 11, 6), move(14, 1, 2, 1)};
    REQUIRE(apply_all(ledger, {batch[0], batch[1], batch[2]}) == std::vector(3, R::ok));
    CHECK(ledger.forget(kSecond, 10) == 0);  // not before its own second
    CHECK(ledger.forget(kSecond + 1, 10) == 1);
    CHECK(ledger.forget(kSecond + 1, 10) == 0);
    REQUIRE(apply_all(ledger, {batch[3], batch[4]}) == std::vector(2, R::ok));
    CHECK(ledger.forget(kSecond + 1, 1) == 1);
    CHECK_FALSE(ledger.transfer(id(11)));
    REQUIRE(ledger.transfer(id(13)));
    CHECK(ledger.transfer(id(13))->transfer.pending_id == Id128{});
    CHECK(ledger.transfer(id(13))->transfer.amount == 6);
    CHECK(ledger.apply(post(13, 11, 6)) == R::exists);
    CHECK(ledger.apply(post(13, 11, 5)) == R::exists_with_different_amount);
    CHECK(ledger.apply(post(15, 11, 6)) == R::pending_transfer_not_found);
    CHECK(ledger.account(id(1))->debits_posted == 17);
}

TEST_CASE("ledger: the time of a hold that is forgotten passes without effect") {
    Ledger ledger = make_ledger();
    REQUIRE(apply_all(ledger, {hold(11, 1, 2, 7, 5), post(12, 11), hold(13, 1, 2, 1, 9)}) == std::vector(3, R::ok));
    REQUIRE(ledger.forget(kSecond + 1, 10) == 2);
    CHECK(ledger.expire(kSecond + 5 * kSecond).empty());
    CHECK(ledger.expire(kSecond + 9 * kSecond) == std::vector{id(13)});
}

TEST_CASE("ledger store: numbers go on past the largest ref, and what was dropped is not found under another's") {
    ChunkedStore<std::uint64_t, 4> store;
    constexpr std::uint64_t kStart = std::uint64_t{kNoRef} * 3 - 6;
    store.start_at(kStart);
    for (std::uint64_t i = 0; i < 20; ++i) {
        const Ref ref = store.ref_at(store.size());
        REQUIRE(ref != kNoRef);
        store.push_back(i);
        REQUIRE(store[ref] == i);
    }
    const Ref oldest = store.ref_at(0), last_before_wrap = store.ref_at(5), first_after = store.ref_at(6);
    CHECK(last_before_wrap == kNoRef - 1);
    CHECK(first_after == 0);
    for (int i = 0; i < 7; ++i) store.drop_front();
    CHECK(store.dropped() == kStart + 7);
    CHECK(store.at(0) == 7);
    CHECK(store.ref_at(0) == 1);
    for (const Ref gone : {oldest, last_before_wrap, first_after}) {
        CHECK_FALSE(store.has(gone));
        CHECK(store.may_be_dropped(gone));
    }
    CHECK_FALSE(store.may_be_dropped(store.ref_at(store.size())));
    for (int i = 0; i < 13; ++i) store.drop_front();
    CHECK(store.size() == 0);
    store.push_back(99);
    CHECK(store.at(0) == 99);
}

TEST_CASE("ledger: many ids, chunks and rollbacks later every transfer is still found") {
    Ledger ledger = make_ledger();
    std::mt19937_64 random(5);
    std::vector<Id128> ids;
    for (int round = 0; round < 6'000; ++round) {
        std::vector<Transfer> chain;
        for (int i = 0; i < 8; ++i) {
            Transfer t = linked(move(1, 1, 2, 1));
            t.id = {random(), random()};
            chain.push_back(t);
        }
        chain.back().flags = 0;
        const bool fails = round % 3 == 0;
        if (fails) chain.back().credit_account = id(77);
        const auto results = apply_all(ledger, chain);
        REQUIRE((results[0] == R::ok) == !fails);
        for (const Transfer& t : chain) {
            if (fails) REQUIRE_FALSE(ledger.transfer(t.id));
            else ids.push_back(t.id);
        }
    }
    REQUIRE(ledger.transfer_count() == ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        REQUIRE(ledger.transfer(ids[i]));
        REQUIRE(ledger.transfer_at(i).transfer.id == ids[i]);
    }
    CHECK(ledger.account(id(1))->debits_posted == static_cast<MinorUnits>(ids.size()));
}
