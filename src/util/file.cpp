#include "util/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include "util/failpoint.hpp"

namespace giro {

namespace {
using Kind = Failure::Kind;

tl::unexpected<Failure> system_failure(std::string_view doing, const std::filesystem::path& path) {
    const int code = errno;
    const Kind kind = code == ENOSPC || code == EDQUOT ? Kind::try_again : Kind::refused;
    return fail(kind, fmt::format("{} {}: {}", doing, path.string(), std::strerror(code)));
}

class Descriptor {
  public:
    explicit Descriptor(int fd) noexcept : m_fd(fd) {}
    ~Descriptor() { if (m_fd >= 0) ::close(m_fd); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const noexcept { return m_fd; }

  private:
    int m_fd;
};

bool write_all(int fd, Bytes data) noexcept {
    while (!data.empty()) {
        const ssize_t n = ::write(fd, data.data(), data.size());
        if (n < 0 && errno != EINTR) return false;
        if (n > 0) data = data.subspan(static_cast<std::size_t>(n));
    }
    return true;
}
}  // namespace

Result<Buffer> read_file(const std::filesystem::path& path, std::size_t bytes_max) {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) return system_failure("cannot open", path);
    Buffer out;
    for (;;) {
        const std::size_t at = out.size();
        out.resize(at + 65536);
        const ssize_t n = ::read(fd.get(), out.data() + at, 65536);
        if (n < 0 && errno == EINTR) { out.resize(at); continue; }
        if (n < 0) return system_failure("cannot read", path);
        out.resize(at + static_cast<std::size_t>(n));
        if (out.size() > bytes_max)
            return fail(Kind::refused, fmt::format("{} is larger than {} bytes", path.string(), bytes_max));
        if (n == 0) return out;
    }
}

Result<void> write_file_atomic(const std::filesystem::path& path, Bytes data, unsigned mode) {
    auto temporary = path;
    temporary += fmt::format(".{}.tmp", ::getpid());
    {
        const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
        if (fd.get() < 0) return system_failure("cannot create", temporary);
        GIRO_FAILPOINT("file.created");
        if (::fchmod(fd.get(), mode) != 0 || !write_all(fd.get(), data) || ::fsync(fd.get()) != 0) {
            auto failure = system_failure("cannot write", temporary);
            ::unlink(temporary.c_str());
            return failure;
        }
    }
    GIRO_FAILPOINT("file.synced");
    if (::rename(temporary.c_str(), path.c_str()) != 0) return system_failure("cannot rename to", path);
    GIRO_FAILPOINT("file.renamed");
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0 || ::fsync(directory.get()) != 0) return system_failure("cannot sync", folder);
    return {};
}

Result<FileLock> FileLock::acquire(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return system_failure("cannot open", path);
    FileLock lock(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
        return fail(Kind::try_again, fmt::format("{} is locked: this box is running already", path.string()));
    return lock;
}

FileLock::~FileLock() {
    if (m_fd >= 0) ::close(m_fd);
}

}  // namespace giro
