// A demo key for PINs as a file in demo/keys/, in the clear: the simulators play the devices and banks that have it.
#pragma once

#include <filesystem>

#include "giro/result.hpp"
#include "util/secret.hpp"

namespace giro::pos {

// A TDES key of 32 hexadecimal digits. Failure::not_provisioned: there is no such file.
[[nodiscard]] Result<Secret> load_pin_key(const std::filesystem::path& demo, std::string_view name);

}  // namespace giro::pos
