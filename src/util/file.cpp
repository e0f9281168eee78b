#include "util/file.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
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

// What a process that was killed while it wrote `path` has left beside it: <path>.<its pid>.tmp. Files of processes
// that live are theirs; with a pid that is in use again one stays until the next time.
void remove_leftovers(const std::filesystem::path& folder, const std::filesystem::path& path) {
    const std::string prefix = path.filename().string() + ".";
    constexpr std::string_view kSuffix = ".tmp";
    std::error_code ignored;
    for (std::filesystem::directory_iterator at(folder, ignored), end; !ignored && at != end; at.increment(ignored)) {
        const std::string name = at->path().filename().string();
        if (!name.starts_with(prefix) || !name.ends_with(kSuffix) || name.size() <= prefix.size() + kSuffix.size()) continue;
        const std::string_view digits = std::string_view(name).substr(prefix.size(), name.size() - prefix.size() - kSuffix.size());
        pid_t pid = 0;
        const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
        if (error != std::errc() || rest != digits.data() + digits.size() || pid <= 0) continue;
        if (::kill(pid, 0) != 0 && errno == ESRCH) ::unlink(at->path().c_str());
    }
}

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
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    remove_leftovers(folder, path);
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
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        auto failure = system_failure("cannot rename to", path);
        ::unlink(temporary.c_str());
        return failure;
    }
    GIRO_FAILPOINT("file.renamed");
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
