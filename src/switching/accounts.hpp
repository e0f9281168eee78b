// The ledger accounts that a box makes by rule. All others (customers, merchants, wallets) carry ids of their own.
#pragma once

#include "giro/types.hpp"

namespace giro::switching {

inline constexpr std::uint64_t kIssuanceAccounts = 0x1000'0000'0000'0000;      // lo = currency; the other side of all coins
inline constexpr std::uint64_t kReserveAccounts = 0x2000'0000'0000'0000;       // lo = participant; backed, not with a customer
inline constexpr std::uint64_t kLinkPositionAccounts = 0x3000'0000'0000'0000;  // lo = participant; owes what its host approves

[[nodiscard]] constexpr Id128 issuance_account(Currency currency) noexcept { return {kIssuanceAccounts, currency}; }
[[nodiscard]] constexpr Id128 reserve_account(std::uint32_t participant) noexcept { return {kReserveAccounts, participant}; }
[[nodiscard]] constexpr Id128 link_position_account(std::uint32_t participant) noexcept { return {kLinkPositionAccounts, participant}; }

// A wallet's account: the first 128 bits of its address (hash160 of the public key).
[[nodiscard]] Id128 wallet_account(const Hash160& address) noexcept;

// Account::code and Transfer::code: what an account is for, for reports.
enum AccountCode : std::uint32_t { kIssuance = 1, kReserve, kLinkPosition, kCustomer, kWallet };
enum TransferCode : std::uint16_t { kBacking = 1, kOpening, kPayIn, kPurchase, kForwarded, kReversed };

}  // namespace giro::switching
