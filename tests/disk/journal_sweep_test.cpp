// The journal on a disk that fails: every call of every kind, once and for ever, a full disk at every byte, 2,000 power
// cuts. Nothing acknowledged is lost, nothing corrupt is accepted, and after the fault the journal goes on.
#include "tests/disk/journal_program.hpp"
#include "tests/disk/random.hpp"

using namespace giro;
using test::Disk;
using test::DiskOp;
using test::JournalProgram;
using test::Random;

namespace {
constexpr DiskOp kOps[] = {DiskOp::open, DiskOp::read, DiskOp::write, DiskOp::sync, DiskOp::truncate, DiskOp::remove};
constexpr std::uint64_t kSweepMax = 5'000;  // more calls than this in one life: the sweep is not going to end
}  // namespace

TEST_CASE("sweep: whichever disk call fails, once or for ever, the journal loses nothing and starts again") {
    std::uint64_t runs = 0;
    for (const DiskOp op : kOps)
        for (const bool for_ever : {false, true})
            for (const bool power_cut : {false, true}) {
                bool clean = false;
                for (std::uint64_t k = 1; !clean; ++k) {
                    CAPTURE(static_cast<int>(op));
                    CAPTURE(for_ever);
                    CAPTURE(power_cut);
                    CAPTURE(k);
                    REQUIRE(k < kSweepMax);
                    JournalProgram program(k);
                    program.disk().fail(op, k, for_ever);
                    const bool lived = program.live();
                    clean = program.disk().counts().faults == 0;
                    if (clean) REQUIRE(lived);
                    if (power_cut)
                        program.power_cut();
                    else
                        program.kill();
                    // The supervisor starts it again before anybody has mended the disk.
                    static_cast<void>(program.start() && program.append_some(1));
                    // A disk that fails is not a journal that is damaged: nobody is sent to the backup.
                    if (program.last_failure()) CHECK(program.last_failure()->kind != Failure::Kind::integrity);
                    program.power_cut();
                    program.recover();
                    ++runs;
                }
            }
    MESSAGE(runs << " lives");
    CHECK(runs > 500);
}

TEST_CASE("sweep: a write or a read that does half its work loses nothing; what was read short is never believed") {
    for (const DiskOp op : {DiskOp::read, DiskOp::write}) {
        bool clean = false;
        for (std::uint64_t k = 1; !clean; ++k) {
            CAPTURE(static_cast<int>(op));
            CAPTURE(k);
            REQUIRE(k < kSweepMax);
            JournalProgram program(k);
            program.disk().cut_short(op, k);
            static_cast<void>(program.live());
            clean = program.disk().counts().faults == 0;
            program.power_cut();
            program.recover();
        }
    }
}

TEST_CASE(
    "sweep: wherever the disk becomes full, nothing acknowledged is lost and the journal goes on when there is room") {
    constexpr std::uint64_t kStepBytes = 512;
    bool clean = false;
    int went_on = 0;
    for (std::uint64_t room = 0; !clean; room += kStepBytes) {
        CAPTURE(room);
        REQUIRE(room < kSweepMax * kStepBytes);
        JournalProgram program(room);
        program.disk().space(room);
        if (program.start() && program.append_some(12) && program.last_failure()) {
            program.disk().heal();  // the same program, once somebody has made room
            REQUIRE(program.append());
            ++went_on;
        }
        clean = !program.last_failure();
        if (!clean) CHECK(program.last_failure()->kind == Failure::Kind::try_again);
        program.power_cut();
        program.recover();
    }
    CHECK(went_on > 10);
}

TEST_CASE("sweep: after 2,000 power cuts at any moment, recovery included, all that was acknowledged is there") {
    constexpr int kImages = 2'000;
    int images = 0, early = 0;
    for (std::uint64_t seed = 0; images < kImages; ++seed) {
        CAPTURE(seed);
        JournalProgram program(seed);
        Random random(seed);
        for (int round = 0; round < 4; ++round) {
            program.disk().stop_at(1 + random.below(120));
            static_cast<void>(program.live());
            program.power_cut();
            ++images;
            // And again before it has come far: in its recovery or in the first batches after it.
            program.disk().stop_at(1 + random.below(12));
            early += program.start() && program.append_some(3) ? 0 : 1;
            if (program.last_failure()) CHECK(program.last_failure()->kind != Failure::Kind::integrity);
            program.power_cut();
            ++images;
        }
        program.recover();
    }
    MESSAGE(images << " images, " << early << " of them soon after another");
    CHECK(early > 500);
}

// The last batches' rows are gone, their entries are not: what is left over is found, and a disk that cannot be read there
// is not taken for it. Somewhere the first entry left over is the first of its page, which only then is read.
TEST_CASE("sweep: entries without a batch are found wherever they begin, and a failed read is not called one") {
    constexpr std::uint64_t kEntries = 200;
    journal::TempFolder folder;
    Disk disk(folder.file("").parent_path(), 1);
    {
        auto log = journal::open_new(folder.file());
        for (std::uint64_t seq = 1; seq <= kEntries; ++seq) REQUIRE(journal::append_numbers(log, seq, 1));
    }
    std::uint64_t not_read = 0;
    for (std::uint64_t left = kEntries - 1; left > 0; --left) {
        journal::attack(folder.file(), "DELETE FROM batches WHERE last_seq > " + std::to_string(left));
        bool clean = false;
        for (std::uint64_t k = 1; !clean; ++k) {
            CAPTURE(left);
            CAPTURE(k);
            REQUIRE(k < kSweepMax);
            const std::uint64_t faults = disk.counts().faults;
            disk.fail(DiskOp::read, k, false);
            const auto report = journal::verify(folder.file());
            disk.heal();
            clean = disk.counts().faults == faults;
            REQUIRE_FALSE(report);
            if (clean || report.error().kind == Failure::Kind::integrity)
                CHECK(journal::says(report.error(), "entry " + std::to_string(left + 1) + " belongs to no batch"));
            not_read += report.error().kind == Failure::Kind::integrity ? 0 : 1;
        }
    }
    CHECK(not_read > kEntries);
}

// Found: what a killed program had written and not yet synced was read by the next start, answered from, signed in its
// snapshot, and then lost at the power cut (sqlite/log.hpp).
TEST_CASE("sweep: what a start reads after a kill -9 stays, though the power goes before anything else is written") {
    int unsynced = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        CAPTURE(seed);
        JournalProgram program(seed);
        program.disk().stop_at(1 + Random(seed).below(120));
        static_cast<void>(program.live());
        const std::uint64_t acknowledged = program.acknowledged();
        program.kill();
        program.disk().heal();
        REQUIRE(program.start());
        unsynced += program.acknowledged() > acknowledged ? 1 : 0;
        program.power_cut();
        program.recover();
    }
    CHECK(unsynced > 5);
}

TEST_CASE("sweep: the checks see a disk whose sync lies") {
    int lost = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        journal::TempFolder folder;
        Disk disk(folder.file("").parent_path(), seed);
        auto log = std::make_optional(journal::open_new(folder.file()));
        journal::fill(*log, 1);
        disk.lie_about_sync(true);
        journal::fill(*log, 3);
        const journal::Head head = log->head();
        disk.power_cut();
        log.reset();
        lost += journal::verify(folder.file(), 1, head) ? 0 : 1;
    }
    CHECK(lost > 10);
}
