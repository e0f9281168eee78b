// What statvfs() tells.
#pragma once

#include <cstdint>

namespace giro::sim {
void set_disk_free(std::uint64_t bytes);
}
