#include "hsm/payment/wrong_values.hpp"

#include <algorithm>

namespace giro::hsm {

namespace {
constexpr std::uint64_t kUnit_s = 16;
constexpr unsigned kCountBits = 4, kCountMask = (1U << kCountBits) - 1;
constexpr std::uint64_t kUnitsEach = kForgetAfter_s / kUnit_s;
static_assert(kWrongValuesMax <= kCountMask && kForgetAfter_s % kUnit_s == 0);

std::uint64_t units(std::uint64_t now_s) noexcept {
    return now_s / kUnit_s;
}
std::uint32_t joined(std::uint64_t at, unsigned count) noexcept {
    return static_cast<std::uint32_t>(at << kCountBits) | count;  // good until 2106
}
std::uint64_t since(std::uint32_t counter) noexcept {
    return counter >> kCountBits;
}
unsigned forgotten(std::uint32_t counter, std::uint64_t now_s) noexcept {
    if (units(now_s) <= since(counter)) return 0;
    return static_cast<unsigned>(std::min<std::uint64_t>((units(now_s) - since(counter)) / kUnitsEach, kCountMask));
}
}  // namespace

unsigned wrong_values(std::uint32_t counter, std::uint64_t now_s) noexcept {
    const unsigned kept = counter & kCountMask;
    return kept - std::min(kept, forgotten(counter, now_s));
}

std::uint32_t add_wrong_value(std::uint32_t counter, std::uint64_t now_s) noexcept {
    const unsigned count = wrong_values(counter, now_s);
    if (count >= kWrongValuesMax) return counter;
    if (count == 0) return joined(units(now_s), 1);
    return joined(since(counter) + forgotten(counter, now_s) * kUnitsEach, count + 1);
}

std::uint32_t no_later_than(std::uint32_t counter, std::uint64_t now_s) noexcept {
    if (since(counter) <= units(now_s)) return counter;
    return joined(units(now_s), counter & kCountMask);
}

}  // namespace giro::hsm
