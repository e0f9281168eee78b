#include "util/descriptors.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

namespace giro {

Result<void> allow_descriptors(std::size_t wanted, const char* what) {
    rlimit limit{};
    ASSERT(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur >= wanted) return {};
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted) return {};
    return fail(Failure::Kind::config, fmt::format("{} needs {} descriptors and the system allows {}; lower it or raise ulimit -n",
                                                   what, wanted, limit.rlim_max));
}

}  // namespace giro
