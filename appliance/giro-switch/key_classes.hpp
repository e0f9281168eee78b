// What a [[key_class]] of the configuration names in vain: terminals with DUKPT, which have no session keys. Looked at by the
// switch at its start, for only the journal knows which terminals there are and how they prove themselves.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "switching/state.hpp"

namespace giro::appliance {

// The ids and beginnings of ids ("K*") that fit some terminal, and DUKPT terminals alone. One that fits none yet is not among
// them: its terminals may still come.
[[nodiscard]] std::vector<std::string> useless_in_key_classes(const config::Config& config, const switching::State& state);

}  // namespace giro::appliance
