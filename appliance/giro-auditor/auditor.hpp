// giro-auditor without its process.
#pragma once

#include "appliance/skeleton.hpp"

namespace giro::appliance {

// Compares the journal with the last signed checkpoint, then follows it until the loop ends; what it returns is the
// auditor. Failure::integrity when the journal is not the one that was signed; try_again when the vault does not answer.
[[nodiscard]] Result<std::shared_ptr<void>> start_auditor(Program& program);

}  // namespace giro::appliance
