// A 256-bit unsigned number with the few operations that targets and chain work need. Overflow wraps, as in a node.
#pragma once

#include <compare>

#include "giro/types.hpp"

namespace giro::chain {

struct Uint256 {
    std::array<std::uint64_t, 4> limbs{};  // limbs[0] is the least significant

    Uint256() = default;
    explicit constexpr Uint256(std::uint64_t low) : limbs{low, 0, 0, 0} {}
    [[nodiscard]] static Uint256 from_hash(const Hash256& little_endian) noexcept;

    bool operator==(const Uint256&) const = default;
    std::strong_ordering operator<=>(const Uint256& other) const noexcept;
    [[nodiscard]] bool is_zero() const noexcept { return *this == Uint256{}; }
    [[nodiscard]] unsigned bits() const noexcept;  // position of the highest set bit + 1; 0 for zero

    [[nodiscard]] Uint256 operator~() const noexcept;
    [[nodiscard]] Uint256 operator+(const Uint256& other) const noexcept;
    [[nodiscard]] Uint256 operator-(const Uint256& other) const noexcept;
    [[nodiscard]] Uint256 operator<<(unsigned count) const noexcept;
    [[nodiscard]] Uint256 operator>>(unsigned count) const noexcept;
    [[nodiscard]] Uint256 operator*(std::uint32_t factor) const noexcept;
    [[nodiscard]] Uint256 operator/(const Uint256& divisor) const;  // ASSERTs a divisor that is not zero
};

}  // namespace giro::chain
