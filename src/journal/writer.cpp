// Journal: the one connection that writes and checkpoints. A batch is one SQL transaction: its entries, its hash, a
// commit that is on the disk (synchronous=FULL) before append() returns.
#include <fmt/format.h>

#include <limits>

#include "journal/format.hpp"
#include "journal/journal.hpp"
#include "journal/scan.hpp"
#include "sqlite/log.hpp"
#include "util/failpoint.hpp"
#include "util/file.hpp"

namespace giro::journal {

namespace {
using Kind = Failure::Kind;

constexpr std::uint64_t kTimeNsMax = std::numeric_limits<std::int64_t>::max();  // SQLite's integers: until 2262

// page_size counts on creation only. The cache holds the tail of two append-only tables: small is enough.
constexpr const char* kPragmas =
    "PRAGMA page_size=4096;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA wal_autocheckpoint=0;"    // checkpoint() is called between batches instead
    "PRAGMA journal_size_limit=-1;"   // the log is overwritten, never truncated: growing it again costs each commit
    "PRAGMA mmap_size=0;"
    "PRAGMA cache_size=-4096;"
    "PRAGMA temp_store=MEMORY;";

// All in one transaction: after a crash the file is empty still, and the next start creates it.
Result<void> create_tables(Database& db, const ByteArray<16>& journal_id) {
    std::string sql = fmt::format("BEGIN IMMEDIATE; PRAGMA application_id={}; PRAGMA user_version={};", kApplicationId,
                                  kFormatVersion);
    for (const Table& table : kSchema) sql += fmt::format("{};", table.sql);
    if (const int code = db.run(sql.c_str()); code != SQLITE_OK) return db.failure(code, "cannot create");
    auto insert = db.prepare("INSERT INTO batches(last_seq, first_seq, time_ns, hash) VALUES(0, 0, 0, ?1)");
    if (!insert) return tl::unexpected(insert.error());
    const Hash256 genesis = genesis_hash(journal_id);
    insert->bind(1, Bytes(genesis));
    if (const int code = insert->step(); code != SQLITE_DONE) return db.failure(code, "cannot create");
    insert->reset();
    if (const int code = db.run("COMMIT"); code != SQLITE_OK) return db.failure(code, "cannot create");
    return {};
}
}  // namespace

class Journal::Impl {
  public:
    Impl(FileLock file_lock, Database database, const Options& opts)
        : lock(std::move(file_lock)), db(std::move(database)), options(opts) {}

    Result<void> start(bool empty);
    Result<std::uint64_t> append(std::span<const EntryView> entries, std::uint64_t time_ns);
    Result<void> checkpoint();
    [[nodiscard]] bool checkpoint_due(bool idle) const noexcept {
        const std::uint32_t pages = idle ? options.idle_checkpoint_pages : options.checkpoint_pages;
        // Held back by a reader the last time: try again a quarter later.
        return wal_pages >= (held_back_pages == 0 ? pages : held_back_pages + pages / 4);
    }

    FileLock lock;
    Database db;
    Options options;
    Head head;
    bool stopped = false;  // the disk failed: nothing may be written any more

  private:
    Result<void> prepare();
    Result<void> check_tail();
    Result<void> insert(std::span<const EntryView> entries, std::uint64_t time_ns, Head& next);
    tl::unexpected<Failure> write_failure(int code);
    tl::unexpected<Failure> stop(int code, std::string_view doing);
    static int on_commit(void* self, sqlite3*, const char*, int pages) {
        static_cast<Impl*>(self)->wal_pages = static_cast<std::uint32_t>(pages);
        return SQLITE_OK;
    }

    Statement begin, commit, insert_entry, insert_batch;
    BatchHasher hasher;
    std::uint32_t wal_pages = 0;
    std::uint32_t held_back_pages = 0;  // what was in the log when a reader kept some of it from being copied
};

Result<void> Journal::Impl::prepare() {
    const std::pair<Statement*, const char*> statements[] = {
        {&begin, "BEGIN IMMEDIATE"},
        {&commit, "COMMIT"},
        {&insert_entry, "INSERT INTO entries(seq, kind, crc, body) VALUES(?1, ?2, ?3, ?4)"},
        {&insert_batch, "INSERT INTO batches(last_seq, first_seq, time_ns, hash) VALUES(?1, ?2, ?3, ?4)"},
    };
    for (const auto& [statement, sql] : statements) {
        auto prepared = db.prepare(sql);
        if (!prepared) return tl::unexpected(prepared.error());
        *statement = std::move(*prepared);
    }
    return {};
}

// The last batch is whole, and no entry lies after it. The rest is checked when it is read.
Result<void> Journal::Impl::check_tail() {
    auto stored = stored_head(db);
    if (!stored) return tl::unexpected(stored.error());
    const auto nothing = [](const Entry&) -> Result<void> { return {}; };
    auto report = scan(db, stored->seq, std::numeric_limits<std::uint64_t>::max(), nothing);
    if (!report) return tl::unexpected(report.error());
    head = *stored;
    return {};
}

Result<void> Journal::Impl::start(bool empty) {
    if (const int code = db.run(kPragmas); code != SQLITE_OK) return db.failure(code, "cannot open");
    int keep = 1;  // the log stays when the writer closes: readers open read-only and could not create it
    sqlite3_file_control(db.get(), "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    if (options.pages_max != 0) {
        const auto sql = fmt::format("PRAGMA max_page_count={}", options.pages_max);
        if (const int code = db.run(sql.c_str()); code != SQLITE_OK) return db.failure(code, "cannot open");
    }
    if (empty)
        if (auto ok = create_tables(db, options.journal_id); !ok) return ok;
    sqlite3_wal_hook(db.get(), &Impl::on_commit, this);
    if (auto ok = prepare(); !ok) return ok;
    return check_tail();
}

tl::unexpected<Failure> Journal::Impl::stop(int code, std::string_view doing) {
    stopped = true;
    sqlite::note_write_failure(db.path(), code);
    return fail(Kind::refused, fmt::format("{} {}: {} (SQLite {}); what was written after entry {} is not known: stop, "
                                           "check the disk, start again",
                                           doing, db.path(), sqlite3_errstr(code), code, head.seq));
}

// Nothing of the batch stays. Only a full disk is survived: then SQLite has written no commit.
tl::unexpected<Failure> Journal::Impl::write_failure(int code) {
    for (Statement* statement : {&begin, &commit, &insert_entry, &insert_batch}) statement->reset();
    // SQLite may have ended the transaction itself. If this cannot, the next BEGIN fails, and that stops the journal.
    if (sqlite3_get_autocommit(db.get()) == 0) static_cast<void>(db.run("ROLLBACK"));
    if (code != SQLITE_FULL) return stop(code, "cannot write");
    return fail(Kind::try_again, fmt::format("disk full: {} bytes needed at {}; free some space, nothing was written",
                                             hasher.bytes().size(), db.path()));
}

// Everything between BEGIN and COMMIT.
Result<void> Journal::Impl::insert(std::span<const EntryView> entries, std::uint64_t time_ns, Head& next) {
    std::uint64_t seq = head.seq;
    hasher.begin();
    for (const EntryView& entry : entries) {
        const auto added = hasher.add(++seq, entry.kind, entry.body);
        insert_entry.bind(1, seq);
        insert_entry.bind(2, std::uint64_t{entry.kind});
        insert_entry.bind(3, std::uint64_t{added.crc});
        insert_entry.bind(4, entry.body);
        const int code = insert_entry.step();
        insert_entry.reset();
        if (code != SQLITE_DONE) return write_failure(code);
    }
    GIRO_FAILPOINT("journal.entries.inserted");
    next = {seq, hasher.finish(head.hash, head.seq + 1, seq, time_ns)};
    insert_batch.bind(1, next.seq);
    insert_batch.bind(2, head.seq + 1);
    insert_batch.bind(3, time_ns);
    insert_batch.bind(4, Bytes(next.hash));
    const int code = insert_batch.step();
    insert_batch.reset();
    if (code != SQLITE_DONE) return write_failure(code);
    return {};
}

Result<std::uint64_t> Journal::Impl::append(std::span<const EntryView> entries, std::uint64_t time_ns) {
    ASSERT(!entries.empty() && entries.size() <= kBatchEntriesMax && time_ns <= kTimeNsMax);
    std::size_t bytes = 0;
    for (const EntryView& entry : entries) {
        ASSERT(entry.body.size() <= kBodyBytesMax);
        bytes += entry.body.size();
    }
    ASSERT(bytes <= kBatchBytesMax);
    if (stopped)
        return fail(Kind::refused, fmt::format("journal {} has stopped after entry {}: start again", db.path(), head.seq));
    const int begun = begin.step();
    begin.reset();
    if (begun != SQLITE_DONE) return write_failure(begun);
    Head next;
    if (auto ok = insert(entries, time_ns, next); !ok) return tl::unexpected(ok.error());
    GIRO_FAILPOINT("journal.commit.before");
    const int committed = commit.step();
    GIRO_FAILPOINT("journal.commit.after");
    commit.reset();
    if (committed != SQLITE_DONE) return write_failure(committed);
    head = next;
    return head.seq;
}

Result<void> Journal::Impl::checkpoint() {
    if (stopped)
        return fail(Kind::refused, fmt::format("journal {} has stopped after entry {}: start again", db.path(), head.seq));
    GIRO_FAILPOINT("journal.checkpoint.before");
    int in_log = 0, copied = 0;
    const int code = sqlite3_wal_checkpoint_v2(db.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
    if (code == SQLITE_FULL)
        return fail(Kind::try_again, fmt::format("disk full: {} pages needed at {}; free some space, nothing was lost",
                                                 in_log, db.path()));
    if (code != SQLITE_OK && code != SQLITE_BUSY) return stop(code, "cannot checkpoint");
    GIRO_FAILPOINT("journal.checkpoint.after");
    if (code == SQLITE_OK && in_log == copied) wal_pages = 0;  // the next commit starts the log over
    held_back_pages = wal_pages;
    return {};
}

Journal::Journal(std::unique_ptr<Impl> impl) noexcept : m_impl(std::move(impl)) {}
Journal::Journal(Journal&&) noexcept = default;
Journal& Journal::operator=(Journal&&) noexcept = default;
Journal::~Journal() = default;

Result<Journal> Journal::open(const std::filesystem::path& path, const Options& options) {
    auto lock_path = path;
    lock_path += ".lock";
    std::error_code ignored;
    const bool exists = std::filesystem::exists(path, ignored);
    if (!exists && !options.create)
        return fail(Kind::not_provisioned, fmt::format("there is no journal {}: run giro init", path.string()));
    auto lock = FileLock::acquire(lock_path);
    if (!lock) return tl::unexpected(lock.error());
    if (!exists)  // empty, for its owner alone, and durable before SQLite sees it
        if (auto ok = write_file_atomic(path, {}); !ok) return tl::unexpected(ok.error());
    if (auto ok = sqlite::make_log_durable(path); !ok) return tl::unexpected(ok.error());
    auto db = Database::open(path.string(), SQLITE_OPEN_READWRITE);
    if (!db) return tl::unexpected(db.error());
    const auto format = check_format(*db);
    if (!format) return tl::unexpected(format.error());
    if (format->empty && !options.create)
        return fail(Kind::not_provisioned, fmt::format("journal {} is empty: run giro init", path.string()));
    auto impl = std::make_unique<Impl>(std::move(*lock), std::move(*db), options);
    if (auto ok = impl->start(format->empty); !ok) {
        sqlite::note_write_failure(path, sqlite3_extended_errcode(impl->db.get()));
        return tl::unexpected(ok.error());
    }
    return Journal(std::move(impl));
}

Result<std::uint64_t> Journal::append(std::span<const EntryView> entries, std::uint64_t time_ns) {
    return m_impl->append(entries, time_ns);
}
bool Journal::checkpoint_due(bool idle) const noexcept { return m_impl->checkpoint_due(idle); }
Result<void> Journal::checkpoint() { return m_impl->checkpoint(); }
const Head& Journal::head() const noexcept { return m_impl->head; }

Result<void> Journal::read(std::uint64_t from_seq, const EntryCallback& callback) {
    auto report = scan(m_impl->db, from_seq, std::numeric_limits<std::uint64_t>::max(), callback);
    if (!report) return tl::unexpected(report.error());
    return {};
}
Result<std::optional<Hash256>> Journal::hash_at(std::uint64_t seq) { return stored_hash_at(m_impl->db, seq); }

}  // namespace giro::journal
