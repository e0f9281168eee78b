// giro-switch without its process: recovery, then pipeline and commands on the program's loop.
#pragma once

#include "appliance/skeleton.hpp"

namespace giro::appliance {

// Recovers the state and serves from then on; what it returns is the switch. Failures: recover()'s; try_again when the
// vault does not answer.
[[nodiscard]] Result<std::shared_ptr<void>> start_switch(Program& program);

}  // namespace giro::appliance
