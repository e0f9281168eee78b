#include "appliance/giro/pos_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace giro::pos {

// Values below 2^kStepBits have a bucket each; above, the highest kStepBits + 1 bits name the bucket.
std::size_t Histogram::bucket_of(std::uint64_t value) noexcept {
    value = std::min(value, kValueMax);
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width <= kStepBits) return static_cast<std::size_t>(value);
    const unsigned shift = width - kStepBits - 1;
    return (static_cast<std::size_t>(shift) << kStepBits) + static_cast<std::size_t>(value >> shift);
}

std::uint64_t Histogram::highest_in(std::size_t bucket) noexcept {
    constexpr std::size_t kSteps = std::size_t{1} << kStepBits;
    if (bucket < 2 * kSteps) return bucket;
    const std::size_t shift = (bucket >> kStepBits) - 1;
    const std::uint64_t lowest = static_cast<std::uint64_t>(bucket - (shift << kStepBits)) << shift;
    return lowest + (std::uint64_t{1} << shift) - 1;
}

void Histogram::record(std::uint64_t value) noexcept {
    ++m_buckets[bucket_of(value)];
    ++m_count;
    m_max = std::max(m_max, value);
}

std::vector<Histogram::Step> Histogram::steps(unsigned in_a_power) const {
    const std::size_t width = (std::size_t{1} << kStepBits) / in_a_power;  // in buckets; powers of two begin at multiples of it
    std::vector<Step> out;
    for (std::size_t at = 0; at < kBuckets; at += width) {
        std::uint64_t count = 0;
        for (std::size_t i = at; i < at + width; ++i) count += m_buckets[i];
        if (count != 0) out.push_back({highest_in(at + width - 1), count});
    }
    return out;
}

std::uint64_t Histogram::percentile(double fraction) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(m_count)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
        seen += m_buckets[i];
        if (seen >= std::max<std::uint64_t>(wanted, 1)) return std::min(highest_in(i), m_max);
    }
    return m_max;
}

}  // namespace giro::pos
