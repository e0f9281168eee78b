// The value types every module shares: bytes, hashes, ids, money, card numbers.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace giro {

using Bytes = std::span<const std::byte>;   // read-only view, owned elsewhere
using MutableBytes = std::span<std::byte>;  // writable view, owned elsewhere
using Buffer = std::vector<std::byte>;      // owned bytes
template <std::size_t N>
using ByteArray = std::array<std::byte, N>;

using Hash256 = ByteArray<32>;  // a SHA-256 (or double SHA-256) in the order the hash function gives it
using Hash160 = ByteArray<20>;

[[nodiscard]] inline Bytes as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(Bytes bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// 128-bit identifier: ledger accounts and transfers. Zero means "none".
struct Id128 {
    std::uint64_t hi = 0;
    std::uint64_t lo = 0;
    auto operator<=>(const Id128&) const = default;
    [[nodiscard]] bool is_zero() const noexcept { return hi == 0 && lo == 0; }
};

// ISO 4217 numeric code, e.g. 978 (EUR); 963 is the standard's own code for testing.
using Currency = std::uint16_t;
// Minor units of a currency (cents). Signed 64 bit, never a floating-point number.
using MinorUnits = std::int64_t;
// The largest amount of one payment or balance: 10^15 minor units. Sums of a few of them cannot overflow.
inline constexpr MinorUnits kAmountMax = 1'000'000'000'000'000;

struct Amount {
    MinorUnits minor = 0;
    Currency currency = 0;
    auto operator<=>(const Amount&) const = default;
};

// a + b, or nothing when it does not fit in 64 bits.
[[nodiscard]] constexpr std::optional<std::int64_t> checked_add(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
    return sum;
}

// Text of at most N characters in place, zero-padded: terminal ids, RRNs. Trivially copyable, so it can lie in a frame.
template <std::size_t N>
struct FixedText {
    std::array<char, N> chars{};
    FixedText() = default;
    explicit FixedText(std::string_view text) noexcept { text.copy(chars.data(), N); }
    [[nodiscard]] std::string_view view() const noexcept { return {chars.data(), strnlen(chars.data(), N)}; }
    [[nodiscard]] std::string str() const { return std::string(view()); }
    [[nodiscard]] bool empty() const noexcept { return chars[0] == '\0'; }
    auto operator<=>(const FixedText&) const = default;
};

using TerminalId = FixedText<8>;     // DE41 card acceptor terminal identification, an 8
using MerchantId = FixedText<15>;    // DE42 card acceptor identification code, ans 15
using AcquirerId = FixedText<11>;    // DE32 acquiring institution identification code, n..11
using Rrn = FixedText<12>;           // DE37 retrieval reference number, an 12
using AuthCode = FixedText<6>;       // DE38 authorisation identification response, an 6
using ResponseCode = FixedText<2>;   // DE39 response code, an 2 (ISO 8583:1987)

// A primary account number (ISO/IEC 7812, 8 to 19 digits). Prints masked only: first 6 and last 4 (PCI DSS 3.4.1).
// Wipes itself when destroyed; the clear digits come out through reveal() alone, so that every use can be searched for.
class Pan {
  public:
    static constexpr std::size_t kDigitsMax = 19;
    Pan() = default;
    // Nothing when `digits` is not 8 to 19 decimal digits.
    [[nodiscard]] static std::optional<Pan> parse(std::string_view digits) noexcept;
    Pan(const Pan&) = default;
    Pan& operator=(const Pan&) = default;
    ~Pan();
    [[nodiscard]] std::string_view reveal() const noexcept { return {m_digits.data(), m_size}; }
    [[nodiscard]] std::string masked() const;  // "541333******4242"; fewer than 11 digits: last 4 only
    [[nodiscard]] bool empty() const noexcept { return m_size == 0; }
    [[nodiscard]] bool operator==(const Pan& other) const noexcept { return reveal() == other.reveal(); }

  private:
    std::array<char, kDigitsMax> m_digits{};
    std::uint8_t m_size = 0;
};

}  // namespace giro
