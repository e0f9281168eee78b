#include "chain/uint256.hpp"

#include <bit>

#include "giro/result.hpp"
#include "util/bytes.hpp"

namespace giro::chain {

Uint256 Uint256::from_hash(const Hash256& little_endian) noexcept {
    Uint256 value;
    for (std::size_t i = 0; i < 4; ++i) value.limbs[i] = load_le<std::uint64_t>(little_endian.data() + 8 * i);
    return value;
}

std::strong_ordering Uint256::operator<=>(const Uint256& other) const noexcept {
    for (std::size_t i = 4; i-- > 0;)
        if (limbs[i] != other.limbs[i]) return limbs[i] <=> other.limbs[i];
    return std::strong_ordering::equal;
}

unsigned Uint256::bits() const noexcept {
    for (unsigned i = 4; i-- > 0;)
        if (limbs[i] != 0) return 64 * i + static_cast<unsigned>(std::bit_width(limbs[i]));
    return 0;
}

Uint256 Uint256::operator~() const noexcept {
    Uint256 result;
    for (std::size_t i = 0; i < 4; ++i) result.limbs[i] = ~limbs[i];
    return result;
}

Uint256 Uint256::operator+(const Uint256& other) const noexcept {
    Uint256 result;
    bool carry = false;
    for (std::size_t i = 0; i < 4; ++i) {
        const bool first = __builtin_add_overflow(limbs[i], other.limbs[i], &result.limbs[i]);
        const bool second = __builtin_add_overflow(result.limbs[i], std::uint64_t{carry}, &result.limbs[i]);
        carry = first || second;
    }
    return result;
}

Uint256 Uint256::operator-(const Uint256& other) const noexcept {
    return *this + ~other + Uint256(1);
}

Uint256 Uint256::operator<<(unsigned count) const noexcept {
    Uint256 result;
    const unsigned whole = count / 64, part = count % 64;
    for (unsigned i = whole; i < 4; ++i) {
        result.limbs[i] = limbs[i - whole] << part;
        if (part != 0 && i > whole) result.limbs[i] |= limbs[i - whole - 1] >> (64 - part);
    }
    return result;
}

Uint256 Uint256::operator>>(unsigned count) const noexcept {
    Uint256 result;
    const unsigned whole = count / 64, part = count % 64;
    for (unsigned i = 0; i + whole < 4; ++i) {
        result.limbs[i] = limbs[i + whole] >> part;
        if (part != 0 && i + whole + 1 < 4) result.limbs[i] |= limbs[i + whole + 1] << (64 - part);
    }
    return result;
}

Uint256 Uint256::operator*(std::uint32_t factor) const noexcept {
    Uint256 result;
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        // 64 x 32 bits in two halves: no sum passes 64 bits.
        const std::uint64_t low = (limbs[i] & 0xffffffff) * factor + carry;
        const std::uint64_t high = (limbs[i] >> 32) * factor + (low >> 32);
        result.limbs[i] = (high << 32) | (low & 0xffffffff);
        carry = high >> 32;
    }
    return result;
}

Uint256 Uint256::operator/(const Uint256& divisor) const {
    ASSERT(!divisor.is_zero());
    Uint256 rest = *this, quotient;
    if (rest.bits() < divisor.bits()) return quotient;
    unsigned shift = rest.bits() - divisor.bits();
    Uint256 part = divisor << shift;
    for (;; --shift, part = part >> 1) {
        if (rest >= part) {
            rest = rest - part;
            quotient.limbs[shift / 64] |= std::uint64_t{1} << (shift % 64);
        }
        if (shift == 0) return quotient;
    }
}

}  // namespace giro::chain
