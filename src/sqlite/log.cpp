#include "sqlite/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "giro/types.hpp"

namespace giro::sqlite {

namespace {
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

struct FreeName {
    void operator()(const char* name) const noexcept { sqlite3_free_filename(const_cast<char*>(name)); }
};

// A file opened through SQLite's own layer over the operating system, as SQLite opens it.
class LogFile {
  public:
    LogFile(sqlite3_vfs* vfs, const char* name) : m_memory(static_cast<std::size_t>(vfs->szOsFile)) {
        m_code = vfs->xOpen(vfs, name, file(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, nullptr);
    }
    ~LogFile() {
        if (file()->pMethods != nullptr) file()->pMethods->xClose(file());
    }
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

    [[nodiscard]] int sync() {
        return m_code == SQLITE_OK ? file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL) : m_code;
    }

    // Every byte, in place.
    [[nodiscard]] int write_again() {
        if (m_code != SQLITE_OK) return m_code;
        const sqlite3_io_methods& io = *file()->pMethods;
        sqlite3_int64 size = 0;
        int code = io.xFileSize(file(), &size);
        Buffer chunk(kChunkBytes);
        for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size;) {
            const int count = static_cast<int>(std::min<sqlite3_int64>(size - at, kChunkBytes));
            code = io.xRead(file(), chunk.data(), count, at);
            if (code == SQLITE_OK) code = io.xWrite(file(), chunk.data(), count, at);
            at += count;
        }
        return code;
    }

  private:
    sqlite3_file* file() noexcept { return reinterpret_cast<sqlite3_file*>(m_memory.data()); }
    std::vector<std::max_align_t>
        m_memory;  // szOsFile bytes are enough; aligned as malloc's, which SQLite gives itself
    int m_code = SQLITE_OK;
};

std::filesystem::path marker_of(std::filesystem::path database) {
    return database += ".unsynced";
}

int make_durable(sqlite3_vfs* vfs, const char* log, const std::filesystem::path& marker) {
    LogFile file(vfs, log);
    std::error_code ignored;  // a marker that cannot be read or removed costs a rewrite
    const bool again = std::filesystem::exists(marker, ignored);
    int code = again ? file.write_again() : SQLITE_OK;
    if (code == SQLITE_OK) code = file.sync();
    if (code == SQLITE_OK && again) std::filesystem::remove(marker, ignored);
    return code;
}
}  // namespace

void note_write_failure(const std::filesystem::path& database, int code) noexcept {
    if (code != SQLITE_IOERR_FSYNC) return;
    const int fd = ::open(marker_of(database).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd);
}

Result<void> make_log_durable(const std::filesystem::path& database) {
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    const std::string db = std::filesystem::absolute(database).string();
    const std::unique_ptr<const char, FreeName> name(
        sqlite3_create_filename(db.c_str(), (db + "-journal").c_str(), (db + "-wal").c_str(), 0, nullptr));
    if (vfs == nullptr || !name) return fail(Failure::Kind::refused, "SQLite cannot start: out of memory");
    const char* log = sqlite3_filename_wal(name.get());
    int there = 0;
    int code = vfs->xAccess(vfs, log, SQLITE_ACCESS_EXISTS, &there);
    if (code == SQLITE_OK && there != 0) code = make_durable(vfs, log, marker_of(database));
    if (code == SQLITE_OK) return {};
    return fail(Failure::Kind::refused,
                fmt::format("cannot make {} durable: {} (SQLite {}); check the disk", log, sqlite3_errstr(code), code));
}

}  // namespace giro::sqlite
