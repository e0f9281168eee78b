// What the explorer gives away once it serves, so that whoever takes it over has little: it makes no further socket, so it
// cannot speak to the box's other programs, which run as the same user; starts no program; signals no other process and looks
// into none; makes, writes, names and removes no file; and has at most kMemoryBytesMax. What it may still do is read files.
#pragma once

#include <cstdint>

#include "giro/result.hpp"

namespace giro::appliance {

inline constexpr std::uint64_t kMemoryBytesMax = std::uint64_t{2} << 30;  // of address space

// Of the calling process, for ever. Failure::refused where the kernel has no seccomp filters (seccomp(2)).
[[nodiscard]] Result<void> confine_process();

}  // namespace giro::appliance
