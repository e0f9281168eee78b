// The simulated token for these tests. A process provisions it once (box_fixture.hpp), so it is emptied once, before.
#pragma once

#include "tests/sim/token/control.hpp"

namespace giro::test {

// No faults, random numbers from `seed`.
inline const GiroTestToken& sim_token(std::uint64_t seed) {
    const GiroTestToken& token = test_token();
    static const bool emptied = (token.reset(1), true);
    static_cast<void>(emptied);
    token.reseed(seed);
    return token;
}

}  // namespace giro::test
