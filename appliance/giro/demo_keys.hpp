// The demo's payment keys: drawn here, given to the running vault by the ceremony (two components, two demo officers),
// and what their devices and cards need of them written to demo/, in the clear, for the simulators.
#pragma once

#include "config/config.hpp"

namespace giro::cli {

// Keys that the vault has already are left alone. How many it was given. Failure: no demo officers, or no vault.
[[nodiscard]] Result<std::size_t> provision_demo_keys(const config::Paths& paths, const config::Config& config);

}  // namespace giro::cli
