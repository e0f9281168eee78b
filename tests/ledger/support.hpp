// What the ledger's tests share: short ways to say an account, a transfer, a batch.
#pragma once

#include <doctest/doctest.h>

#include <vector>

#include "ledger/ledger.hpp"

namespace giro::ledger {

// doctest prints results by name.
inline doctest::String toString(TransferResult r) { return std::string(to_string(r)).c_str(); }
inline doctest::String toString(AccountResult r) { return std::string(to_string(r)).c_str(); }

inline constexpr Currency kEur = 978;
inline constexpr Currency kTest = 963;  // ISO 4217: reserved for testing
inline constexpr std::uint64_t kSecond = 1'000'000'000;

inline Id128 id(std::uint64_t n) { return {0, n}; }

inline Account make_account(std::uint64_t n, std::uint16_t flags = 0, MinorUnits overdraft = 0, Currency currency = kEur) {
    return {.id = id(n), .participant = 1, .code = 7, .currency = currency, .flags = flags, .overdraft = overdraft};
}

inline Transfer move(std::uint64_t n, std::uint64_t debit, std::uint64_t credit, MinorUnits amount,
                     std::uint16_t flags = 0) {
    return {.id = id(n), .debit_account = id(debit), .credit_account = id(credit), .amount = amount, .currency = kEur,
            .flags = flags, .timestamp_ns = kSecond};
}

inline Transfer hold(std::uint64_t n, std::uint64_t debit, std::uint64_t credit, MinorUnits amount,
                     std::uint32_t timeout_s = 0) {
    Transfer t = move(n, debit, credit, amount, kPending);
    t.timeout_s = timeout_s;
    return t;
}

inline Transfer post(std::uint64_t n, std::uint64_t held, MinorUnits amount = 0) {
    return {.id = id(n), .pending_id = id(held), .amount = amount, .flags = kPostPending, .timestamp_ns = kSecond};
}

inline Transfer release(std::uint64_t n, std::uint64_t held) {
    return {.id = id(n), .pending_id = id(held), .flags = kVoidPending, .timestamp_ns = kSecond};
}

inline Transfer linked(Transfer t) {
    t.flags |= kLinked;
    return t;
}

inline std::vector<TransferResult> apply_all(Ledger& ledger, const std::vector<Transfer>& batch) {
    std::vector<TransferResult> out(batch.size());
    ledger.apply(batch, out);
    return out;
}

// Four EUR accounts 1 to 4 without limits.
inline Ledger make_ledger() {
    Ledger ledger;
    for (std::uint64_t n = 1; n <= 4; ++n) REQUIRE(ledger.open_account(make_account(n)) == AccountResult::ok);
    return ledger;
}

}  // namespace giro::ledger
