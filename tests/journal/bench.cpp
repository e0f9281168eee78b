// bench_journal [--dir DIR]: durable entries a second with 200-byte bodies at batches of 1, 10, 100 and 1,000, beside
// bare SQLite (same pragmas, one table, no checksums) in the same run, and ledger and journal together in batches of
// 1,000, with how long such a batch takes. Prints one JSON object; each number is the median of the runs, taken in turn so
// that noise hits both.
#include <fmt/format.h>
#include <sqlite3.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <vector>

#include "journal/journal.hpp"
#include "ledger/ledger.hpp"
#include "tests/bench/measure.hpp"

using namespace giro;
namespace fs = std::filesystem;

namespace {
constexpr std::size_t kBodyBytes = 200;
constexpr int kCheckpointPages = 2'048;

struct Size {
    std::size_t batch;
    std::size_t batches;
};
constexpr Size kSizes[] = {{1, 1'500}, {10, 1'500}, {100, 1'000}, {1'000, 300}};
constexpr std::size_t kQuickShare = 6;  // of these batches in a quick look

using Clock = bench::Steady;
using bench::median, bench::seconds_since;

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "bench_journal: %s\n", why.c_str());
    std::exit(1);
}

fs::path fresh(const fs::path& dir, const char* name) {
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) fs::remove(dir / (std::string(name) + suffix));
    return dir / name;
}

std::vector<Buffer> make_bodies(std::size_t count) {
    std::vector<Buffer> bodies(count, Buffer(kBodyBytes));
    std::uint32_t state = 1;
    for (Buffer& body : bodies)
        for (std::byte& b : body) b = static_cast<std::byte>((state = state * 1'664'525 + 1'013'904'223) >> 24);
    return bodies;
}

journal::Journal open_journal(const fs::path& dir) {
    auto opened = journal::Journal::open(fresh(dir, "journal.db"), {.create = true});
    if (!opened) give_up(opened.error().what);
    return std::move(*opened);
}

void append(journal::Journal& log, std::span<const journal::EntryView> batch) {
    if (auto ok = log.append(batch, 1); !ok) give_up(ok.error().what);
    if (log.checkpoint_due(false))
        if (auto ok = log.checkpoint(); !ok) give_up(ok.error().what);
}

double journal_rate(const fs::path& dir, const Size& size, const std::vector<Buffer>& bodies) {
    auto log = open_journal(dir);
    std::vector<journal::EntryView> batch;
    for (std::size_t i = 0; i < size.batch; ++i) batch.push_back({1, bodies[i]});
    const auto start = Clock::now();
    for (std::size_t i = 0; i < size.batches; ++i) append(log, batch);
    return static_cast<double>(size.batch * size.batches) / seconds_since(start);
}

void sql(sqlite3* db, const char* text) {
    if (sqlite3_exec(db, text, nullptr, nullptr, nullptr) != SQLITE_OK) give_up(sqlite3_errmsg(db));
}

// What SQLite alone does: the yardstick of the ratio.
double bare_rate(const fs::path& dir, const Size& size, const std::vector<Buffer>& bodies) {
    sqlite3* db = nullptr;
    if (sqlite3_open(fresh(dir, "bare.db").c_str(), &db) != SQLITE_OK) give_up("cannot open bare.db");
    sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA mmap_size=0;"
            "CREATE TABLE rows(seq INTEGER PRIMARY KEY, body BLOB)");
    int wal_pages = 0;
    sqlite3_wal_hook(db, [](void* to, sqlite3*, const char*, int pages) { *static_cast<int*>(to) = pages; return 0; },
                     &wal_pages);
    sqlite3_stmt *begin = nullptr, *insert = nullptr, *commit = nullptr;
    sqlite3_prepare_v2(db, "BEGIN IMMEDIATE", -1, &begin, nullptr);
    sqlite3_prepare_v2(db, "INSERT INTO rows VALUES(?1, ?2)", -1, &insert, nullptr);
    sqlite3_prepare_v2(db, "COMMIT", -1, &commit, nullptr);
    const auto run = [&](sqlite3_stmt* statement) {
        if (sqlite3_step(statement) != SQLITE_DONE) give_up(sqlite3_errmsg(db));
        sqlite3_reset(statement);
    };
    sqlite3_int64 seq = 0;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < size.batches; ++i) {
        run(begin);
        for (std::size_t j = 0; j < size.batch; ++j) {
            sqlite3_bind_int64(insert, 1, ++seq);
            sqlite3_bind_blob(insert, 2, bodies[j].data(), static_cast<int>(bodies[j].size()), SQLITE_STATIC);
            run(insert);
        }
        run(commit);
        if (wal_pages >= kCheckpointPages) {
            sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
            wal_pages = 0;
        }
    }
    const double rate = static_cast<double>(size.batch * size.batches) / seconds_since(start);
    for (sqlite3_stmt* statement : {begin, insert, commit}) sqlite3_finalize(statement);
    sqlite3_close(db);
    return rate;
}

struct Together {
    double per_s = 0, batch_p50_ms = 0, batch_p99_ms = 0;
};

// Decide, then make durable: 1,000 transfers over 10,000 accounts, each with its 200-byte entry.
Together together(const fs::path& dir, const std::vector<Buffer>& bodies) {
    constexpr std::size_t kBatch = 1'000, kBatches = 300, kAccounts = 10'000;
    auto log = open_journal(dir);
    ledger::Ledger book;
    for (std::uint64_t i = 1; i <= kAccounts; ++i)
        if (book.open_account({.id = {1, i}, .currency = 978}) != ledger::AccountResult::ok) give_up("open_account");
    std::vector<journal::EntryView> entries;
    for (std::size_t i = 0; i < kBatch; ++i) entries.push_back({1, bodies[i]});
    std::vector<ledger::Transfer> transfers(kBatch);
    std::vector<ledger::TransferResult> results(kBatch);
    std::uint64_t number = 0;
    std::vector<double> batch_ms;
    const auto start = Clock::now();
    for (std::size_t b = 0; b < kBatches; ++b) {
        const auto began = Clock::now();
        for (ledger::Transfer& t : transfers) {
            ++number;
            t.id = {number * 0x9e3779b97f4a7c15, number};
            t.debit_account = {1, number % kAccounts + 1};
            t.credit_account = {1, (number + 4'711) % kAccounts + 1};
            t.amount = 100;
            t.currency = 978;
        }
        book.apply(transfers, results);
        if (std::ranges::any_of(results, [](auto r) { return r != ledger::TransferResult::ok; })) give_up("refused");
        append(log, entries);
        batch_ms.push_back(seconds_since(began) * 1e3);
    }
    const double per_s = static_cast<double>(kBatch * kBatches) / seconds_since(start);
    std::ranges::sort(batch_ms);
    return {per_s, batch_ms[kBatches / 2], batch_ms[kBatches * 99 / 100]};
}

}  // namespace

int main(int argc, char** argv) {
    const bool named = argc == 3 && std::string_view(argv[1]) == "--dir";
    const fs::path dir = named ? fs::path(argv[2]) : fs::temp_directory_path() / fmt::format("giro-bench-journal.{}", ::getpid());
    if (argc != 1 && argc != 3) give_up("usage: bench_journal [--dir DIR]");
    fs::create_directories(dir);
    const auto bodies = make_bodies(1'000);
    std::string journal_rates, bare_rates, ratios;
    for (Size size : kSizes) {
        if (bench::quick()) size.batches /= kQuickShare;
        std::vector<double> ours, bare;
        for (int run = 0; run < bench::runs(); ++run) {
            ours.push_back(journal_rate(dir, size, bodies));
            bare.push_back(bare_rate(dir, size, bodies));
        }
        const std::string_view comma = journal_rates.empty() ? "" : ",";
        journal_rates += fmt::format("{}\"{}\":{:.0f}", comma, size.batch, median(ours));
        bare_rates += fmt::format("{}\"{}\":{:.0f}", comma, size.batch, median(bare));
        ratios += fmt::format("{}\"{}\":{:.2f}", comma, size.batch, median(ours) / median(bare));
    }
    std::vector<double> rates, p50, p99;
    for (int run = 0; run < bench::runs(); ++run) {
        const Together t = together(dir, bodies);
        rates.push_back(t.per_s);
        p50.push_back(t.batch_p50_ms);
        p99.push_back(t.batch_p99_ms);
    }
    fresh(dir, "journal.db");
    fresh(dir, "bare.db");
    if (!named) fs::remove_all(dir);
    fmt::print("{{\"entries_per_s\":{{{}}},\"bare_sqlite_rows_per_s\":{{{}}},\"ratio\":{{{}}},"
               "\"ledger_and_journal_per_s\":{:.0f},\"batch_p50_ms\":{:.2f},\"batch_p99_ms\":{:.2f},\"body_bytes\":{}}}\n",
               journal_rates, bare_rates, ratios, median(rates), median(p50), median(p99), kBodyBytes);
}
