// What the explorer gives away once it serves, so that whoever takes it over has little: it makes no further socket, so it
// cannot speak to the box's other programs, which run as the same user; starts no program; and looks into no process.
#pragma once

#include "giro/result.hpp"

namespace giro::appliance {

// Of the calling process, for ever. Failure::refused where the kernel has no seccomp filters (seccomp(2)).
[[nodiscard]] Result<void> confine_process();

}  // namespace giro::appliance
