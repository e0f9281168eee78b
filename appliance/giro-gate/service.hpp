// giro-gate as the skeleton runs it: dialect and certificates from the box's folder, then the gate on the program's loop.
#pragma once

#include "appliance/skeleton.hpp"

namespace giro::gate {

// Failure::not_provisioned without certificates; config when the dialect, a door's address or the descriptors will not do.
[[nodiscard]] Result<std::shared_ptr<void>> start(appliance::Program& program);

}  // namespace giro::gate
