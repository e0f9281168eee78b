// The demo box's numbers, made by rule so that they need no file: terminals, cards, accounts.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "giro/types.hpp"
#include "payment/ksn.hpp"

namespace giro::demo {

inline constexpr std::uint32_t kTerminals = 64;         // T0000001..T0000064, all of merchant 1, acquirer 970002; or as
inline constexpr std::uint32_t kTerminalsMax = 4096;    // many as `giro init --demo --terminals N` made keys for
inline constexpr std::uint32_t kCardsPerBin = 200;      // per on-us BIN
inline constexpr MinorUnits kCardOpening = 1'000'000;   // 10,000.00 on each card's account; the last card of a BIN has 0
inline constexpr MinorUnits kWalletPayIn = 50'000;      // 500.00 for a new wallet
inline constexpr std::string_view kAcquirer = "970002";
inline constexpr std::string_view kMerchant = "M00000000000001";
inline constexpr std::uint32_t kMerchantParticipant = 2;

[[nodiscard]] inline TerminalId terminal(std::uint32_t index) { return TerminalId(fmt::format("T{:07}", index)); }
// D0000001..D0000064: terminals with DUKPT keys below kBdk, their KSNs counting from kBdkId, terminal number, 0.
inline constexpr std::uint32_t kDukptTerminals = 64;
inline constexpr std::string_view kBdk = "demo.bdk";
inline constexpr std::string_view kPvvKey = "alpha.pvk", kOffsetKey = "beta.pvk", kZoneKey = "gamma.zpk";  // giro.toml
inline constexpr std::uint32_t kBdkId = 0x97000201;
[[nodiscard]] inline TerminalId dukpt_terminal(std::uint32_t index) { return TerminalId(fmt::format("D{:07}", index)); }
[[nodiscard]] inline payment::Ksn dukpt_ksn(std::uint32_t index) {
    ByteArray<payment::kAesKsnBytes> bytes{};
    for (std::size_t i = 0; i < 4; ++i) {
        bytes[i] = static_cast<std::byte>(kBdkId >> (24 - 8 * i));
        bytes[4 + i] = static_cast<std::byte>(index >> (24 - 8 * i));
    }
    return *payment::Ksn::parse(bytes);
}
// Its master key, in the demo's folder.
[[nodiscard]] inline std::filesystem::path terminal_key_file(const std::filesystem::path& demo, std::string_view terminal) {
    return demo / "terminals" / fmt::format("{}.tmk", terminal);
}
// How many terminals, from the first, have a key there.
[[nodiscard]] inline std::uint32_t terminals_with_key(const std::filesystem::path& demo) {
    std::uint32_t count = 0;
    while (count < kTerminalsMax && std::filesystem::exists(terminal_key_file(demo, terminal(count + 1).view()))) ++count;
    return count;
}

// `bin`, the index, and the check digit of ISO/IEC 7812-1 annex B: 16 digits.
[[nodiscard]] inline std::string pan(std::string_view bin, std::uint32_t index) {
    std::string digits = fmt::format("{}{:0{}}", bin, index, 15 - bin.size());
    int sum = 0;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const int d = digits[digits.size() - 1 - i] - '0';
        sum += i % 2 == 0 ? (d > 4 ? 2 * d - 9 : 2 * d) : d;
    }
    digits.push_back(static_cast<char>('0' + (10 - sum % 10) % 10));
    return digits;
}

// The PIN of a demo card: four digits, by rule.
[[nodiscard]] inline std::string pin(std::string_view bin, std::uint32_t index) {
    std::uint32_t seed = index;
    for (const char c : bin) seed = seed * 31 + static_cast<std::uint32_t>(c - '0');
    return fmt::format("{:04}", seed * 7919 % 10'000);
}
// The demo's keys for PINs, which its simulators need in the clear too: in its folder, as hexadecimal digits.
[[nodiscard]] inline std::filesystem::path pin_key_file(const std::filesystem::path& demo, std::string_view key) {
    return demo / "keys" / fmt::format("{}.key", key);
}

[[nodiscard]] inline Id128 card_account(std::uint32_t bin_number, std::uint32_t index) { return {0x0C00'0000'0000'0000U | bin_number, index}; }
[[nodiscard]] inline Id128 merchant_account(std::uint32_t index) { return {0x0D00'0000'0000'0000U, index}; }

}  // namespace giro::demo
