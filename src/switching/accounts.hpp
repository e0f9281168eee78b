// The ledger accounts that a box makes by rule. All others (customers, merchants, wallets) carry ids of their own.
#pragma once

#include "giro/types.hpp"

namespace giro::switching {

inline constexpr std::uint64_t kIssuanceAccounts = 0x1000'0000'0000'0000;      // lo = currency; the other side of all coins
// lo = participant; what it has on tier 1 and no customer of this box holds. What its own host approves is paid from it.
inline constexpr std::uint64_t kReserveAccounts = 0x2000'0000'0000'0000;

[[nodiscard]] constexpr Id128 issuance_account(Currency currency) noexcept { return {kIssuanceAccounts, currency}; }
[[nodiscard]] constexpr Id128 reserve_account(std::uint32_t participant) noexcept { return {kReserveAccounts, participant}; }
[[nodiscard]] constexpr bool is_reserve(Id128 id) noexcept { return id.hi == kReserveAccounts; }
[[nodiscard]] constexpr bool is_issuance(Id128 id) noexcept { return id.hi == kIssuanceAccounts; }
// No account of a customer may have such an id.
[[nodiscard]] constexpr bool is_box_account(Id128 id) noexcept { return id.hi == kIssuanceAccounts || id.hi == kReserveAccounts; }

// A wallet's account: the first 128 bits of its address (hash160 of the public key).
[[nodiscard]] Id128 wallet_account(const Hash160& address) noexcept;

// Account::code and Transfer::code: what an account is for, for reports.
enum AccountCode : std::uint32_t { kIssuance = 1, kReserve, kCustomer, kWallet };
enum TransferCode : std::uint16_t { kBacking = 1, kOpening, kPayIn, kPurchase, kForwarded, kReversed, kHeld };

}  // namespace giro::switching
