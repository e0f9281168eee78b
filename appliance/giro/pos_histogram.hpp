// Latencies in fixed log-linear buckets: 128 to each power of two, so that a value is known within 1/128 of itself
// (0.8 %), recording is a few instructions, and the size never grows.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace giro::pos {

class Histogram {
  public:
    static constexpr unsigned kStepBits = 7;                    // 128 buckets to a power of two
    static constexpr unsigned kValueBits = 41;                  // up to 2^41 ns: 36 minutes; longer counts as that
    static constexpr std::uint64_t kValueMax = (std::uint64_t{1} << kValueBits) - 1;
    static constexpr std::size_t kBuckets = std::size_t{kValueBits - kStepBits + 1} << kStepBits;

    void record(std::uint64_t value) noexcept;
    [[nodiscard]] std::uint64_t count() const noexcept { return m_count; }
    [[nodiscard]] std::uint64_t max() const noexcept { return m_max; }  // exact
    // The smallest recorded value that at least `fraction` (0..1) of all are not above, rounded up to its bucket's end
    // and never above max(). 0 when nothing was recorded.
    [[nodiscard]] std::uint64_t percentile(double fraction) const noexcept;

    // The values in coarser steps, `in_a_power` (1, 2, 4 .. 128) of them to a power of two: the highest value of a step and how
    // many there are in it, ascending. Steps without any are left out.
    struct Step {
        std::uint64_t highest, count;
    };
    [[nodiscard]] std::vector<Step> steps(unsigned in_a_power) const;

    [[nodiscard]] static std::size_t bucket_of(std::uint64_t value) noexcept;
    [[nodiscard]] static std::uint64_t highest_in(std::size_t bucket) noexcept;

  private:
    std::array<std::uint64_t, kBuckets> m_buckets{};
    std::uint64_t m_count = 0;
    std::uint64_t m_max = 0;
};

}  // namespace giro::pos
