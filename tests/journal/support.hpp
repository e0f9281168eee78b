// What the journal's tests share: a folder that goes away, short appends, and an attacker with SQLite's own library.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "journal/journal.hpp"

namespace giro::journal {

class TempFolder {
  public:
    TempFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "giro-journal-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        m_path = name;
    }
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    [[nodiscard]] std::filesystem::path file(const char* name = "journal.db") const { return m_path / name; }

  private:
    std::filesystem::path m_path;
};

inline Journal open_new(const std::filesystem::path& path, Options options = {}) {
    options.create = true;
    auto opened = Journal::open(path, options);
    REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().what));
    return std::move(*opened);
}

// A batch of entries "<first>", "<first+1>", ... of kind = seq modulo 5.
inline Result<std::uint64_t> append_numbers(Journal& log, std::uint64_t first, std::size_t count) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) texts.push_back("entry " + std::to_string(first + i));
    std::vector<EntryView> batch;
    for (std::size_t i = 0; i < count; ++i) batch.push_back({static_cast<std::uint16_t>((first + i) % 5), as_bytes(texts[i])});
    return log.append(batch, 1'000 * first);
}

// Entries 1 to 10, 11 to 20, ... `batches` times ten.
inline void fill(Journal& log, std::size_t batches) {
    for (std::size_t i = 0; i < batches; ++i) REQUIRE(append_numbers(log, log.head().seq + 1, 10));
}

inline EntryCallback nothing() {
    return [](const Entry&) -> Result<void> { return {}; };
}

// Runs SQL on the file as somebody who is not the journal would.
inline void attack(const std::filesystem::path& path, const std::string& sql) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    char* error = nullptr;
    const int code = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error);
    REQUIRE_MESSAGE(code == SQLITE_OK, (error ? error : ""));
    sqlite3_close(db);
}

inline bool says(const Failure& failure, std::string_view words) {
    const bool found = failure.what.find(words) != std::string::npos;
    if (!found) MESSAGE(failure.what);
    return found && failure.what.find('\n') == std::string::npos;
}

}  // namespace giro::journal
