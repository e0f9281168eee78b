// What somebody typed, and the page that it means. Pure. Hostile: the text.
#pragma once

#include <string>

#include "explorer/index.hpp"

namespace giro::explorer {

inline constexpr std::size_t kSearchCharsMax = 100;

// The path of the block (height or hash), transaction, window ("w12", "window 12", or its root), address or
// participant (by name) that `text` names; empty when it names nothing of this chain.
[[nodiscard]] std::string path_of(const Index& index, std::string_view text);

}  // namespace giro::explorer
