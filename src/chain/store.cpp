#include "chain/store.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include "sqlite/log.hpp"
#include "util/failpoint.hpp"
#include "util/file.hpp"

namespace giro::chain {

namespace {
constexpr int kFormat = 1;  // PRAGMA user_version
constexpr const char* kSchema =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE meta(challenge BLOB NOT NULL, block_spacing_s INTEGER NOT NULL);"
    "CREATE TABLE blocks(seq INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, raw BLOB NOT NULL);";

struct CloseDb {
    void operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
};
struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
using Db = std::unique_ptr<sqlite3, CloseDb>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

Statement prepare(sqlite3* db, const char* sql) {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(db, sql, -1, &statement, nullptr);
    return Statement(statement);
}

bool run(sqlite3* db, const char* sql) {
    return sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

void bind_blob(sqlite3_stmt* statement, int index, Bytes blob) {
    sqlite3_bind_blob64(statement, index, blob.data(), blob.size(), SQLITE_TRANSIENT);
}

Bytes column_blob(sqlite3_stmt* statement, int column) {
    const void* data = sqlite3_column_blob(statement, column);
    return {static_cast<const std::byte*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
}

tl::unexpected<Failure> broken(const std::filesystem::path& path, std::string_view why) {
    return fail(Failure::Kind::integrity,
                fmt::format("{}: {}; restore it from a backup or remove it to begin a new chain", path.string(), why));
}
}  // namespace

struct ChainStore::Impl {
    std::filesystem::path path;
    ChainParams params;
    FileLock lock;  // before db: released last
    Db db;
    std::uint64_t count = 0;

    Impl(std::filesystem::path p, ChainParams c, FileLock l, Db d)
        : path(std::move(p)), params(std::move(c)), lock(std::move(l)), db(std::move(d)) {}

    // The one integer that `sql` asks for.
    Result<std::int64_t> integer_of(const char* sql) const {
        const Statement statement = prepare(db.get(), sql);
        if (!statement || sqlite3_step(statement.get()) != SQLITE_ROW) return unreadable("not a chain database");
        return sqlite3_column_int64(statement.get(), 0);
    }

    // `broken` where what was read is wrong. A disk that cannot be read is not that: nobody shall remove a good chain.
    [[nodiscard]] tl::unexpected<Failure> unreadable(std::string_view why) const {
        switch (sqlite3_errcode(db.get())) {
            case SQLITE_ERROR:  // a table or a column that is not there
            case SQLITE_CORRUPT:
            case SQLITE_NOTADB:
            case SQLITE_ROW:
            case SQLITE_DONE: return broken(path, why);
            default: return failed("cannot read");
        }
    }

    Result<void> create() {
        const bool begun = run(db.get(), kSchema);
        const Statement insert = prepare(db.get(), "INSERT INTO meta VALUES(?, ?)");
        if (!begun || !insert) return failed("cannot create");
        bind_blob(insert.get(), 1, params.challenge);
        sqlite3_bind_int64(insert.get(), 2, params.block_spacing_s);
        if (sqlite3_step(insert.get()) != SQLITE_DONE) return failed("cannot create");
        sqlite3_reset(insert.get());
        if (!run(db.get(), fmt::format("PRAGMA user_version={}; COMMIT", kFormat).c_str()))
            return failed("cannot create");
        return {};
    }

    Result<void> check() {
        const Statement meta = prepare(db.get(), "SELECT challenge, block_spacing_s FROM meta");
        if (!meta || sqlite3_step(meta.get()) != SQLITE_ROW) return unreadable("no chain parameters in it");
        const Bytes challenge = column_blob(meta.get(), 0);
        if (!std::ranges::equal(challenge, params.challenge) ||
            sqlite3_column_int64(meta.get(), 1) != std::int64_t{params.block_spacing_s})
            return fail(Failure::Kind::config, fmt::format("{}: holds another chain than the configured challenge and "
                                                           "block spacing; check the configuration",
                                                           path.string()));
        const auto blocks = integer_of("SELECT count(*) FROM blocks");
        if (!blocks) return tl::unexpected<Failure>(blocks.error());
        count = static_cast<std::uint64_t>(*blocks);
        return {};
    }

    [[nodiscard]] tl::unexpected<Failure> failed(std::string_view what) const {
        return fail(Failure::Kind::try_again, fmt::format("{}: {}: {}", path.string(), what, sqlite3_errmsg(db.get())));
    }
};

ChainStore::ChainStore(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
ChainStore::ChainStore(ChainStore&&) noexcept = default;
ChainStore& ChainStore::operator=(ChainStore&&) noexcept = default;
ChainStore::~ChainStore() = default;

Result<ChainStore> ChainStore::open(const std::filesystem::path& path, const ChainParams& params) {
    auto lock = FileLock::acquire(path.string() + ".lock");
    if (!lock) return tl::unexpected<Failure>(lock.error());
    if (auto durable = sqlite::make_log_durable(path); !durable) return tl::unexpected<Failure>(durable.error());
    sqlite3* handle = nullptr;
    const int opened = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    Db db(handle);
    if (opened != SQLITE_OK)
        return fail(Failure::Kind::try_again,
                    fmt::format("{}: cannot open: {}", path.string(), sqlite3_errstr(opened)));
    auto impl = std::make_unique<Impl>(path, params, std::move(*lock), std::move(db));
    if (!run(impl->db.get(), "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"))
        return impl->unreadable("not a chain database");
    const auto format = impl->integer_of("PRAGMA user_version");
    if (!format) return tl::unexpected<Failure>(format.error());
    if (*format == 0) {
        if (const auto created = impl->create(); !created) return tl::unexpected<Failure>(created.error());
    } else if (*format != kFormat) {
        return broken(path, fmt::format("format {} is not {}", *format, kFormat));
    }
    if (const auto checked = impl->check(); !checked) return tl::unexpected<Failure>(checked.error());
    return ChainStore(std::move(impl));
}

Result<ChainState> ChainStore::replay() const {
    ChainState chain(m_impl->params);
    const Statement rows = prepare(m_impl->db.get(), "SELECT seq, raw FROM blocks ORDER BY seq");
    if (!rows) return m_impl->unreadable("no blocks table");
    std::int64_t expected = 1;
    int step = SQLITE_ROW;
    for (; (step = sqlite3_step(rows.get())) == SQLITE_ROW; ++expected) {
        const std::int64_t seq = sqlite3_column_int64(rows.get(), 0);
        if (seq != expected) return broken(m_impl->path, fmt::format("block row {} is missing", expected));
        const auto block = decode_block(column_blob(rows.get(), 1));
        if (!block) return broken(m_impl->path, fmt::format("block row {}: {}", seq, describe(block.error())));
        // Its time was judged when it came; a clock that stepped back since must not undo that.
        const auto accepted = chain.submit_block(column_blob(rows.get(), 1), block->header.time);
        if (!accepted) return broken(m_impl->path, fmt::format("block row {}: {}", seq, bip22_word(accepted.error())));
    }
    if (step != SQLITE_DONE) return m_impl->unreadable(sqlite3_errmsg(m_impl->db.get()));
    return chain;
}

Result<void> ChainStore::append(Bytes raw_block) {
    Reader in(raw_block);
    const auto block = read_block(in);  // bytes that came after the block are not kept
    ASSERT(block);                      // only accepted blocks come here
    const Statement insert = prepare(m_impl->db.get(), "INSERT INTO blocks VALUES(?, ?, ?)");
    if (!insert) return m_impl->failed("cannot write");
    sqlite3_bind_int64(insert.get(), 1, static_cast<std::int64_t>(m_impl->count + 1));
    bind_blob(insert.get(), 2, block_hash(block->header));
    bind_blob(insert.get(), 3, encode_block(*block));
    GIRO_FAILPOINT("chain.store.before");
    if (sqlite3_step(insert.get()) != SQLITE_DONE) {
        sqlite::note_write_failure(m_impl->path, sqlite3_extended_errcode(m_impl->db.get()));
        return m_impl->failed("cannot write");
    }
    ++m_impl->count;
    return {};
}

std::uint64_t ChainStore::block_count() const noexcept {
    return m_impl->count;
}

}  // namespace giro::chain
