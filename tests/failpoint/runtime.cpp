// What the failpoints of the test's programs do. A test arms a name by making the file $GIRO_FAILPOINTS_DIR/<name>; who
// passes there first renames it to <name>.hit.<program>, so that it happens once, and dies or loses its message. Where the file
// says "stop", it stands still there instead, until the test has it go on or kills it.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "util/failpoint.hpp"

namespace giro::failpoint {

bool fires(const char* name) noexcept {
    static const char* const folder = std::getenv("GIRO_FAILPOINTS_DIR");
    if (folder == nullptr) return false;
    char armed[512], hit[512];
    const char* bare = std::strchr(name, ':') + 1;
    std::snprintf(armed, sizeof armed, "%s/%s", folder, bare);
    std::snprintf(hit, sizeof hit, "%s/%s.hit.%s", folder, bare, program_invocation_short_name);
    if (std::rename(armed, hit) != 0) return false;
    char first = 0;
    const int fd = ::open(hit, O_RDONLY | O_CLOEXEC);
    const bool stops = fd >= 0 && ::read(fd, &first, 1) == 1 && first == 's';
    if (fd >= 0) ::close(fd);
    if (stops) ::kill(::getpid(), SIGSTOP);
    return !stops;
}

void reached(const char* name) noexcept {
    if (fires(name)) ::kill(::getpid(), SIGKILL);
}

}  // namespace giro::failpoint
