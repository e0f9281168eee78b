#include "chain/pow.hpp"

#include <algorithm>

namespace giro::chain {

namespace {
constexpr std::uint32_t kMantissaMask = 0x007fffff, kSignBit = 0x00800000;
constexpr std::uint32_t kAdjustmentFactor_max = 4;
}  // namespace

std::optional<Uint256> decode_compact(std::uint32_t bits) noexcept {
    const unsigned size = bits >> 24;
    const std::uint32_t mantissa = bits & kMantissaMask;
    if (mantissa == 0 || (bits & kSignBit) != 0) return std::nullopt;
    // The number has `size` bytes: more than 32 do not fit, unless the mantissa begins with zero bytes.
    if (size > 34 || (mantissa > 0xff && size > 33) || (mantissa > 0xffff && size > 32)) return std::nullopt;
    const Uint256 target = size <= 3 ? Uint256(mantissa) >> (8 * (3 - size)) : Uint256(mantissa) << (8 * (size - 3));
    if (target.is_zero()) return std::nullopt;
    return target;
}

std::uint32_t encode_compact(const Uint256& target) noexcept {
    unsigned size = (target.bits() + 7) / 8;
    const Uint256 shifted = size <= 3 ? target << (8 * (3 - size)) : target >> (8 * (size - 3));
    auto mantissa = static_cast<std::uint32_t>(shifted.limbs[0]);
    if ((mantissa & kSignBit) != 0) {  // it would read as negative: one byte more
        mantissa >>= 8;
        ++size;
    }
    return mantissa | (size << 24);
}

std::optional<Uint256> target_from_bits(std::uint32_t bits) noexcept {
    static const Uint256 floor = *decode_compact(kBitsLimit);
    const auto target = decode_compact(bits);
    if (!target || *target > floor) return std::nullopt;
    return target;
}

bool meets_target(const Hash256& hash, const Uint256& target) noexcept {
    return Uint256::from_hash(hash) <= target;
}

bool check_pow(const BlockHeader& header) noexcept {
    const auto target = target_from_bits(header.bits);
    return target && meets_target(block_hash(header), *target);
}

std::uint32_t retarget(std::uint32_t bits, std::uint32_t first_time, std::uint32_t last_time) noexcept {
    const std::int64_t span = std::clamp<std::int64_t>(std::int64_t{last_time} - std::int64_t{first_time},
                                                       kRetargetTimespan_s / kAdjustmentFactor_max,
                                                       std::int64_t{kRetargetTimespan_s} * kAdjustmentFactor_max);
    const auto old_target = target_from_bits(bits);
    if (!old_target) return kBitsLimit;
    // At most 2^234 x 2^23: cannot overflow.
    const Uint256 target = *old_target * static_cast<std::uint32_t>(span) / Uint256(kRetargetTimespan_s);
    return encode_compact(std::min(target, *target_from_bits(kBitsLimit)));
}

Uint256 block_work(std::uint32_t bits) noexcept {
    const auto target = target_from_bits(bits);
    if (!target) return {};
    // 2^256 / (t + 1) = (2^256 - (t + 1)) / (t + 1) + 1 = ~t / (t + 1) + 1
    return ~*target / (*target + Uint256(1)) + Uint256(1);
}

}  // namespace giro::chain
