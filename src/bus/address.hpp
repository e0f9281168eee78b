// Where an endpoint is.
#pragma once

#include <filesystem>

#include "giro/result.hpp"

namespace giro::bus {

// The path, absolute. Failure::config when it is longer than a Unix socket allows (107 bytes), saying what to do.
[[nodiscard]] Result<std::filesystem::path> checked_address(const std::filesystem::path& path);

}  // namespace giro::bus
