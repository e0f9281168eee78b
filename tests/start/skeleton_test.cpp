// The frame of every program, while it starts.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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
