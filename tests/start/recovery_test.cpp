// What a start of the switch reads: the journal behind the snapshot. What lies before it is the auditor's and
// `giro journal verify`'s to check.
#include "appliance/giro-switch/recovery.hpp"

#include <sqlite3.h>

#include <fstream>

#include "appliance/giro/journal_check.hpp"
#include "appliance/snapshot_file.hpp"
#include "tests/hsm/box_fixture.hpp"
#include "tests/switching/fixture.hpp"
#include "util/file.hpp"

using namespace giro;
using namespace giro::test;

namespace {
// A box's folder with the journal of a small day in single-entry batches, and a signed snapshot of its state somewhere.
struct StoredBox {
    BoxFixture vault;
    switching::Box day;
    config::Paths paths{vault.config().folder.parent_path()};

    StoredBox() {
        std::filesystem::create_directories(paths.journal().parent_path());
        journal::Options options;
        options.create = true;
        auto log = journal::Journal::open(paths.journal(), options);
        REQUIRE(log);
        for (const auto& e : day.journal) {
            const journal::EntryView view{static_cast<std::uint16_t>(e.kind), e.body};
            REQUIRE(log->append({&view, 1}, switching::kNow));
        }
        REQUIRE(log->checkpoint());
    }
    [[nodiscard]] std::uint64_t last() const { return day.journal.size(); }

    // `spoil`: what happens to the state's bytes before they are signed.
    void save_snapshot(std::uint64_t seq, void (*spoil)(Buffer&) = [](Buffer&) {}) {
        switching::State state;
        for (std::uint64_t i = 0; i < seq; ++i)
            REQUIRE(state.apply(static_cast<std::uint16_t>(day.journal[i].kind), day.journal[i].body));
        Buffer bytes;
        state.save(bytes);
        spoil(bytes);
        vault::Checkpoint checkpoint{seq, {}, sha256(bytes)};
        {
            auto reader = journal::JournalReader::open(paths.journal());
            REQUIRE(reader);
            checkpoint.chain_hash = **reader->hash_at(seq);
        }
        const auto reply = vault.get<vault::SignCheckpoint>({checkpoint}, hsm::Caller::giro_switch);
        REQUIRE(appliance::write_snapshot(paths.journal().parent_path(), {{checkpoint, reply.signature}, std::move(bytes)}));
    }
    [[nodiscard]] std::filesystem::path snapshot() const { return appliance::snapshot_file(paths.journal().parent_path()); }
    void change(std::uint64_t seq) {
        sqlite3* db = nullptr;
        REQUIRE(sqlite3_open(paths.journal().c_str(), &db) == SQLITE_OK);
        const auto sql = fmt::format("UPDATE entries SET body = x'00' WHERE seq = {}", seq);
        REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
        sqlite3_close(db);
    }
    [[nodiscard]] Result<appliance::Recovered> start() { return appliance::recover(paths, std::nullopt, 7); }
    [[nodiscard]] Failure::Kind failure_of_start() {
        const auto started = start();
        REQUIRE_FALSE(started);
        return started.error().kind;
    }
};
}  // namespace

TEST_CASE("start: it reads nothing before the snapshot, whose chain hash is signed") {
    StoredBox box;
    box.save_snapshot(box.last() - 2);
    box.change(1);  // reading it would end the start: so it was not read, and no number of such entries makes a start longer
    const auto started = box.start();
    REQUIRE_MESSAGE(started, started.error().what);
    CHECK(started->snapshot_seq == box.last() - 2);
    CHECK(started->state.last_seq() == box.last());
    CHECK(started->state.balanced());
}

TEST_CASE("start: a snapshot that cannot be used is put aside, and the journal replayed") {
    // Rightly signed: of another version, cut off; and changed after it was signed.
    constexpr std::size_t kVersionAt = 8;
    using Spoil = void (*)(Buffer&);
    for (const Spoil spoil : {Spoil([](Buffer& bytes) { bytes[kVersionAt] ^= std::byte{0xff}; }), Spoil([](Buffer& bytes) { bytes.pop_back(); }), Spoil(nullptr)}) {
        StoredBox box;
        box.save_snapshot(box.last() - 2, spoil != nullptr ? spoil : [](Buffer&) {});
        if (spoil == nullptr) {
            std::fstream file(box.snapshot(), std::ios::in | std::ios::out | std::ios::binary);
            file.seekp(-1, std::ios::end).put('!');
        }
        const auto before = read_file(box.snapshot(), 1 << 20);
        REQUIRE(before);
        const auto started = box.start();
        REQUIRE_MESSAGE(started, started.error().what);
        CHECK(started->snapshot_seq == 0);
        CHECK(started->state.digest() == box.day.state.digest());
        CHECK_FALSE(std::filesystem::exists(box.snapshot()));
        const auto kept = read_file(box.snapshot().string() + ".refused", 1 << 20);
        REQUIRE(kept);
        CHECK(*kept == *before);
    }
}

TEST_CASE("start: an entry changed before the snapshot is found by giro journal verify") {
    StoredBox box;
    box.save_snapshot(box.last() - 2);
    CHECK(cli::check_journal(box.paths).has_value());
    box.change(3);
    const auto checked = cli::check_journal(box.paths);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().exit_code() == 4);
    CHECK(checked.error().what.find("entry 3 is damaged") != std::string::npos);
}

TEST_CASE("journal verify: the last checkpoint of a file of any size is found, the one set aside too, and junk is said") {
    StoredBox box;
    std::filesystem::create_directories(box.paths.snapshots());
    const auto file = box.paths.snapshots() / "checkpoints.jsonl";
    vault::Checkpoint checkpoint{box.last(), {}, {}};
    {
        auto reader = journal::JournalReader::open(box.paths.journal());
        REQUIRE(reader);
        checkpoint.chain_hash = **reader->hash_at(box.last());
    }
    const auto reply = box.vault.get<vault::SignCheckpoint>({checkpoint}, hsm::Caller::auditor);
    const std::string line = fmt::format(R"({{"seq":{},"chain_hash":"{}","state_digest":"{}","signature":"{}"}})", box.last(),
                                         to_hex(checkpoint.chain_hash), std::string(64, '0'), to_hex(reply.signature));
    std::ofstream(file).put('\n');
    std::filesystem::resize_file(file, (std::uintmax_t{1} << 30) + 1);  // 38 busy days: a hole takes no room here
    std::ofstream(file, std::ios::app) << "\n" << line << "\n" << line.substr(0, 40);
    auto checked = cli::check_journal(box.paths);
    REQUIRE_MESSAGE(checked, checked.error().what);
    REQUIRE(checked->checkpoints.last);
    CHECK(checked->checkpoints.last->checkpoint.seq == box.last());
    std::filesystem::rename(file, file.string() + ".1");
    std::filesystem::remove(box.paths.vault() / "checkpoint");
    checked = cli::check_journal(box.paths);
    REQUIRE(checked);
    CHECK(checked->checkpoints.last.has_value());
    std::ofstream(file) << "{\"seq\":7,\"chain_hash\":5}\n";
    checked = cli::check_journal(box.paths);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().exit_code() == 4);
}

TEST_CASE("start: an entry changed after the snapshot ends it") {
    StoredBox box;
    box.save_snapshot(box.last() - 2);
    box.change(box.last() - 1);
    CHECK(box.failure_of_start() == Failure::Kind::integrity);
}

TEST_CASE("start: without a snapshot an entry changed anywhere ends it") {
    StoredBox box;
    box.change(1);
    CHECK(box.failure_of_start() == Failure::Kind::integrity);
}

TEST_CASE("start: a journal with another chain at the snapshot's entry is refused") {
    StoredBox box;
    box.save_snapshot(box.last() - 2);
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(box.paths.journal().c_str(), &db) == SQLITE_OK);
    const auto sql = fmt::format("UPDATE batches SET hash = zeroblob(32) WHERE last_seq = {}", box.last() - 2);
    REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
    CHECK(box.failure_of_start() == Failure::Kind::integrity);
}
