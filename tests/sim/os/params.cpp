// Instead of chain/params.cpp: a genesis block under the simulated world's easy target (pow.cpp).
#include "chain/params.hpp"
#include "chain/merkle.hpp"
#include "chain/script.hpp"
#include "util/hash.hpp"

namespace giro::chain {
inline constexpr std::uint32_t kEasyBits = 0x207fffff;
}
#define kBitsLimit kEasyBits
#include "chain/params.cpp"
