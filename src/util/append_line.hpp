// Files of lines that only grow, one record a line: a crash in mid-write leaves an unfinished last line.
#pragma once

#include <filesystem>
#include <string_view>

#include "giro/result.hpp"

namespace giro {

// Appends `line`, which ends with its only '\n', to `path` (made with 0600 when it is not there) and syncs it. What a
// crash or a full disk left unfinished behind the last '\n' is cut off first, so that it spoils no line after it.
// Failures: try_again when the disk is full, refused otherwise; then at most an unfinished line was added.
[[nodiscard]] Result<void> append_line(const std::filesystem::path& path, std::string_view line);

}  // namespace giro
