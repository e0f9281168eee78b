// The counters' file when the system fails under it. pwrite, ftruncate and fdatasync of this executable are the ones
// below: the system's own, until a test says how one ends.
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <deque>

#include "hsm/payment/counter_file.hpp"
#include "tests/hsm/payment/support.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"

namespace {
struct Plan {
    std::deque<int> writes;      // errno of each next pwrite; 0: it does half; -1: all
    int truncate = 0, sync = 0;  // errno of the next
};
Plan plan;

int failed(int& with) {
    errno = std::exchange(with, 0);
    return -1;
}
}  // namespace

extern "C" {
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
    if (plan.writes.empty()) return ::syscall(SYS_pwrite64, fd, data, size, at);
    int with = plan.writes.front();
    plan.writes.pop_front();
    return with > 0 ? failed(with) : ::syscall(SYS_pwrite64, fd, data, with < 0 ? size : size / 2, at);
}
int ftruncate(int fd, off_t size) noexcept {
    return plan.truncate != 0 ? failed(plan.truncate) : static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}
int fdatasync(int fd) {
    return plan.sync != 0 ? failed(plan.sync) : static_cast<int>(::syscall(SYS_fdatasync, fd));
}
}

namespace giro::test {

using namespace hsm;

namespace {
CounterId id(std::uint32_t n) {
    ByteArray<4> bytes;
    store_be(bytes.data(), n);
    return counter_id("test", bytes);
}
}  // namespace

TEST_CASE("counters: a commit that fails anywhere is told, forgotten, and leaves the next one whole") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    auto file = CounterFile::open(path).value();
    file.set(id(1), 5);
    REQUIRE(file.commit());
    const Plan faults[] = {{{ENOSPC}}, {{0, EIO}}, {{EINTR, EIO}}, {{}, 0, EIO}};
    std::uint32_t number = 1;
    for (const Plan& fault : faults) {
        CAPTURE(number);
        plan = fault;
        file.set(id(1), 100 + number);
        file.set(id(50 + number), 1);
        const auto failure = file.commit();
        REQUIRE_FALSE(failure);
        CHECK(failure.error().kind == Failure::Kind::try_again);
        CHECK((plan.writes.empty() && plan.truncate == 0 && plan.sync == 0));  // the fault struck
        CHECK(file.value(id(1)) == 4 + number);
        CHECK(file.value(id(50 + number)) == 0);
        file.set(id(1), 5 + number);
        REQUIRE(file.commit());
        const auto again = CounterFile::open(path).value();
        CHECK(again.value(id(1)) == 5 + number);
        CHECK(again.size() == 1);
        ++number;
    }
}

TEST_CASE("counters: what an unfinished commit left goes before the next one is written") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    auto file = CounterFile::open(path).value();
    file.set(id(1), 5);
    REQUIRE(file.commit());
    plan = {{}, 0, EIO};
    for (std::uint32_t n = 1; n <= 3; ++n) file.set(id(n), 6);
    REQUIRE_FALSE(file.commit());
    const Buffer unfinished = read_file(path).value();
    plan = {{}, EIO, 0};
    file.set(id(3), 9);
    CHECK(file.commit().error().kind == Failure::Kind::try_again);
    CHECK(read_file(path).value() == unfinished);  // nothing was written over it
    file.set(id(3), 9);
    REQUIRE(file.commit());
    const auto again = CounterFile::open(path).value();
    CHECK(again.value(id(1)) == 5);
    CHECK(again.value(id(3)) == 9);
    CHECK(again.size() == 2);
}

TEST_CASE("counters: a write in several parts, interrupted between them, is one commit") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    auto file = CounterFile::open(path).value();
    plan = {{EINTR, 0, EINTR, 0}};
    for (std::uint32_t n = 0; n < 10; ++n) file.set(id(n), n + 1);
    REQUIRE(file.commit());
    CHECK(plan.writes.empty());
    const auto again = CounterFile::open(path).value();
    for (std::uint32_t n = 0; n < 10; ++n) CHECK(again.value(id(n)) == n + 1);
}

TEST_CASE("counters: a mark that cannot be written fails nothing, and the next one takes its place") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    auto file = CounterFile::open(path).value();
    std::uint32_t value = 0;
    for (const std::deque<int>& writes : {std::deque<int>{}, {-1, EIO}, {-1, 0}, {}, {-1, EINTR}, {}}) {
        plan = {writes};
        file.set(id(1), ++value);
        REQUIRE(file.commit());
        CHECK(plan.writes.empty());
        CHECK(CounterFile::open(path).value().value(id(1)) == value);
    }
}

TEST_CASE("counters: no folder, no file; a folder or a link in its place; a full or overfull one") {
    TempDir dir;
    auto nowhere = CounterFile::open(dir.path() / "none" / "counters").value();
    nowhere.set(id(1), 1);
    CHECK_FALSE(nowhere.commit());
    auto elsewhere = CounterFile::open(dir.path() / "elsewhere").value();
    elsewhere.set(id(1), 1);
    REQUIRE(elsewhere.commit());
    std::filesystem::create_symlink(dir.path() / "elsewhere", dir.path() / "link");
    auto link = CounterFile::open(dir.path() / "link").value();
    link.set(id(1), 2);
    CHECK(link.commit().error().kind == Failure::Kind::try_again);
    REQUIRE(std::filesystem::create_directory(dir.path() / "folder"));
    CHECK_FALSE(CounterFile::open(dir.path() / "folder"));

    const auto path = dir.path() / "counters";
    {
        auto file = CounterFile::open(path).value();
        file.set(id(0), 1);
        REQUIRE(file.commit());
    }
    Buffer records = read_file(path).value();
    const auto append = [&records](std::uint32_t n) {
        const std::size_t at = records.size();
        Writer w(records);
        w.bytes(id(n));
        w.u32(1);
        w.u32(crc32c(Bytes(records).subspan(at, 20)));
    };
    for (std::uint32_t n = 1; n < CounterFile::kCountersMax; ++n) append(n);
    REQUIRE(write_file_atomic(path, records));
    auto full = CounterFile::open(path).value();
    full.set(id(CounterFile::kCountersMax), 2);
    CHECK(full.commit().error().kind == Failure::Kind::try_again);
    full.set(id(0), 2);  // what is there goes on counting
    CHECK(full.commit());
    CHECK(CounterFile::open(path).value().value(id(0)) == 2);
    append(CounterFile::kCountersMax);
    REQUIRE(write_file_atomic(path, records));
    CHECK(CounterFile::open(path).error().kind == Failure::Kind::integrity);
}

TEST_CASE("counters: a file that cannot be written shorter stops the start, and stays as it was") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    {
        auto file = CounterFile::open(path).value();
        file.set(id(1), 5);
        REQUIRE(file.commit());
    }
    const Buffer once = read_file(path).value();
    Buffer many = once;
    while (many.size() < (2U << 20)) many.insert(many.end(), once.begin() + 8192, once.end());
    REQUIRE(write_file_atomic(path, many));
    const auto in_the_way = dir.path() / ("counters." + std::to_string(::getpid()) + ".tmp");
    REQUIRE(std::filesystem::create_directories(in_the_way / "not empty"));
    CHECK_FALSE(CounterFile::open(path));
    CHECK(std::filesystem::file_size(path) == many.size());
    std::filesystem::remove_all(in_the_way);
    CHECK(CounterFile::open(path).value().value(id(1)) == 5);
    CHECK(std::filesystem::file_size(path) == once.size());

    auto file = CounterFile::open(path).value();
    const auto commit_many = [&] {
        for (std::uint32_t n = 0; n < CounterFile::kBatchRecordsMax; ++n) file.set(id(n), 8);
        return file.commit();
    };
    std::filesystem::create_directories(in_the_way / "not empty");
    int commits = 0;
    while (commit_many()) REQUIRE(++commits < 20);
    CHECK(commits == 13);
    std::filesystem::remove_all(in_the_way);
    CHECK(commit_many());
    CHECK(std::filesystem::file_size(path) < std::size_t{1} << 18);
}

}  // namespace giro::test
