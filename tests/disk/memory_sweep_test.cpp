// The journal when memory runs out: every allocation of SQLite fails in turn, once and for ever. Nothing acknowledged
// is lost, and no shortage of memory is called damage.
#include <sqlite3.h>

#include "tests/disk/journal_program.hpp"

using namespace giro;
using test::JournalProgram;

namespace {
// SQLite's own allocator, which refuses when it is told to. Put in its place before anything uses SQLite.
struct Memory {
    sqlite3_mem_methods real{};
    std::uint64_t fail_in = 0;  // the how manieth allocation from now on fails; 0: none does
    bool for_ever = false;
    std::uint64_t refused = 0;

    [[nodiscard]] bool refuses() noexcept {
        if (fail_in == 0 || --fail_in != 0) return false;
        if (for_ever) fail_in = 1;
        ++refused;
        return true;
    }
};
Memory memory;

const bool kInstalled = [] {
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real);
    sqlite3_mem_methods mine = memory.real;
    mine.xMalloc = [](int bytes) -> void* { return memory.refuses() ? nullptr : memory.real.xMalloc(bytes); };
    mine.xRealloc = [](void* old, int bytes) -> void* {
        return memory.refuses() ? nullptr : memory.real.xRealloc(old, bytes);
    };
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &mine) == SQLITE_OK;
}();

constexpr std::uint64_t kSweepMax = 20'000;  // more allocations than this in one life: the sweep is not going to end
}  // namespace

TEST_CASE("sweep: whichever allocation of SQLite fails, the journal loses nothing, and it is never called damaged") {
    REQUIRE(kInstalled);
    std::uint64_t lives = 0;
    for (const bool for_ever : {false, true})
        for (const std::uint32_t pages_max : {0U, 6U}) {  // the latter: the database is full as well
            bool clean = false;
            for (std::uint64_t k = 1; !clean; k += 1 + k / 100) {
                CAPTURE(for_ever);
                CAPTURE(pages_max);
                CAPTURE(k);
                REQUIRE(k < kSweepMax);
                JournalProgram program(k, pages_max);
                memory = {.real = memory.real, .fail_in = k, .for_ever = for_ever};
                const bool lived = program.live();
                clean = memory.refused == 0;
                if (clean && pages_max == 0) REQUIRE(lived);
                memory.fail_in = 0;
                if (program.last_failure()) CHECK(program.last_failure()->kind != Failure::Kind::integrity);
                program.kill();
                program.recover();
                ++lives;
            }
        }
    MESSAGE(lives << " lives");
    CHECK(lives > 500);
}

TEST_CASE("sweep: whichever allocation fails under a reader or verify(), nothing whole is called damaged") {
    REQUIRE(kInstalled);
    JournalProgram program(1);
    REQUIRE(program.start());
    REQUIRE(program.append_some(9));
    const std::uint64_t last = program.acknowledged();
    program.stop();
    for (const bool for_ever : {false, true}) {
        bool clean = false;
        for (std::uint64_t k = 1; !clean; ++k) {
            CAPTURE(for_ever);
            CAPTURE(k);
            REQUIRE(k < kSweepMax);
            memory = {.real = memory.real, .fail_in = k, .for_ever = for_ever};
            std::optional<Failure> failure;
            if (auto reader = journal::JournalReader::open(program.file()); !reader) {
                failure = reader.error();
            } else if (auto first = reader->read_from(1, 5, journal::nothing()); !first) {
                failure = first.error();
            } else if (auto rest = reader->read_from(6, last, journal::nothing()); !rest) {
                failure = rest.error();
            }
            // A checkpoint over an entry that was never written: damage is what it is, and another failure when it
            // cannot be seen.
            const auto cut = journal::verify(program.file(), 1, journal::Head{last + 1, {}});
            memory.fail_in = 0;
            clean = memory.refused == 0;
            if (clean) CHECK_FALSE(failure);
            if (failure) CHECK(failure->kind != Failure::Kind::integrity);
            REQUIRE_FALSE(cut);
            if (cut.error().kind == Failure::Kind::integrity) CHECK(journal::says(cut.error(), "were cut off"));
        }
    }
}
