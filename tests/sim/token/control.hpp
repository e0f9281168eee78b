// How a test drives the simulated token (module.cpp): a shared library that the product loads with dlopen as it would a
// vendor's, so the test reaches it through one more symbol of that library, giro_test_token.
//
// The token lives as long as the process: a Vault that is opened again finds its keys. One thread, everything from a
// seed.
#pragma once

#include <cstdint>

extern "C" {
// Plain C, because it crosses the boundary of a library that is loaded by hand.
struct GiroTestToken {
    // An empty slot, no faults, random numbers from `seed`.
    void (*reset)(std::uint64_t seed);
    // The token keeps its keys and PINs; faults end, sessions are gone, random numbers start again from `seed`. So one
    // provisioned token serves many simulations, each deterministic.
    void (*reseed)(std::uint64_t seed);
    // 0: pulled out, its sessions with it. 1: back again.
    void (*set_present)(int present);
    // The k-th call from now on (1: the next) of any C_ function except C_GetFunctionList answers `code` (a CK_RV) and
    // does nothing; all later ones too if `for_ever`. k = 0: no such fault any more.
    void (*fail)(std::uint64_t code, std::uint64_t k, int for_ever);
    // Each call counts as so many nanoseconds; take_delay_ns() says how many came together since it was last asked.
    void (*set_slow_ns)(std::uint64_t per_call);
    std::uint64_t (*take_delay_ns)();
    std::uint64_t (*calls)();   // of C_ functions since the last reset
    std::uint64_t (*faults)();  // of those, answered by fail() or by a token that is away
    // 1: C_Sign says ok and gives ones all over, which no curve's order allows. 0: signatures again.
    void (*set_bad_signatures)(int bad);
};
}

namespace giro::test {

// The library's path as the build knows it: vault.module of a simulated box.
[[nodiscard]] const char* test_token_module() noexcept;

// The control of the one loaded token; loads the library at the first call. Throws std::runtime_error when it is not
// there.
[[nodiscard]] const GiroTestToken& test_token();

}  // namespace giro::test
