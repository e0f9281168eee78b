// The checks of a journal while it is read. The file is hostile: types, sizes and order are checked before use.
#include "journal/scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "journal/format.hpp"

namespace giro::journal {

namespace {
constexpr std::uint64_t kSeqMax = std::numeric_limits<std::int64_t>::max();  // SQLite's integers

struct Batch {
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;
    std::uint64_t time_ns = 0;
    Hash256 hash{};
};

std::string range(const Batch& batch) { return fmt::format("entries {} to {}", batch.first_seq, batch.last_seq); }

// One pass over both tables side by side.
class Scan {
  public:
    Scan(Database& db, Statement& batches, Statement& entries) : m_db(db), m_batches(batches), m_entries(entries) {}

    Result<ScanReport> run(std::uint64_t from_seq, std::uint64_t limit, const EntryCallback& callback);

  private:
    Result<bool> next_batch(Batch& batch);
    Result<void> start_chain(const Batch& batch);
    Result<void> gather(const Batch& batch);
    Result<void> gather_entry(std::uint64_t seq, const Batch& batch);
    Result<void> hand_out(const Batch& batch, const EntryCallback& callback);
    Result<void> check_nothing_left();

    struct Gathered {
        std::uint16_t kind;
        BatchHasher::Added at;
    };
    Database& m_db;
    Statement& m_batches;
    Statement& m_entries;
    BatchHasher m_hasher;
    std::vector<Gathered> m_gathered;
    ScanReport m_report;
    std::uint64_t m_from = 1;
    std::uint64_t m_limit = 0;
};

// SQLite's code for a failure while reading after the last checked entry.
tl::unexpected<Failure> step_failure(const Database& db, int code, std::uint64_t after_seq) {
    const auto failure = db.failure(code, "cannot read");
    if (failure.value().kind != Failure::Kind::integrity) return failure;
    return damaged(db.path(), fmt::format("the file is damaged after entry {}", after_seq));
}

Result<bool> Scan::next_batch(Batch& batch) {
    const int code = m_batches.step();
    if (code == SQLITE_DONE) return false;
    if (code != SQLITE_ROW) return step_failure(m_db, code, m_report.checked.seq);
    batch.last_seq = m_batches.integer(0);
    batch.first_seq = m_batches.integer(1);
    batch.time_ns = m_batches.integer(2);
    const Bytes hash = m_batches.blob(3);
    // Column 0 is the row's id, which is an integer whatever the file says.
    const bool typed = m_batches.is_integer(1) && m_batches.is_integer(2) && m_batches.is_blob(3) &&
                       hash.size() == batch.hash.size();
    if (!typed) return damaged(m_db.path(), fmt::format("the batch row of entry {} is malformed", batch.last_seq));
    std::ranges::copy(hash, batch.hash.begin());
    if (batch.first_seq < 1 || batch.first_seq > batch.last_seq || batch.last_seq - batch.first_seq >= kBatchEntriesMax)
        return damaged(m_db.path(), fmt::format("the batch that ends at entry {} says it starts at {}", batch.last_seq,
                                                batch.first_seq));
    return true;
}

// The hash before the first batch that is read.
Result<void> Scan::start_chain(const Batch& batch) {
    auto hash = stored_hash_at(m_db, batch.first_seq - 1);
    if (!hash) return tl::unexpected(hash.error());
    if (!*hash)
        return damaged(m_db.path(), fmt::format("{} have no batch that ends at {} before them", range(batch),
                                                batch.first_seq - 1));
    m_report.checked = {batch.first_seq - 1, **hash};
    m_entries.bind(1, batch.first_seq);
    return {};
}

Result<void> Scan::gather_entry(std::uint64_t seq, const Batch& batch) {
    const int code = m_entries.step();
    if (code != SQLITE_ROW && code != SQLITE_DONE) return step_failure(m_db, code, seq - 1);
    if (code == SQLITE_DONE || m_entries.integer(0) != seq)
        return damaged(m_db.path(), fmt::format("entry {} is missing (of {})", seq, range(batch)));
    const std::uint64_t kind = m_entries.integer(1);
    const Bytes body = m_entries.blob(3);
    const bool typed = m_entries.is_integer(1) && kind <= 0xffff && m_entries.is_integer(2) && m_entries.is_blob(3);
    if (!typed || body.size() > kBodyBytesMax)
        return damaged(m_db.path(), fmt::format("entry {} is malformed", seq));
    const auto added = m_hasher.add(seq, static_cast<std::uint16_t>(kind), body);
    if (added.crc != m_entries.integer(2))
        return damaged(m_db.path(), fmt::format("entry {} is damaged: its checksum does not match", seq));
    if (m_hasher.bytes().size() > kBatchBytesMax + kBatchEntriesMax * kRecordHeaderBytes + kChainHeaderBytes)
        return damaged(m_db.path(), fmt::format("{} are larger than a batch can be", range(batch)));
    m_gathered.push_back({static_cast<std::uint16_t>(kind), added});
    return {};
}

Result<void> Scan::gather(const Batch& batch) {
    if (batch.first_seq != m_report.checked.seq + 1)
        return damaged(m_db.path(), fmt::format("entry {} belongs to no batch", m_report.checked.seq + 1));
    m_hasher.begin();
    m_gathered.clear();
    for (std::uint64_t seq = batch.first_seq; seq <= batch.last_seq; ++seq)
        if (auto ok = gather_entry(seq, batch); !ok) return ok;
    const Hash256 hash = m_hasher.finish(m_report.checked.hash, batch.first_seq, batch.last_seq, batch.time_ns);
    if (hash != batch.hash)
        return damaged(m_db.path(), fmt::format("{} do not match the hash of their batch: edited", range(batch)));
    m_report.checked = {batch.last_seq, hash};
    ++m_report.batches;
    return {};
}

Result<void> Scan::hand_out(const Batch& batch, const EntryCallback& callback) {
    for (std::size_t i = 0; i < m_gathered.size() && m_report.entries < m_limit; ++i) {
        const std::uint64_t seq = batch.first_seq + i;
        if (seq < m_from) continue;
        const auto& [kind, at] = m_gathered[i];
        const Entry entry{seq, kind, batch.time_ns, m_hasher.bytes().subspan(at.body_at, at.body_size)};
        if (auto ok = callback(entry); !ok) return ok;
        if (m_report.entries++ == 0) m_report.first_seq = seq;
        m_report.last_seq = seq;
    }
    return {};
}

Result<void> Scan::check_nothing_left() {
    const int code = m_entries.step();
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return step_failure(m_db, code, m_report.checked.seq);
    return damaged(m_db.path(), fmt::format("entry {} belongs to no batch", m_entries.integer(0)));
}

Result<ScanReport> Scan::run(std::uint64_t from_seq, std::uint64_t limit, const EntryCallback& callback) {
    m_from = std::clamp<std::uint64_t>(from_seq, 1, kSeqMax);
    m_limit = limit;
    m_batches.bind(1, m_from);
    m_entries.bind(1, m_from);
    Batch batch;
    for (bool first = true; m_report.entries < m_limit; first = false) {
        auto more = next_batch(batch);
        if (!more) return tl::unexpected(more.error());
        if (!*more) {
            if (auto ok = check_nothing_left(); !ok) return tl::unexpected(ok.error());
            break;
        }
        if (first)
            if (auto ok = start_chain(batch); !ok) return tl::unexpected(ok.error());
        if (auto ok = gather(batch); !ok) return tl::unexpected(ok.error());
        if (auto ok = hand_out(batch, callback); !ok) return tl::unexpected(ok.error());
    }
    return m_report;
}

// The first row of a query of two columns, an integer and a hash.
Result<std::optional<Head>> query_head(Database& db, const char* sql, std::optional<std::uint64_t> seq) {
    auto statement = db.prepare(sql);
    if (!statement) return tl::unexpected(statement.error());
    if (seq) statement->bind(1, *seq);
    const int code = statement->step();
    if (code == SQLITE_DONE) return std::nullopt;
    if (code != SQLITE_ROW) return db.failure(code, "cannot read");
    Head head{statement->integer(0), {}};
    const Bytes hash = statement->blob(1);
    if (!statement->is_blob(1) || hash.size() != head.hash.size())
        return damaged(db.path(), fmt::format("the batch row of entry {} is malformed", head.seq));
    std::ranges::copy(hash, head.hash.begin());
    return head;
}

Result<std::uint64_t> query_integer(Database& db, const char* sql) {
    auto statement = db.prepare(sql);
    if (!statement) return tl::unexpected(statement.error());
    const int code = statement->step();
    if (code != SQLITE_ROW) return db.failure(code, "cannot read");
    return statement->integer(0);
}

Result<bool> schema_matches(Database& db) {
    auto statement = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name");
    if (!statement) return tl::unexpected(statement.error());
    for (const Table& table : kSchema) {
        const int code = statement->step();
        if (code == SQLITE_DONE) return false;
        if (code != SQLITE_ROW) return db.failure(code, "cannot read");
        if (statement->text(0) != table.name || statement->text(1) != table.sql) return false;
    }
    return statement->step() == SQLITE_DONE;
}
}  // namespace

tl::unexpected<Failure> damaged(const std::string& path, std::string_view what) {
    return fail(Failure::Kind::integrity,
                fmt::format("journal {}: {}; stop, keep the file as evidence, and restore the journal from the cluster "
                            "or a backup",
                            path, what));
}

Result<FormatCheck> check_format(Database& db) {
    const auto application = query_integer(db, "PRAGMA application_id");
    if (!application) return tl::unexpected(application.error());
    const auto version = query_integer(db, "PRAGMA user_version");
    if (!version) return tl::unexpected(version.error());
    const auto objects = query_integer(db, "SELECT count(*) FROM sqlite_schema");
    if (!objects) return tl::unexpected(objects.error());
    if (*application == 0 && *version == 0 && *objects == 0) return FormatCheck{.empty = true};
    if (*application != static_cast<std::uint64_t>(kApplicationId))
        return fail(Failure::Kind::integrity,
                    fmt::format("{} is another program's database, not a journal: restore it from a backup", db.path()));
    if (*version != static_cast<std::uint64_t>(kFormatVersion))
        return fail(Failure::Kind::config, fmt::format("journal {} has format {}, this program reads format {}: use the "
                                                       "version of Giro that wrote it, or set up another box (giro init)",
                                                       db.path(), *version, kFormatVersion));
    const auto matches = schema_matches(db);
    if (!matches) return tl::unexpected(matches.error());
    if (!*matches) return damaged(db.path(), "its tables are not those of a journal, so no entry from 1 on is safe");
    return FormatCheck{};
}

Result<Head> stored_head(Database& db) {
    auto head = query_head(db, "SELECT last_seq, hash FROM batches ORDER BY last_seq DESC LIMIT 1", std::nullopt);
    if (!head) return tl::unexpected(head.error());
    if (!*head) return damaged(db.path(), "the batch of entry 0, which starts the chain, is missing");
    return **head;
}

Result<std::optional<Hash256>> stored_hash_at(Database& db, std::uint64_t seq) {
    if (seq > kSeqMax) return std::nullopt;
    auto head = query_head(db, "SELECT last_seq, hash FROM batches WHERE last_seq = ?1", seq);
    if (!head) return tl::unexpected(head.error());
    if (!*head) return std::nullopt;
    return (*head)->hash;
}

Result<void> check_holds(Database& db, const Head& expected) {
    const auto hash = stored_hash_at(db, expected.seq);
    if (!hash) return tl::unexpected(hash.error());
    if (*hash && **hash == expected.hash) return {};
    const auto head = stored_head(db);
    if (!head) return tl::unexpected(head.error());
    if (head->seq < expected.seq)
        return damaged(db.path(), fmt::format("it ends at entry {} but a checkpoint covers entry {}: entries {} to {} "
                                              "were cut off",
                                              head->seq, expected.seq, head->seq + 1, expected.seq));
    return damaged(db.path(), fmt::format("its hash at entry {} is not the checkpoint's: an entry up to {} was rewritten",
                                          expected.seq, expected.seq));
}

Result<ScanReport> scan(Database& db, std::uint64_t from_seq, std::uint64_t limit, const EntryCallback& callback) {
    auto batches = db.prepare(
        "SELECT last_seq, first_seq, time_ns, hash FROM batches WHERE last_seq >= ?1 ORDER BY last_seq");
    if (!batches) return tl::unexpected(batches.error());
    auto entries = db.prepare("SELECT seq, kind, crc, body FROM entries WHERE seq >= ?1 ORDER BY seq");
    if (!entries) return tl::unexpected(entries.error());
    return Scan(db, *batches, *entries).run(from_seq, limit, callback);
}

}  // namespace giro::journal
