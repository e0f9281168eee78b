// A DUKPT key serial number: which device, and which of its transactions.
//
//   AES DUKPT (X9.24-3)   12 bytes: initial key ID 8 (BDK ID 4, derivation ID 4), counter 4, big-endian
//   TDES DUKPT (X9.24-1)  10 bytes: the rightmost 21 bits are the counter
//
// Public: it travels in the clear. Read by giro-switch from hostile messages, written by the terminal simulators.
#pragma once

#include <algorithm>
#include <bit>
#include <optional>

#include "giro/types.hpp"

namespace giro::payment {

inline constexpr std::size_t kAesKsnBytes = 12, kTdesKsnBytes = 10;

class Ksn {
  public:
    Ksn() = default;  // empty: none
    // Nothing when there are neither 12 nor 10 bytes.
    [[nodiscard]] static std::optional<Ksn> parse(Bytes bytes) noexcept {
        if (bytes.size() != kAesKsnBytes && bytes.size() != kTdesKsnBytes) return std::nullopt;
        Ksn out;
        std::ranges::copy(bytes, out.m_bytes.begin());
        out.m_size = static_cast<std::uint8_t>(bytes.size());
        return out;
    }
    [[nodiscard]] bool empty() const noexcept { return m_size == 0; }
    [[nodiscard]] Bytes view() const noexcept { return Bytes(m_bytes).first(m_size); }
    [[nodiscard]] bool is_aes() const noexcept { return m_size == kAesKsnBytes; }
    [[nodiscard]] std::uint32_t counter() const noexcept {
        std::uint32_t last = 0;  // the last four bytes, big-endian
        for (std::size_t i = m_size < 4U ? m_size : m_size - 4U; i < m_size; ++i)
            last = last << 8 | std::to_integer<std::uint32_t>(m_bytes[i]);
        return last & counter_bits();
    }
    // The same with another counter; bits beyond the counter's width are dropped.
    [[nodiscard]] Ksn with_counter(std::uint32_t counter) const noexcept {
        Ksn out = *this;
        for (std::size_t i = 0; i < 4 && m_size != 0; ++i) {
            std::byte& at = out.m_bytes[m_size - 1 - i];
            const auto mask = static_cast<std::byte>(counter_bits() >> (8 * i));
            at = (at & ~mask) | (static_cast<std::byte>(counter >> (8 * i)) & mask);
        }
        return out;
    }
    // The device's name: the KSN with counter zero.
    [[nodiscard]] Ksn device() const noexcept { return with_counter(0); }
    // Whether the counter is one that a terminal uses: not zero, and no more one bits than the standard derives keys for.
    [[nodiscard]] bool is_counting() const noexcept {
        const auto ones = std::popcount(counter());
        return ones != 0 && ones <= (is_aes() ? 16 : 10);
    }
    bool operator==(const Ksn&) const = default;

  private:
    [[nodiscard]] std::uint32_t counter_bits() const noexcept { return is_aes() ? 0xffff'ffffU : 0x1f'ffffU; }
    ByteArray<kAesKsnBytes> m_bytes{};
    std::uint8_t m_size = 0;
};

}  // namespace giro::payment
