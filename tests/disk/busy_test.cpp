// The journal beside a program that should not be there: one that holds the file for itself, one that checkpoints.
#include <sqlite3.h>

#include "tests/disk/disk.hpp"
#include "tests/journal/support.hpp"

using namespace giro;
using namespace giro::journal;
using test::Disk;

namespace {
// A connection of a stranger: hangs up at the end of its scope.
struct Stranger {
    sqlite3* db = nullptr;
    explicit Stranger(const std::filesystem::path& file) { REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK); }
    ~Stranger() { sqlite3_close(db); }
    Stranger(const Stranger&) = delete;
    Stranger& operator=(const Stranger&) = delete;
    void run(const char* sql) const { REQUIRE(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK); }
};
}  // namespace

// On a simulated disk, where waiting for a lock takes no time.
TEST_CASE("busy: a journal that another program holds for itself is to be tried again, and opens once it lets go") {
    TempFolder folder;
    Disk disk(folder.file("").parent_path(), 1);
    {
        Journal log = open_new(folder.file());
        fill(log, 2);
    }
    {
        Stranger stranger(folder.file());
        stranger.run("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
        for (const Failure& failure :
             {JournalReader::open(folder.file()).error(), Journal::open(folder.file()).error()}) {
            CHECK(failure.kind == Failure::Kind::try_again);
            CHECK(says(failure, "another program holds it"));
        }
    }
    Journal log = open_new(folder.file());
    CHECK(log.head().seq == 20);
    fill(log, 1);
}

TEST_CASE("busy: while a stranger checkpoints, the journal's own is put off, and nothing stops") {
    TempFolder folder;
    Disk disk(folder.file("").parent_path(), 1);
    Journal log = open_new(folder.file(), {.checkpoint_pages = 8});
    fill(log, 5);
    auto reader = JournalReader::open(folder.file());
    REQUIRE(reader);
    int called = 0;
    REQUIRE(reader->read_from(1, 1, [&](const Entry&) -> Result<void> {
        Stranger stranger(folder.file());
        stranger.run("SELECT count(*) FROM batches");  // only who has read the file knows that there is a log
        // It copies the log, and asks here whether to go on waiting for our reader: with the checkpointer's lock in
        // hand.
        struct Asked {
            Journal& log;
            int& called;
        } asked{log, called};
        sqlite3_busy_handler(
            stranger.db,
            [](void* self, int) {
                auto& at = *static_cast<Asked*>(self);
                ++at.called;
                CHECK(at.log.checkpoint());
                return 0;
            },
            &asked);
        CHECK(sqlite3_wal_checkpoint_v2(stranger.db, nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr) ==
              SQLITE_BUSY);
        return {};
    }));
    CHECK(called == 1);
    fill(log, 5);
    CHECK(log.checkpoint());
    CHECK(verify(folder.file())->entries == 100);
}
