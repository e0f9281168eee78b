// giro up: one box, one supervisor (supervisor.hpp). A second one on the same box is turned away by a lock.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "appliance/giro/box.hpp"
#include "appliance/giro/supervisor.hpp"
#include "util/file.hpp"

namespace giro::cli {

namespace {
void print_addresses(const config::Config& config) {
    const auto line = [](const char* what, const config::Address& address) {
        fmt::print("   {:<30} {}:{}\n", what, address.host, address.port);
    };
    line("terminals, ISO 8583 plain", config.gate.terminals);
    line("terminals, ISO 8583 over TLS", config.gate.terminals_tls);
    for (const config::Port& port : config.ports)
        line(fmt::format("port {}, {}{}", port.name, port.dialect.empty() ? config.gate.dialect : port.dialect, port.tls ? " over TLS" : "").c_str(), port.address);
    line("wallets, HTTPS", config.gate.wallets);
    if (config.explorer) line("explorer, HTTP", config.explorer->listen);
}
}  // namespace

Result<void> bring_up(const Args& args) {
    const config::Paths& paths = args.paths();
    const auto config = config::load(paths.config_file());
    if (!config) return tl::unexpected(config.error());
    std::error_code error;
    for (const auto& folder : {paths.run(), paths.log()}) {
        std::filesystem::create_directories(folder, error);
        if (error) return fail(Failure::Kind::refused, fmt::format("cannot make {}: {}", folder.string(), error.message()));
    }
    const auto lock = FileLock::acquire(paths.run() / "up.lock");
    if (!lock) {
        if (lock.error().kind != Failure::Kind::try_again) return tl::unexpected(lock.error());
        const auto pid = pid_of_up(paths);
        return fail(Failure::Kind::try_again, fmt::format("the box in {} is up already (pid {}); see giro status, or stop it first",
                                                          paths.root.string(), pid.value_or(0)));
    }
    if (auto written = write_file_atomic(paths.run() / "up.pid", as_bytes(fmt::format("{}\n", ::getpid()))); !written)
        return written;

    const auto say = [](const std::string& line) {
        fmt::print("   {}\n", line);
        std::fflush(stdout);
    };
    Supervisor supervisor(paths, programs_folder(), programs_of(*config), say);
    const auto ended = supervisor.run([&] {
        print_addresses(*config);
        if (token_present(paths) == false) say("token ABSENT: payments are refused until it is back");
        say(fmt::format("box '{}' in {} is up; logs in {}", config->box, paths.root.string(), paths.log().string()));
    });
    if (ended) say("stopped");
    return ended;
}

}  // namespace giro::cli
