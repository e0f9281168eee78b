// TDES DUKPT (ANSI X9.24-1:2009 annex A) as a terminal does it; inside dukpt_device.cpp alone.
#pragma once

#include "payment/dukpt_device.hpp"

namespace giro::payment {

// A.6. `bdk`: 16 bytes, `device`: a KSN of 10 (ASSERTed).
[[nodiscard]] Secret tdes_initial_key(const Secret& bdk, const Ksn& device);
// A.3 and A.4.1: 16 bytes each.
[[nodiscard]] DukptWorkingKeys tdes_working_keys(const Secret& initial_key, const Ksn& ksn);

}  // namespace giro::payment
