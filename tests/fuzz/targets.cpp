#include "tests/fuzz/targets.hpp"

namespace giro::fuzz {

namespace {
constexpr Target kTargets[] = {
#define GIRO_FUZZ_ROW(name, tries_max, reads) {#name, reads, run_##name, seeds_##name, tries_max},
    GIRO_FUZZ_TARGETS(GIRO_FUZZ_ROW)
#undef GIRO_FUZZ_ROW
};
}  // namespace

std::span<const Target> targets() noexcept {
    return kTargets;
}

}  // namespace giro::fuzz
