// kill -9, full disks, failing disks: what was acknowledged is there, what was not is not half there.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/journal/support.hpp"

using namespace giro;
using namespace giro::journal;
using Kind = Failure::Kind;

namespace {
// Runs `child` in a process of its own, which ends with its return value.
pid_t start(const std::function<int()>& child) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) ::_exit(child());
    return pid;
}

int exit_code(pid_t pid) {
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Appends until killed, and writes each acknowledged sequence number to `out`.
int append_for_ever(const std::filesystem::path& path, int out) {
    auto log = Journal::open(path, {.create = true, .checkpoint_pages = 40});
    if (!log) return 1;
    for (;;) {
        const auto seq = append_numbers(*log, log->head().seq + 1, 1 + log->head().seq % 13);
        if (!seq) return 2;
        if (::write(out, &*seq, sizeof *seq) != sizeof *seq) return 3;
        if (log->checkpoint_due(false) && !log->checkpoint()) return 4;
    }
}
}  // namespace

TEST_CASE("crash: after kill -9 in the middle of appends every acknowledged entry is there") {
    TempFolder folder;
    std::uint64_t acknowledged = 0;
    for (int round = 0; round < 6; ++round) {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        const pid_t pid = start([&] {
            ::close(ends[0]);
            return append_for_ever(folder.file(), ends[1]);
        });
        ::close(ends[1]);
        std::uint64_t seq = 0;
        for (int heard = 0; ::read(ends[0], &seq, sizeof seq) == sizeof seq; ++heard) {
            acknowledged = seq;
            if (heard == 20 + round * 7) ::kill(pid, SIGKILL);  // and hear what it still said
        }
        ::close(ends[0]);
        CHECK(exit_code(pid) == -1);
        auto log = Journal::open(folder.file());
        REQUIRE_MESSAGE(log, (log ? "" : log.error().what));
        CHECK(log->head().seq >= acknowledged);
        CHECK(log->read(1, nothing()));
        const auto report = verify(folder.file());
        REQUIRE(report);
        CHECK(report->entries == log->head().seq);
    }
    CHECK(acknowledged > 0);
}

TEST_CASE("crash: at the size limit an append fails whole, and the journal goes on when there is room") {
    TempFolder folder;
    Head head;
    const Buffer body(1'000, std::byte{1});
    const std::vector<EntryView> batch(20, EntryView{1, body});
    {
        Journal log = open_new(folder.file(), {.pages_max = 60});
        Result<std::uint64_t> result = 0U;
        while ((result = log.append(batch, 1))) head = log.head();
        CHECK(result.error().kind == Kind::try_again);
        CHECK(says(result.error(), "disk full: "));
        CHECK(says(result.error(), "nothing was written"));
        CHECK(log.head() == head);
        CHECK(head.seq > 20);
        CHECK(log.append(batch, 1).error().kind == Kind::try_again);
        CHECK(log.read(1, nothing()));
        const EntryView small[] = {{1, as_bytes("fits")}};
        REQUIRE(log.append(small, 2) == head.seq + 1);
        head = log.head();
    }
    auto again = Journal::open(folder.file());
    REQUIRE(again);
    CHECK(again->head() == head);
    CHECK(again->append(batch, 3));
    CHECK(verify(folder.file())->entries == head.seq + 20);
}

TEST_CASE("crash: on a full disk an append fails whole, and the journal goes on when there is room") {
    TempFolder folder;
    const auto disk = folder.file("disk");
    std::filesystem::create_directory(disk);
    constexpr int kNoMount = 77;
    const int code = exit_code(start([&] {
        // A small disk that only this process sees.
        if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return kNoMount;
        if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kNoMount;
        if (::mount("none", disk.c_str(), "tmpfs", 0, "size=1m") != 0) return kNoMount;
        auto log = Journal::open(disk / "journal.db", {.create = true});
        if (!log) return 1;
        const Buffer body(1'000, std::byte{1});
        const std::vector<EntryView> batch(20, EntryView{1, body});
        Result<std::uint64_t> result = 0U;
        while ((result = log->append(batch, 1))) {}
        const Head head = log->head();
        if (result.error().kind != Kind::try_again || head.seq < 20) return 2;
        if (log->append(batch, 1)) return 3;
        if (log->head() != head || !log->read(1, nothing())) return 4;
        if (::mount("none", disk.c_str(), "tmpfs", MS_REMOUNT, "size=4m") != 0) return kNoMount;
        if (log->append(batch, 1) != head.seq + 20) return 5;
        const auto report = verify(disk / "journal.db");
        return report && report->entries == head.seq + 20 ? 0 : 6;
    }));
    if (code == kNoMount) MESSAGE("skipped: this user may not mount a small disk");
    else CHECK(code == 0);
}

TEST_CASE("crash: after a write that the disk refused the journal stops, and starts again with all that it acknowledged") {
    TempFolder folder;
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const int code = exit_code(start([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        auto log = Journal::open(folder.file(), {.create = true});
        if (!log) return 1;
        const rlimit limit{300'000, 300'000};  // a write beyond gives EFBIG: an I/O error that is not a full disk
        if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
        const Buffer body(1'000, std::byte{1});
        const std::vector<EntryView> batch(20, EntryView{1, body});
        Result<std::uint64_t> result = 0U;
        while ((result = log->append(batch, 1))) {}
        if (result.error().kind != Kind::refused || !says(result.error(), "start again")) return 3;
        const EntryView small[] = {{1, as_bytes("x")}};
        if (log->append(small, 1) || log->checkpoint()) return 4;
        const std::uint64_t seq = log->head().seq;
        return ::write(ends[1], &seq, sizeof seq) == sizeof seq ? 0 : 5;
    }));
    CHECK(code == 0);
    std::uint64_t acknowledged = 0;
    REQUIRE(::read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged);
    ::close(ends[0]);
    ::close(ends[1]);
    auto log = Journal::open(folder.file());
    REQUIRE(log);
    CHECK(log->head().seq == acknowledged);
    CHECK(log->read(1, nothing()));
    CHECK(acknowledged >= 20);
}
