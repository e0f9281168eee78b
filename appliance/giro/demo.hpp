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
// D0000001..D0000076: terminals with DUKPT keys, some of each kind.
inline constexpr std::string_view kBdk = "demo.bdk";
struct DukptKind {
    std::uint32_t first, last;  // numbers of its terminals
    std::string_view bdk;       // the name of their base key in the vault
    std::string_view header;    // of that key's block: a base key, for deriving, not exportable
    std::uint32_t bdk_id;       // at the beginning of their KSNs
    std::size_t bdk_bytes;
    bool tdes;
    std::uint8_t mac;           // entry::TerminalDukptSet: 1 AES-CMAC, 2 X9.19, 3 HMAC-SHA-256
};
inline constexpr DukptKind kDukptKinds[] = {{1, 64, kBdk, "D0000B0AX00N0000", 0x97000201, 16, false, 1},
                                            {65, 68, "demo.bdk-256", "D0000B0AX00N0000", 0x97000202, 32, false, 1},
                                            {69, 72, "demo.bdk-256", "D0000B0AX00N0000", 0x97000202, 32, false, 3},
                                            {73, 76, "demo.bdk-tdes", "D0000B0TX00N0000", 0x97000203, 16, true, 2}};
inline constexpr std::uint32_t kDukptTerminals = 76;
static_assert(std::size(kDukptKinds) == 4 && kDukptKinds[3].last == kDukptTerminals);
[[nodiscard]] constexpr const DukptKind& dukpt_kind(std::uint32_t index) {
    const DukptKind* kind = kDukptKinds;
    while (kind->last < index && kind + 1 != std::end(kDukptKinds)) ++kind;
    return *kind;
}
inline constexpr std::string_view kPvvKey = "alpha.pvk", kOffsetKey = "beta.pvk", kZoneKey = "gamma.zpk";  // giro.toml
inline constexpr std::string_view kAlphaChipKey = "alpha.imk", kBetaChipKey = "beta.imk", kCvvKey = "alpha.cvk";
inline constexpr std::string_view kExpiry = "4912";  // of each card, YYMM
[[nodiscard]] inline TerminalId dukpt_terminal(std::uint32_t index) { return TerminalId(fmt::format("D{:07}", index)); }
// The base key's id and the terminal's number, its counter 0.
[[nodiscard]] inline payment::Ksn dukpt_ksn(std::uint32_t index) {
    const DukptKind& kind = dukpt_kind(index);
    ByteArray<payment::kAesKsnBytes> bytes{};
    const std::uint32_t number = kind.tdes ? index << 5 : index;  // before the 21 bits of a TDES counter
    for (std::size_t i = 0; i < 4; ++i) {
        bytes[i] = static_cast<std::byte>(kind.bdk_id >> (24 - 8 * i));
        bytes[4 + i] = static_cast<std::byte>(number >> (24 - 8 * i));
    }
    return *payment::Ksn::parse(Bytes(bytes).first(kind.tdes ? payment::kTdesKsnBytes : payment::kAesKsnBytes));
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
