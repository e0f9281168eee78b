#include "bus/address.hpp"

#include <fmt/format.h>

namespace giro::bus {

namespace {
constexpr std::size_t kUnixPathBytesMax = 107;  // sockaddr_un.sun_path less its zero
}

Result<std::filesystem::path> checked_address(const std::filesystem::path& path) {
    auto whole = std::filesystem::absolute(path);
    if (whole.native().size() <= kUnixPathBytesMax) return whole;
    return fail(Failure::Kind::config,
                fmt::format("{}: longer than the {} bytes a Unix socket allows; use a shorter --dir", whole.string(),
                            kUnixPathBytesMax));
}

}  // namespace giro::bus
