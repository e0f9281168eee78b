// SQLite handles that close themselves. Internal to the journal; errors stay SQLite's result codes until the caller,
// who knows the sequence number, makes a Failure of them.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::journal {

class Statement {
  public:
    explicit Statement(sqlite3_stmt* statement = nullptr) noexcept : m_statement(statement) {}

    void bind(int at, std::uint64_t value) { sqlite3_bind_int64(get(), at, static_cast<sqlite3_int64>(value)); }
    // `bytes` must stay in place until reset().
    void bind(int at, Bytes bytes);
    // SQLITE_ROW, SQLITE_DONE or an extended error code.
    [[nodiscard]] int step() { return sqlite3_step(get()); }
    int reset() { return sqlite3_reset(get()); }
    [[nodiscard]] bool is_integer(int column) const { return type(column) == SQLITE_INTEGER; }
    [[nodiscard]] bool is_blob(int column) const { return type(column) == SQLITE_BLOB; }
    [[nodiscard]] std::uint64_t integer(int column) const {
        return static_cast<std::uint64_t>(sqlite3_column_int64(get(), column));
    }
    [[nodiscard]] Bytes blob(int column) const;  // good until the next step or reset
    [[nodiscard]] std::string text(int column) const;

  private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };
    [[nodiscard]] sqlite3_stmt* get() const noexcept { return m_statement.get(); }
    [[nodiscard]] int type(int column) const { return sqlite3_column_type(get(), column); }
    std::unique_ptr<sqlite3_stmt, Finalize> m_statement;
};

// Resets a statement at the end of a scope, so that no read transaction stays open behind it.
class ResetAtEnd {
  public:
    explicit ResetAtEnd(Statement& statement) noexcept : m_statement(statement) {}
    ~ResetAtEnd() { m_statement.reset(); }
    ResetAtEnd(const ResetAtEnd&) = delete;
    ResetAtEnd& operator=(const ResetAtEnd&) = delete;

  private:
    Statement& m_statement;
};

class Database {
  public:
    // `flags`: SQLITE_OPEN_READONLY or SQLITE_OPEN_READWRITE. Hardened: no triggers, no views, no trusted schema.
    [[nodiscard]] static Result<Database> open(const std::string& path, int flags);

    [[nodiscard]] int run(const char* sql) { return sqlite3_exec(get(), sql, nullptr, nullptr, nullptr); }
    // Failure as of failure() when the statement cannot be prepared: a damaged or foreign file.
    [[nodiscard]] Result<Statement> prepare(const char* sql);
    [[nodiscard]] sqlite3* get() const noexcept { return m_db.get(); }
    [[nodiscard]] const std::string& path() const noexcept { return m_path; }
    // The Failure for a result code: integrity for a damaged or foreign file, try_again when full or busy, else refused.
    [[nodiscard]] tl::unexpected<Failure> failure(int code, std::string_view doing) const;

  private:
    struct Close {
        void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
    };
    Database(sqlite3* db, std::string path) noexcept : m_db(db), m_path(std::move(path)) {}
    std::unique_ptr<sqlite3, Close> m_db;
    std::string m_path;
};

}  // namespace giro::journal
