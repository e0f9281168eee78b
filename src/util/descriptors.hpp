// The soft limit of open descriptors, which is 1024 as Debian ships it: too few for a program that holds a connection to
// each of its peers.
#pragma once

#include <cstddef>

#include "giro/result.hpp"

namespace giro {

// Raises the soft limit to `wanted` descriptors. Failure::config, naming both numbers, when the hard limit forbids it;
// `what` says what they are for ("gate.connections_max = 4096").
[[nodiscard]] Result<void> allow_descriptors(std::size_t wanted, const char* what);

}  // namespace giro
