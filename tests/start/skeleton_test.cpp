// The frame of every program, while it starts.
#include <doctest/doctest.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "appliance/short_slices.hpp"
#include "appliance/skeleton.hpp"
#include "tests/hsm/token_fixture.hpp"
#include "util/log.hpp"

using namespace giro;

TEST_CASE("start: SIGTERM ends a program that still replays its journal") {
    const test::TempDir folder;
    std::filesystem::create_directories(folder.path() / "etc");
    std::filesystem::copy(GIRO_SOURCE_DIR "/firmware-config/giro.toml", folder.path() / "etc");
    int started[2];
    REQUIRE(::pipe(started) == 0);
    const pid_t program = ::fork();
    if (program == 0) {
        ::signal(SIGTERM, SIG_DFL);  // doctest has one of its own
        std::string name = "giro-slow", option = "--dir", dir = folder.path();
        char* arguments[] = {name.data(), option.data(), dir.data(), nullptr};
        ::_exit(appliance::run(name, "replays for long", 3, arguments,
                               [&](appliance::Program&) -> Result<std::shared_ptr<void>> {
                                   if (::write(started[1], "s", 1) != 1) ::_exit(99);
                                   for (int i = 0; i < 20; ++i)
                                       ::sleep(1);  // a signal may end one sleep, not the start
                                   return std::make_shared<int>();
                               }));
    }
    ::close(started[1]);
    char byte = 0;
    CHECK(::read(started[0], &byte, 1) == 1);  // 0: it ended before its start began
    ::close(started[0]);
    ::kill(program, SIGTERM);
    int status = 0;
    REQUIRE(::waitpid(program, &status, 0) == program);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
}

TEST_CASE("start: shorter slices are asked for, and the rest of what the scheduler was told stays") {
    const pid_t program = ::fork();
    if (program == 0) {
        if (::setpriority(PRIO_PROCESS, 0, 3) != 0) ::_exit(8);
        appliance::ask_for_short_slices();
        std::array<std::uint64_t, 6> told{};  // struct sched_attr: 48 bytes; nice is the low half of the third word
        if (::syscall(SYS_sched_getattr, 0, told.data(), sizeof told, 0) != 0) ::_exit(9);
        const std::uint64_t slice_ns = told[3];  // 0: a kernel before 6.12, which has none
        const bool good = ::sched_getscheduler(0) == SCHED_OTHER && static_cast<std::int32_t>(told[2]) == 3 &&
                          (slice_ns == 100'000 || slice_ns == 0);
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(program, &status, 0) == program);
    CHECK(status == 0);
}
