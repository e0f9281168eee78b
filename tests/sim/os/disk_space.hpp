// What statvfs() tells.
#pragma once

#include <cstdint>

namespace giro::sim {
inline constexpr std::uint64_t kDiskRoomy_bytes = std::uint64_t{100} << 30;
void set_disk_free(std::uint64_t bytes);
}
