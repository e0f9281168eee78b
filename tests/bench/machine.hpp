// What the figures were taken on, and of what: without it they say nothing.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace bench {

// CPU model, cores, memory, kernel, and the disk and file system that hold `folder`.
[[nodiscard]] nlohmann::json machine(const std::filesystem::path& folder);
// Compiler, libraries (Debian's package versions) and the commit; "+ changes" when the tree differs from it.
[[nodiscard]] nlohmann::json versions();

}  // namespace bench
