// What the explorer's tests share: a chain of 102 blocks that is signed and ground for real, in which the banks of the
// receipt tests (tests/settlement/receipt_world.hpp) have settled windows 1 to 4.
#pragma once

#include "explorer/index.hpp"
#include "tests/settlement/receipt_world.hpp"

namespace giro::explorer::test {

inline constexpr std::uint32_t kFirstSettled = 101;  // the height of window 1; 2 to 4 are in the block after it

// The issuer, whom the blocks from 2 on pay.
[[nodiscard]] const settlement::test::Owner& issuer();
// Raw blocks, genesis first.
[[nodiscard]] const std::vector<Buffer>& blocks();
// Another block 102, and one on it: more work than blocks() has, without windows 2 to 4.
[[nodiscard]] const std::vector<Buffer>& other_end();
// "alpha", "<b>beta</b>" and "gamma", and the issuer.
[[nodiscard]] std::vector<Party> parties();
[[nodiscard]] Index index();
// The file of blocks as giro-chain writes it.
[[nodiscard]] Buffer file_of(const std::vector<Buffer>& raw);
[[nodiscard]] settlement::Receipt receipt(std::size_t window_less_1, std::size_t posting);

}  // namespace giro::explorer::test
