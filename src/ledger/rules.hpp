// The rules that deciding a transfer and loading a snapshot share. Internal to the ledger.
#pragma once

#include "ledger/account.hpp"
#include "ledger/transfer.hpp"

namespace giro::ledger {

inline constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
inline constexpr Currency kCurrencyMax = 999;  // ISO 4217: three digits
inline constexpr std::uint16_t kResolveFlags = kPostPending | kVoidPending;

// The refusals of an account that need nothing but the account itself.
[[nodiscard]] inline AccountResult check_form(const Account& a) noexcept {
    using A = AccountResult;
    const bool limited = (a.flags & kDebitsMustNotExceedCredits) != 0;
    if (a.id.is_zero()) return A::id_must_not_be_zero;
    if ((a.flags & ~(kAccountLimitFlags | kAccountStatusFlags)) != 0) return A::reserved_flag;
    if ((a.flags & kAccountLimitFlags) == kAccountLimitFlags) return A::limits_are_mutually_exclusive;
    if (a.currency == 0 || a.currency > kCurrencyMax) return A::currency_out_of_range;
    if (a.overdraft < 0 || a.overdraft > kAmountMax || (a.overdraft != 0 && !limited)) return A::overdraft_out_of_range;
    return A::ok;
}

// At most one of pending, post and void; a correction is a plain transfer or a hold.
[[nodiscard]] constexpr bool flags_compatible(std::uint16_t flags) noexcept {
    switch (flags & (kPending | kPostPending | kVoidPending)) {
        case 0:
        case kPending: return true;
        case kPostPending:
        case kVoidPending: return (flags & kCorrection) == 0;
        default: return false;
    }
}

// Whether an account with `debits` (pending + posted) in all would be past its limit. Both terms are in
// 0 .. INT64_MAX, so the difference cannot overflow.
[[nodiscard]] inline bool passes_debit_limit(const Account& a, MinorUnits debits) noexcept {
    return (a.flags & kDebitsMustNotExceedCredits) != 0 && debits - a.credits_posted > a.overdraft;
}
[[nodiscard]] inline bool passes_credit_limit(const Account& a, MinorUnits credits) noexcept {
    return (a.flags & kCreditsMustNotExceedDebits) != 0 && credits > a.debits_posted;
}

[[nodiscard]] constexpr TransferState state_when_recorded(std::uint16_t flags) noexcept {
    if ((flags & kPending) != 0) return TransferState::pending;
    return (flags & kVoidPending) != 0 ? TransferState::voided : TransferState::posted;
}
// Of the hold, when a transfer with these flags resolves it.
[[nodiscard]] constexpr TransferState state_when_resolved(std::uint16_t flags) noexcept {
    return (flags & kVoidPending) != 0 ? TransferState::pending_voided : TransferState::pending_posted;
}

// Both sides always move together: that is double entry.
inline void move_pending(Account& debit, Account& credit, MinorUnits amount) noexcept {
    debit.debits_pending += amount;
    credit.credits_pending += amount;
}
inline void move_posted(Account& debit, Account& credit, MinorUnits amount) noexcept {
    debit.debits_posted += amount;
    credit.credits_posted += amount;
}

}  // namespace giro::ledger
