// What `giro recon` shows of terminals' periods, from the journal alone. Never writes.
#pragma once

#include "appliance/giro/command.hpp"

namespace giro::cli {

// recon totals (recon_totals.cpp): the sums of every terminal, and of every acquirer, by currency.
[[nodiscard]] Result<void> show_totals(const Args& args);

}  // namespace giro::cli
