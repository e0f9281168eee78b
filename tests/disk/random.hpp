// Numbers from a seed, the same on every machine: what decides a simulated fault.
#pragma once

#include <cstdint>

namespace giro::test {

// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
class Random {
  public:
    explicit Random(std::uint64_t seed) noexcept : m_state(seed) {}
    std::uint64_t next() noexcept {
        std::uint64_t z = (m_state += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }
    // 0 to bound - 1; the bias of the remainder does not matter for tests. `bound` > 0.
    std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
    bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }

  private:
    std::uint64_t m_state;
};

}  // namespace giro::test
