// The simulated disk itself: what it keeps, what it loses, and that the same seed gives the same disk.
#include <sqlite3.h>

#include "tests/disk/disk.hpp"
#include "tests/disk/file.hpp"
#include "tests/journal/support.hpp"

using namespace giro;
using namespace giro::journal;
using test::Disk;
using test::DiskFile;
using test::DiskOp;
using test::Random;

namespace {
constexpr Options kSmall{.create = true, .checkpoint_pages = 8};

// A journal's life on a disk: `batches` batches with checkpoints between them.
void write_some(Journal& log, std::size_t batches) {
    for (std::size_t i = 0; i < batches; ++i) {
        REQUIRE(append_numbers(log, log.head().seq + 1, 10));
        if (log.checkpoint_due(false)) REQUIRE(log.checkpoint());
    }
}

Hash256 life(std::uint64_t seed) {
    TempFolder folder;
    Disk disk(folder.file("").parent_path(), seed);
    auto log = std::make_optional(open_new(folder.file(), kSmall));
    write_some(*log, 20);
    disk.power_cut();
    log.reset();
    log.emplace(open_new(folder.file(), kSmall));
    write_some(*log, 5);
    return disk.digest();
}
}  // namespace

TEST_CASE("disk: a journal lives on it as on a real one, and none of its bytes are in the real folder") {
    TempFolder folder;
    Disk disk(folder.file("").parent_path(), 1);
    {
        Journal log = open_new(folder.file(), kSmall);
        write_some(log, 30);
        auto reader = JournalReader::open(folder.file());
        REQUIRE_MESSAGE(reader, (reader ? "" : reader.error().what));
        CHECK(reader->head()->seq == 300);
        write_some(log, 1);
        CHECK(reader->read_from(1, 1'000, nothing()) == 310U);
    }
    CHECK(disk.bytes("journal.db").size() > 4'096);
    CHECK(std::filesystem::file_size(folder.file()) == 0);
    CHECK(disk.counts().of(DiskOp::sync) > 30);
    CHECK(verify(folder.file())->entries == 310);
}

TEST_CASE("disk: paths elsewhere are SQLite's own business") {
    TempFolder simulated, real;
    Disk disk(simulated.file("").parent_path(), 1);
    Journal log = open_new(real.file());
    fill(log, 3);
    CHECK(std::filesystem::file_size(real.file("journal.db-wal")) > 4'096);
    CHECK(disk.counts().of(DiskOp::open) == 0);
}

TEST_CASE("disk: a killed program's handles are dead, its locks gone, its writes there") {
    TempFolder folder;
    Disk disk(folder.file("").parent_path(), 1);
    auto log = std::make_optional(open_new(folder.file(), kSmall));
    write_some(*log, 3);
    disk.kill();
    CHECK(!append_numbers(*log, 31, 10));
    log.reset();
    auto again = Journal::open(folder.file());
    REQUIRE_MESSAGE(again, (again ? "" : again.error().what));
    CHECK(again->head().seq == 30);
}

TEST_CASE("disk: the same seed gives the same bytes, another seed others") {
    CHECK(life(7) == life(7));
    CHECK(life(7) != life(8));
}

TEST_CASE("disk: a crash keeps what was synced, and of the rest every kind of choice occurs") {
    int none = 0, all = 0, torn = 0, second_alone = 0, swapped = 0;
    giro::test::CrashCounts counts;
    const Buffer old(1'024, std::byte{'.'}), a(512, std::byte{'a'}), b(512, std::byte{'b'}), late(512, std::byte{'c'});
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        DiskFile file;
        file.write(0, old);
        file.write(1'024, old);
        file.sync();
        file.write(0, a);
        file.write(512, b);
        file.write(0, late);
        Random random(seed);
        file.crash(random, counts);
        const std::string now(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
        REQUIRE(now.substr(1'024) == std::string(1'024, '.'));  // synced and not written again
        none += now == std::string(2'048, '.');
        all += now.starts_with(std::string(512, 'c') + std::string(512, 'b'));
        second_alone += now.starts_with(std::string(512, '.') + std::string(512, 'b'));
        swapped += now.starts_with(std::string(512, 'a') + std::string(512, 'b'));  // the older write came last
        torn += now.find(".b") == std::string::npos && now.substr(0, 512).find_first_not_of(now[0]) < 512;
    }
    for (const int count : {none, all, torn, second_alone, swapped}) CHECK(count > 5);
    for (const auto count : {counts.lost, counts.torn, counts.misdirected}) CHECK(count > 5);
}

TEST_CASE("disk: a sync that failed is not made good by a later one") {
    DiskFile file;
    file.write(0, as_bytes("old"));
    file.sync();
    file.write(0, as_bytes("new"));
    file.fail_sync();
    file.write(3, as_bytes("more"));
    file.sync();
    int lost = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        DiskFile crashed = file;
        Random random(seed);
        giro::test::CrashCounts counts;
        crashed.crash(random, counts);
        lost += as_text(crashed.bytes()) == "oldmore";
    }
    CHECK(lost > 0);
}

TEST_CASE("disk: bytes that were lost do not come back over what was written and synced in their place") {
    Random random(1);
    for (int i = 0; i < 100; ++i) {
        DiskFile file;
        file.write(0, as_bytes("lost!"));
        file.fail_sync();
        file.write(1, as_bytes("new"));
        file.sync();
        giro::test::CrashCounts counts;
        file.crash(random, counts);
        CHECK(as_text(file.bytes()).substr(1, 3) == "new");
    }
}

TEST_CASE("disk: it fails where it is told, once or for ever, and counts it") {
    TempFolder folder;
    Disk disk(folder.file("").parent_path(), 1);
    Journal log = open_new(folder.file(), kSmall);
    write_some(log, 1);
    disk.space(4'096);
    CHECK(append_numbers(log, 11, 200).error().kind == Failure::Kind::try_again);
    disk.heal();
    CHECK(append_numbers(log, 11, 200));
    disk.cut_short(DiskOp::write, 2);
    CHECK(append_numbers(log, 211, 10).error().kind == Failure::Kind::try_again);
    CHECK(append_numbers(log, 211, 10));
    const auto faults = disk.counts().faults;
    disk.fail(DiskOp::sync, 1, false);
    CHECK(append_numbers(log, 221, 10).error().kind == Failure::Kind::refused);
    CHECK(disk.counts().faults == faults + 1);
}

TEST_CASE("disk: a sync that lies loses what was acknowledged, which is how a checker is proved") {
    bool lost = false;
    for (std::uint64_t seed = 0; seed < 20 && !lost; ++seed) {
        TempFolder folder;
        Disk disk(folder.file("").parent_path(), seed);
        auto log = std::make_optional(open_new(folder.file(), kSmall));
        write_some(*log, 1);
        disk.lie_about_sync(true);
        write_some(*log, 1);
        disk.power_cut();
        log.reset();
        const auto again = Journal::open(folder.file());
        lost = again && again->head().seq == 10;
    }
    CHECK(lost);
}
