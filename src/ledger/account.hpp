// The ledger's accounts: what one is, and every reason why opening or changing one is refused.
#pragma once

#include <string_view>

#include "giro/types.hpp"

namespace giro::ledger {

// Account::flags. The two limits are fixed when the account is opened and exclude one another; kFrozen and kClosed
// change later (Ledger::set_flags).
enum AccountFlag : std::uint16_t {
    kDebitsMustNotExceedCredits = 1U << 0,  // money held for others: debits (pending too) <= posted credits + overdraft
    kCreditsMustNotExceedDebits = 1U << 1,  // money owed to us: credits (pending too) <= posted debits
    kFrozen = 1U << 2,  // takes no new transfer or hold on either side; corrections, posts, voids and expiry still pass
    kClosed = 1U << 3,  // takes no new transfer at all; has no pending amount
};
inline constexpr std::uint16_t kAccountLimitFlags = kDebitsMustNotExceedCredits | kCreditsMustNotExceedDebits;
inline constexpr std::uint16_t kAccountStatusFlags = kFrozen | kClosed;

// An account has one currency and four sums that only Ledger changes; each sum, and pending + posted on each side, fits
// in MinorUnits. The posted balance is credits_posted - debits_posted for a liability (a customer, a merchant).
struct Account {
    Id128 id{};                     // not zero
    std::uint32_t participant = 0;  // the bank it belongs to; the ledger gives it no meaning
    std::uint32_t code = 0;         // the caller's kind of account; the ledger gives it no meaning
    Currency currency = 0;          // ISO 4217 numeric, 1 to 999
    std::uint16_t flags = 0;        // AccountFlag
    MinorUnits overdraft = 0;       // 0 to kAmountMax; needs kDebitsMustNotExceedCredits: debits may exceed credits by it
    MinorUnits debits_pending = 0;  // held by pending transfers
    MinorUnits debits_posted = 0;
    MinorUnits credits_pending = 0;
    MinorUnits credits_posted = 0;

    // What may still be debited: with kDebitsMustNotExceedCredits posted credits + overdraft - all debits, else kAmountMax.
    [[nodiscard]] MinorUnits available() const noexcept;
};

// Why an account was not opened or changed. Order of precedence: the first that applies, from the top.
enum class AccountResult : std::uint8_t {
    ok,
    id_must_not_be_zero,
    reserved_flag,                  // a bit that is no AccountFlag, or not a status flag in set_flags
    limits_are_mutually_exclusive,  // both kDebitsMustNotExceedCredits and kCreditsMustNotExceedDebits
    currency_out_of_range,          // not 1 to 999
    overdraft_out_of_range,         // negative, over kAmountMax, or not 0 without kDebitsMustNotExceedCredits
    sums_must_be_zero,              // an account opens empty
    exists_with_different_participant,
    exists_with_different_code,
    exists_with_different_currency,
    exists_with_different_limits,
    exists_with_different_overdraft,
    exists,                 // opened already with the same contents: as good as ok (status flags and sums not compared)
    too_many_accounts,      // Options::accounts_max
    not_found,              // set_flags: no such account
    has_pending_transfers,  // set_flags: an account with pending amounts cannot be closed
};
inline constexpr std::size_t kAccountResultCount = static_cast<std::size_t>(AccountResult::has_pending_transfers) + 1;
[[nodiscard]] std::string_view to_string(AccountResult result) noexcept;  // the enumerator's name

}  // namespace giro::ledger
