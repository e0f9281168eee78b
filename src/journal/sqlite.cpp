// SQLite handles; see sqlite.hpp.
#include "journal/sqlite.hpp"

#include <fmt/format.h>

namespace giro::journal {

namespace {
constexpr int kBusyTimeoutMs = 5'000;  // a reader waits this long for another's recovery of the write-ahead log
constexpr int kPrimaryCode = 0xff;     // the part of an extended result code that names the class
}  // namespace

void Statement::bind(int at, Bytes bytes) {
    // A null pointer would bind NULL, not an empty blob.
    const void* data = bytes.empty() ? static_cast<const void*>("") : bytes.data();
    sqlite3_bind_blob64(get(), at, data, bytes.size(), SQLITE_STATIC);
}

Bytes Statement::blob(int column) const {
    const void* data = sqlite3_column_blob(get(), column);
    if (data == nullptr) return {};  // also when it has no byte
    return {static_cast<const std::byte*>(data), static_cast<std::size_t>(sqlite3_column_bytes(get(), column))};
}

std::string Statement::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(get(), column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(get(), column))};  // NULL: no byte of no address
}

Result<Database> Database::open(const std::string& path, int flags) {
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    Database db(handle, path);
    if (code != SQLITE_OK) return db.failure(code, "cannot open");
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, kBusyTimeoutMs);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    return db;
}

Result<Statement> Database::prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return failure(code, "cannot read");
    return Statement(statement);
}

tl::unexpected<Failure> Database::failure(int code, std::string_view doing) const {
    using Kind = Failure::Kind;
    switch (code & kPrimaryCode) {
        case SQLITE_NOTADB:
            return fail(Kind::integrity, fmt::format("{} is not a journal: restore it from a backup", m_path));
        case SQLITE_CORRUPT:
            return fail(Kind::integrity,
                        fmt::format("{} is damaged: SQLite cannot read its pages; stop, keep the file as evidence, and restore "
                                    "it from the cluster or a backup",
                                    m_path));
        case SQLITE_FULL:
            return fail(Kind::try_again, fmt::format("{} {}: the disk is full; free some space", doing, m_path));
        case SQLITE_BUSY:
            return fail(Kind::try_again, fmt::format("{} {}: another program holds it", doing, m_path));
        default:
            return fail(Kind::refused, fmt::format("{} {}: {} (SQLite {})", doing, m_path, sqlite3_errstr(code), code));
    }
}

}  // namespace giro::journal
