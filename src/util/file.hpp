// Small files: read whole, replace atomically, lock.
#pragma once

#include <filesystem>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro {

// The whole file; refuses more than `bytes_max`.
[[nodiscard]] Result<Buffer> read_file(const std::filesystem::path& path, std::size_t bytes_max = 64U << 20);
// Writes a temporary file beside it, fsyncs, renames over `path`, fsyncs the folder: after a crash the old or the new, and
// perhaps the temporary one, which the next write of `path` removes.
[[nodiscard]] Result<void> write_file_atomic(const std::filesystem::path& path, Bytes data, unsigned mode = 0600);

// An exclusive flock(2) on `path`, held until destroyed. Failure::try_again when another process has it.
class FileLock {
  public:
    [[nodiscard]] static Result<FileLock> acquire(const std::filesystem::path& path);
    FileLock(FileLock&& other) noexcept : m_fd(other.m_fd) { other.m_fd = -1; }
    FileLock& operator=(FileLock&&) = delete;
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;
    ~FileLock();

  private:
    explicit FileLock(int fd) noexcept : m_fd(fd) {}
    int m_fd;
};

}  // namespace giro
