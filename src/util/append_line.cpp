#include "util/append_line.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include "util/failpoint.hpp"

namespace giro {

namespace {
// Where the last whole line ends; -1 when the file cannot be read.
off_t end_of_lines(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return -1;
    std::array<char, 4096> chunk;
    for (off_t end = info.st_size; end > 0;) {
        const auto count = static_cast<std::size_t>(std::min<off_t>(end, chunk.size()));
        const off_t at = end - static_cast<off_t>(count);
        if (::pread(fd, chunk.data(), count, at) != static_cast<ssize_t>(count)) return -1;
        const auto newline = std::string_view(chunk.data(), count).rfind('\n');
        if (newline != std::string_view::npos) return at + static_cast<off_t>(newline) + 1;
        end = at;
    }
    return 0;
}

bool append(int fd, std::string_view line) {
    GIRO_FAILPOINT("line.before");
    const off_t end = end_of_lines(fd);
    const bool written = end >= 0 && ::ftruncate(fd, end) == 0 &&
                         ::pwrite(fd, line.data(), line.size(), end) == static_cast<ssize_t>(line.size());
    GIRO_FAILPOINT("line.written");
    return written && ::fsync(fd) == 0;
}
}  // namespace

Result<void> append_line(const std::filesystem::path& path, std::string_view line) {
    ASSERT(line.find('\n') == line.size() - 1);
    errno = 0;
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const bool appended = fd >= 0 && append(fd, line);
    const int code = errno;
    if (fd >= 0) ::close(fd);
    if (appended) return {};
    const bool full = code == ENOSPC || code == EDQUOT || code == 0;  // 0: a short write
    return fail(full ? Failure::Kind::try_again : Failure::Kind::refused,
                fmt::format("cannot append to {}: {}", path.string(), full ? "the disk is full" : std::strerror(code)));
}

}  // namespace giro
