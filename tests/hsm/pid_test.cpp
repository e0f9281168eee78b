// appliance/giro-vault/cached_pid.cpp, which stands in place of the C library's getpid() here too.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {
bool knows_itself() { return ::getpid() == static_cast<pid_t>(::syscall(SYS_getpid)); }
}  // namespace

TEST_CASE("vault: a process knows its number, its child of fork another one, and the child's child again") {
    CHECK(knows_itself());
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        bool good = knows_itself() && ::getpid() != self;
        const pid_t grandchild = ::fork();
        if (grandchild == 0) ::_exit(knows_itself() && ::getpid() != self ? 0 : 1);
        int status = -1;
        good = good && ::waitpid(grandchild, &status, 0) == grandchild && status == 0 && knows_itself();
        ::_exit(good ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(::getpid() == self);
    CHECK(knows_itself());
}
