// The simulated world's proof of work: the product's own rules under the easiest target there can be, so that a block
// costs two hashes. Taken by the linker instead of chain/pow.cpp.
#include "chain/pow.hpp"

namespace giro::chain {
inline constexpr std::uint32_t kEasyBits = 0x207fffff;
}
#define kBitsLimit kEasyBits
#include "chain/pow.cpp"
