// The bench as a picture: one SVG of four panels, by our own hand. It follows the reader's light or dark scheme.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace bench {

// Panels whose figures were not measured are left out.
[[nodiscard]] std::string svg(const nlohmann::json& results);

}  // namespace bench
