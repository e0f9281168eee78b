// The ledger's transfers: what one is, and every reason why one is refused, in order of precedence.
#pragma once

#include <string_view>

#include "giro/types.hpp"

namespace giro::ledger {

// Transfer::flags. At most one of kPending, kPostPending and kVoidPending.
enum TransferFlag : std::uint16_t {
    kLinked = 1U << 0,       // succeeds or fails together with the next transfer of the batch; the chain's last has it off
    kPending = 1U << 1,      // a hold: reserves the amount on both accounts until posted, voided or timed out
    kPostPending = 1U << 2,  // moves what transfer pending_id holds, or less of it, and releases the rest
    kVoidPending = 1U << 3,  // releases what transfer pending_id holds
    kCorrection = 1U << 4,   // a reversal or refund (the caller swaps the accounts): passes kFrozen, never a limit
};
inline constexpr std::uint16_t kTransferFlags = kLinked | kPending | kPostPending | kVoidPending | kCorrection;

// One movement of `amount` from debit_account (its debits grow) to credit_account (its credits grow).
struct Transfer {
    Id128 id{};              // not zero; the same id again with the same contents gives `exists`, never a second movement
    Id128 debit_account{};   // post and void: zero, or the hold's own
    Id128 credit_account{};  // post and void: zero, or the hold's own
    Id128 pending_id{};      // post and void: the hold; otherwise zero
    MinorUnits amount = 0;         // 1 to kAmountMax; post: 0 = all that is held; void: 0 or exactly what is held
    Currency currency = 0;         // of both accounts; post and void: zero, or the hold's own
    std::uint16_t flags = 0;       // TransferFlag
    std::uint16_t code = 0;        // the caller's kind of transfer; the ledger gives it no meaning
    std::uint32_t timeout_s = 0;   // kPending: seconds after timestamp_ns until it expires; 0 = never
    std::uint64_t timestamp_ns = 0;  // wall clock of the decision, from the journal; not compared between repeats
};

// Where a recorded transfer stands.
enum class TransferState : std::uint8_t {
    posted,          // a plain transfer or a post: the amount has moved
    pending,         // a hold that still holds
    pending_posted,  // a hold that was posted
    pending_voided,  // a hold that was voided
    pending_expired, // a hold that timed out
    voided,          // a void: nothing has moved
};

// A transfer as recorded: zero accounts, currency and amount of a post or void are filled in from its hold; kLinked is
// kept. The amount of a post is what moved, of a void what was released.
struct TransferRecord {
    Transfer transfer{};
    TransferState state = TransferState::posted;
};

// Why a transfer was refused. Order of precedence: the first that applies, from the top.
enum class TransferResult : std::uint8_t {
    ok,
    // The chain (apply only)
    linked_event_failed,      // another transfer of its chain was refused; that one carries the reason
    linked_event_chain_open,  // the batch ends inside a chain: given to its last transfer
    // The transfer by itself
    id_must_not_be_zero,
    reserved_flag,                  // a bit that is no TransferFlag
    flags_are_mutually_exclusive,   // more than one of pending, post and void; a correction that is a post or void
    timeout_reserved_for_pending,   // timeout_s without kPending
    amount_must_not_be_negative,
    amount_exceeds_maximum,         // over kAmountMax
    // .. plain transfers and holds
    debit_account_must_not_be_zero,
    credit_account_must_not_be_zero,
    accounts_must_be_different,
    pending_id_must_be_zero,
    amount_must_not_be_zero,
    // .. posts and voids
    pending_id_must_not_be_zero,
    pending_id_must_be_different,  // from its own id
    // The same id was recorded before
    exists_with_different_flags,
    exists_with_different_pending_id,
    exists_with_different_debit_account,
    exists_with_different_credit_account,
    exists_with_different_amount,
    exists_with_different_currency,
    exists_with_different_timeout,
    exists_with_different_code,
    exists,  // the same contents: the caller gives the answer it gave then
    // Against the accounts: plain transfers and holds
    debit_account_not_found,
    credit_account_not_found,
    accounts_must_have_the_same_currency,
    transfer_must_have_the_currency_of_its_accounts,
    debit_account_closed,
    credit_account_closed,
    debit_account_frozen,
    credit_account_frozen,
    // Against the hold: posts and voids
    pending_transfer_not_found,
    pending_transfer_not_pending,  // pending_id names a transfer that never was a hold
    pending_transfer_has_different_debit_account,
    pending_transfer_has_different_credit_account,
    pending_transfer_has_different_currency,
    exceeds_pending_transfer_amount,       // a post or void of more than is held
    pending_transfer_has_different_amount, // a void of less than is held
    pending_transfer_already_posted,
    pending_transfer_already_voided,
    pending_transfer_expired,  // released by expire(), or timestamp_ns is at or past its expiry
    // What is left: sums and limits
    too_many_transfers,  // Options::transfers_max
    overflows_timeout,   // timestamp_ns + timeout_s does not fit in 64 bits
    overflows_debits,    // pending + posted of the debit account would not fit in MinorUnits
    overflows_credits,
    exceeds_credits,  // the debit account has kDebitsMustNotExceedCredits: insufficient funds
    exceeds_debits,   // the credit account has kCreditsMustNotExceedDebits
};
inline constexpr std::size_t kTransferResultCount = static_cast<std::size_t>(TransferResult::exceeds_debits) + 1;
[[nodiscard]] std::string_view to_string(TransferResult result) noexcept;  // the enumerator's name

}  // namespace giro::ledger
