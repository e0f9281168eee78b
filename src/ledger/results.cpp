// The names of the results, for logs, replies to operators and tests: one table each, in the order of the enum.
#include <array>

#include "giro/result.hpp"
#include "ledger/account.hpp"
#include "ledger/transfer.hpp"

namespace giro::ledger {

namespace {
constexpr std::array<std::string_view, kAccountResultCount> kAccountNames{
    "ok",
    "id_must_not_be_zero",
    "reserved_flag",
    "limits_are_mutually_exclusive",
    "currency_out_of_range",
    "overdraft_out_of_range",
    "sums_must_be_zero",
    "exists_with_different_participant",
    "exists_with_different_code",
    "exists_with_different_currency",
    "exists_with_different_limits",
    "exists_with_different_overdraft",
    "exists",
    "too_many_accounts",
    "not_found",
    "has_pending_transfers",
};

constexpr std::array<std::string_view, kTransferResultCount> kTransferNames{
    "ok",
    "linked_event_failed",
    "linked_event_chain_open",
    "id_must_not_be_zero",
    "reserved_flag",
    "flags_are_mutually_exclusive",
    "timeout_reserved_for_pending",
    "amount_must_not_be_negative",
    "amount_exceeds_maximum",
    "debit_account_must_not_be_zero",
    "credit_account_must_not_be_zero",
    "accounts_must_be_different",
    "pending_id_must_be_zero",
    "amount_must_not_be_zero",
    "pending_id_must_not_be_zero",
    "pending_id_must_be_different",
    "exists_with_different_flags",
    "exists_with_different_pending_id",
    "exists_with_different_debit_account",
    "exists_with_different_credit_account",
    "exists_with_different_amount",
    "exists_with_different_currency",
    "exists_with_different_timeout",
    "exists_with_different_code",
    "exists",
    "debit_account_not_found",
    "credit_account_not_found",
    "accounts_must_have_the_same_currency",
    "transfer_must_have_the_currency_of_its_accounts",
    "debit_account_closed",
    "credit_account_closed",
    "debit_account_frozen",
    "credit_account_frozen",
    "pending_transfer_not_found",
    "pending_transfer_not_pending",
    "pending_transfer_has_different_debit_account",
    "pending_transfer_has_different_credit_account",
    "pending_transfer_has_different_currency",
    "exceeds_pending_transfer_amount",
    "pending_transfer_has_different_amount",
    "pending_transfer_already_posted",
    "pending_transfer_already_voided",
    "pending_transfer_expired",
    "too_many_transfers",
    "overflows_timeout",
    "overflows_debits",
    "overflows_credits",
    "exceeds_credits",
    "exceeds_debits",
};
static_assert(!kAccountNames.back().empty() && !kTransferNames.back().empty(), "a name for every value");
}  // namespace

std::string_view to_string(AccountResult result) noexcept {
    const auto at = static_cast<std::size_t>(result);
    ASSERT(at < kAccountNames.size());
    return kAccountNames[at];
}

std::string_view to_string(TransferResult result) noexcept {
    const auto at = static_cast<std::size_t>(result);
    ASSERT(at < kTransferNames.size());
    return kTransferNames[at];
}

}  // namespace giro::ledger
