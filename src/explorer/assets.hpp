// Files of the tree that are built into the program.
#pragma once

#include <string_view>

namespace giro::explorer {

[[nodiscard]] std::string_view style_sheet() noexcept;  // style.css
[[nodiscard]] std::string_view icon() noexcept;         // icon.svg

}  // namespace giro::explorer
