// JournalReader and verify(): read-only connections beside the writer, in any process.
#include <fmt/format.h>

#include <limits>

#include "journal/journal.hpp"
#include "journal/scan.hpp"

namespace giro::journal {

class JournalReader::Impl {
  public:
    explicit Impl(Database database) noexcept : db(std::move(database)) {}
    Database db;
    std::optional<Head> seen;  // the last batch that was checked here
};

JournalReader::JournalReader(std::unique_ptr<Impl> impl) noexcept : m_impl(std::move(impl)) {}
JournalReader::JournalReader(JournalReader&&) noexcept = default;
JournalReader& JournalReader::operator=(JournalReader&&) noexcept = default;
JournalReader::~JournalReader() = default;

namespace {
Result<Database> open_database(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
        return fail(Failure::Kind::not_provisioned, fmt::format("there is no journal {}: run giro init", path.string()));
    auto db = Database::open(path.string(), SQLITE_OPEN_READONLY);
    if (!db) return db;
    // The writer alone checkpoints (SQLite 3.40's WAL-reset bug needs two that do).
    sqlite3_db_config(db->get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    const auto format = check_format(*db);
    if (!format) return tl::unexpected(format.error());
    if (format->empty)
        return fail(Failure::Kind::not_provisioned, fmt::format("journal {} is empty: run giro init", path.string()));
    return db;
}

// What is read within its life is read of one moment of the journal, whatever the writer does meanwhile.
class ReadTransaction {
  public:
    // Within another one (a callback that reads too) that one's moment goes on.
    explicit ReadTransaction(Database& db)
        : m_db(db), m_own(sqlite3_get_autocommit(db.get()) != 0 && db.run("BEGIN") == SQLITE_OK) {}
    ~ReadTransaction() {
        if (m_own) static_cast<void>(m_db.run("ROLLBACK"));  // nothing was written: it cannot fail
    }
    ReadTransaction(const ReadTransaction&) = delete;
    ReadTransaction& operator=(const ReadTransaction&) = delete;

  private:
    Database& m_db;
    bool m_own;
};
}  // namespace

Result<JournalReader> JournalReader::open(const std::filesystem::path& path) {
    auto db = open_database(path);
    if (!db) return tl::unexpected(db.error());
    return JournalReader(std::make_unique<Impl>(std::move(*db)));
}

Result<std::size_t> JournalReader::read_from(std::uint64_t from_seq, std::size_t limit, const EntryCallback& callback) {
    const ReadTransaction one_moment(m_impl->db);
    if (m_impl->seen) {
        const auto hash = stored_hash_at(m_impl->db, m_impl->seen->seq);
        if (!hash) return tl::unexpected(hash.error());
        if (*hash != m_impl->seen->hash)
            return fail(Failure::Kind::refused,
                        fmt::format("journal {}: entry {} is not the one that was read before: it was not durable then, or "
                                    "somebody changed it (giro journal verify)",
                                    m_impl->db.path(), m_impl->seen->seq));
    }
    auto report = scan(m_impl->db, from_seq, limit, callback);
    if (!report) return tl::unexpected(report.error());
    if (report->batches > 0) m_impl->seen = report->checked;
    return static_cast<std::size_t>(report->entries);
}

Result<Head> JournalReader::head() { return stored_head(m_impl->db); }

Result<std::optional<Hash256>> JournalReader::hash_at(std::uint64_t seq) { return stored_hash_at(m_impl->db, seq); }

std::optional<Head> JournalReader::checked() const { return m_impl->seen; }

Result<VerifyReport> verify(const std::filesystem::path& path, std::uint64_t from_seq,
                            const std::optional<Head>& expected) {
    auto db = open_database(path);
    if (!db) return tl::unexpected(db.error());
    const auto nothing = [](const Entry&) -> Result<void> { return {}; };
    auto report = scan(*db, from_seq, std::numeric_limits<std::uint64_t>::max(), nothing);
    if (!report) return tl::unexpected(report.error());
    if (expected)
        if (auto ok = check_holds(*db, *expected); !ok) return tl::unexpected(ok.error());
    auto head = stored_head(*db);
    if (!head) return tl::unexpected(head.error());
    return VerifyReport{report->first_seq, report->last_seq, report->entries, report->batches, *head};
}

}  // namespace giro::journal
