#include "appliance/skeleton.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "util/file.hpp"
#include "util/log.hpp"

namespace giro::appliance {

namespace {

// Tells the supervisor, through the descriptor it left open for this, that the program serves now.
void say_ready() {
    const char* text = std::getenv("GIRO_READY_FD");
    if (text == nullptr) return;
    const int fd = std::atoi(text);
    if (fd > 2 && ::write(fd, "READY\n", 6) == 6) ::close(fd);
    ::unsetenv("GIRO_READY_FD");
}

Result<void> serve(const std::string& name, const config::Paths& paths, const Start& start) {
    auto config = config::load(paths.config_file());
    if (!config) return tl::unexpected(config.error());
    std::error_code ignored;
    std::filesystem::create_directories(paths.run(), ignored);
    auto lock = FileLock::acquire(paths.run() / (name + ".lock"));
    if (!lock) return tl::unexpected(lock.error());

    std::optional<Failure> failure;
    bus::Loop loop;
    bus::Context context;
    Program program{paths, *config, loop, context, [&](Failure f) {
                        if (!failure) failure = std::move(f);
                        loop.stop();
                    }};
    // A signal ends a start at once, as kill -9 would: it may be a replay of minutes, and there is nothing yet to end in
    // order. SIGPIPE is ignored from the first socket on.
    std::signal(SIGPIPE, SIG_IGN);
    auto alive = start(program);
    if (!alive) return tl::unexpected(alive.error());
    loop.handle_stop_signals(program.stop);
    log::info("serving");
    say_ready();
    loop.run();
    alive->reset();
    if (failure) return tl::unexpected(*failure);
    log::info("stopped");
    return {};
}

}  // namespace

void harden_process() noexcept {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::umask(077);
    if (std::getenv("GIRO_READY_FD") != nullptr) ::prctl(PR_SET_PDEATHSIG, SIGTERM);
}

int run(std::string name, std::string what, int argc, char** argv, const Start& start) {
    log::set_program(name);
    CLI::App app{what, name};
    std::string dir = "var";
    app.add_option("--dir", dir, "folder of the box")->capture_default_str();
    app.set_version_flag("--version", std::string("giro ") + GIRO_VERSION);
    app.add_subcommand("serve", "run until SIGTERM (the default)")->fallthrough();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : static_cast<int>(Failure::Kind::config);
    }
    harden_process();
    const auto served = serve(name, config::Paths{dir}, start);
    if (served) return 0;
    log::error("{}", served.error().what);
    return served.error().exit_code();
}

}  // namespace giro::appliance
