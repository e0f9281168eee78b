// The double-entry ledger: a pure, deterministic state machine. Run by giro-switch (decides) and giro-auditor (replays);
// the same calls in the same order give the same results and the same digest() everywhere, whatever the hash seed.
//
// No clock, no disk, no locks, no floating point. Requests are hostile in value: each is checked in the order of
// TransferResult, and after the last check it must succeed. Snapshots are hostile in every byte: load() refuses.
// Invariants: per currency the sums of debits and credits are equal, pending and posted alike; no account passes its limit.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "giro/result.hpp"
#include "giro/types.hpp"
#include "ledger/account.hpp"
#include "ledger/store.hpp"
#include "ledger/transfer.hpp"
#include "util/bytes.hpp"

namespace giro::ledger {

// A sum over accounts: many times kAmountMax, so wider than MinorUnits.
__extension__ using WideUnits = __int128;

struct Totals {
    WideUnits debits_pending = 0;
    WideUnits debits_posted = 0;
    WideUnits credits_pending = 0;
    WideUnits credits_posted = 0;
    [[nodiscard]] bool balanced() const noexcept {
        return debits_pending == credits_pending && debits_posted == credits_posted;
    }
};

struct Options {
    std::size_t accounts_max = 1U << 24;
    std::size_t transfers_max = kRefMax;      // at once, at most kRefMax: 56 bytes each, 8 to 16 more in the index
    std::uint64_t hash_seed = 0x9e3779b97f4a7c15;  // secret and random in a program: ids come from outside
};

class Ledger {
  public:
    explicit Ledger(Options options = {});
    Ledger(Ledger&&) noexcept = default;
    Ledger& operator=(Ledger&&) noexcept = default;
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;
    ~Ledger() = default;

    AccountResult open_account(const Account& account);
    // Replaces the status flags (kFrozen, kClosed) of an account; its limits stay. `status` is 0 to unfreeze and reopen.
    AccountResult set_flags(Id128 account, std::uint16_t status);

    // What apply() would say to `transfer` alone (kLinked is ignored). Changes nothing.
    [[nodiscard]] TransferResult check(const Transfer& transfer) const;
    // Applies a batch in order; out[i] is the result of transfers[i] (sizes are equal). A refused transfer changes
    // nothing; a chain (kLinked ... last) succeeds as a whole or changes nothing.
    void apply(std::span<const Transfer> transfers, std::span<TransferResult> out);
    [[nodiscard]] TransferResult apply(const Transfer& transfer);  // a batch of one

    // Releases holds whose expiry is at or before `now_ns`, in order of (expiry, recording), at most `holds_max`, and
    // returns their ids. Deterministic: journal {now_ns, holds_max} or the ids, and replay by calling it again.
    std::vector<Id128> expire(std::uint64_t now_ns, std::size_t holds_max = SIZE_MAX);
    // When the next expire() may have something to do; nothing when no hold can expire. May be early, never late.
    [[nodiscard]] std::optional<std::uint64_t> next_expiry_ns() const;

    // Forgets the oldest transfers: at most `most`, recorded before `before_ns`, and none from the first hold on that
    // still holds. What they moved stays on their accounts. Their ids are free again: who calls this sees to it that none
    // comes a second time. A post or void whose hold is gone keeps what it moved. Returns how many; deterministic.
    std::size_t forget(std::uint64_t before_ns, std::size_t most);
    [[nodiscard]] bool may_forget(std::uint64_t before_ns) const;  // whether forget() would find any

    // The account, or null. The pointer stays good for the ledger's life; its sums change under it.
    [[nodiscard]] const Account* account(Id128 id) const;
    [[nodiscard]] std::optional<TransferRecord> transfer(Id128 id) const;
    [[nodiscard]] std::size_t account_count() const noexcept { return m_accounts.size(); }
    [[nodiscard]] std::size_t transfer_count() const noexcept { return m_transfers.size(); }
    // In order of opening or recording, 0 to count - 1: for reports and audits.
    [[nodiscard]] const Account& account_at(std::size_t i) const { return m_accounts.at(i); }
    [[nodiscard]] TransferRecord transfer_at(std::size_t i) const { return record_of(m_transfers.at(i)); }
    [[nodiscard]] std::uint64_t forgotten_count() const noexcept { return m_transfers.dropped(); }  // ever
    // Over all accounts of a currency: linear in the number of accounts.
    [[nodiscard]] Totals totals(Currency currency) const;

    // SHA-256 of the whole state: accounts and transfers in order of recording (snapshot.cpp has the bytes).
    [[nodiscard]] Hash256 digest() const;
    // Appends a snapshot of the whole state (format in snapshot.cpp).
    void save(Writer& out) const;
    // A ledger from a snapshot. Every reference, range and sum is checked: account sums are recomputed from the
    // transfers. Failure::integrity on any byte that save() would not have written; never crashes.
    [[nodiscard]] static Result<Ledger> load(Reader& in, Options options = {});

  private:
    struct Plan;
    struct Expiry {
        std::uint64_t at_ns;
        std::uint64_t number;  // of all ever recorded
    };

    [[nodiscard]] TransferResult decide(const Transfer& t, Plan& plan) const;
    [[nodiscard]] TransferResult decide_new(const Transfer& t, Plan& plan) const;
    [[nodiscard]] TransferResult decide_resolve(const Transfer& t, Plan& plan) const;
    [[nodiscard]] TransferResult check_repeat(const Transfer& t, const StoredTransfer& old) const;
    void commit(const Transfer& t, const Plan& plan);
    void roll_back_to(std::size_t count);
    void apply_chain(std::span<const Transfer> chain, std::span<TransferResult> out);
    void watch_expiry(std::size_t i);  // the i-th transfer that is there
    [[nodiscard]] TransferRecord record_of(const StoredTransfer& t) const;
    [[nodiscard]] std::uint64_t expiry_ns(const StoredTransfer& hold) const noexcept;
    [[nodiscard]] std::string load_accounts(Reader& in, std::uint64_t count);
    [[nodiscard]] std::string load_transfers(Reader& in, std::uint64_t count);
    [[nodiscard]] std::string recompute_sums() const;

    Options m_options;
    ChunkedStore<Account, 1U << 10> m_accounts;
    ChunkedStore<Carried, 1U << 10> m_carried;  // of the account with the same ref
    ChunkedStore<StoredTransfer, 1U << 14> m_transfers;
    IdIndex m_account_index;
    IdIndex m_transfer_index;
    std::vector<Expiry> m_expiries;  // a heap, earliest on top; holds that ended otherwise are dropped when they surface
};

}  // namespace giro::ledger
