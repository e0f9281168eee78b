#include "appliance/giro/box.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>

#include "appliance/giro/demo.hpp"
#include "routing/file.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"

namespace giro::cli {

std::filesystem::path programs_folder() {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

Result<std::filesystem::path> find_defaults() {
    const std::filesystem::path installed = programs_folder() / "../share/giro";
    for (const auto& candidate : {installed, std::filesystem::path(GIRO_SOURCE_DIR) / "firmware-config"})
        if (std::filesystem::exists(candidate / "giro.toml")) return candidate;
    return fail(Failure::Kind::config, "the default configuration (firmware-config/giro.toml) is not found; install giro whole");
}

std::optional<int> pid_of_up(const config::Paths& paths) {
    // The lock says whether it lives; the file only says who it is.
    const int fd = ::open((paths.run() / "up.lock").c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    const bool free = ::flock(fd, LOCK_SH | LOCK_NB) == 0;
    ::close(fd);
    if (free) return std::nullopt;
    const auto text = read_file(paths.run() / "up.pid", 32);
    return text ? std::atoi(std::string(as_text(*text)).c_str()) : 0;
}

void progress(const std::string& line) {
    std::fprintf(stderr, "   %s\n", line.c_str());
    std::fflush(stderr);
}

Result<std::vector<iso8583::Dialect>> load_dialects(const config::Paths& paths, const config::Config& config) {
    return iso8583::load_dialects(paths.dialects(), config::dialects_of(config));
}

Result<void> check_config(const Args& args) {
    const auto config = config::load(args.paths().config_file());
    if (!config) return tl::unexpected(config.error());
    if (auto dialects = load_dialects(args.paths(), *config); !dialects) return tl::unexpected(dialects.error());
    const auto routing = routing::load(*config, routing::routes_file(args.paths()));
    if (!routing) return tl::unexpected(routing.error());
    for (const auto& file : std::filesystem::directory_iterator(args.paths().dialects()))
        if (file.path().extension() == ".toml")
            if (auto dialect = iso8583::load_dialect(file.path()); !dialect) return tl::unexpected(dialect.error());
    if (args.json()) fmt::print("{{\"ok\":true,\"box\":\"{}\",\"participants\":{}}}\n", config->box, config->participants.size());
    else fmt::print("{} and its links are good: box '{}', {} participants, {} links, {} routes, {} officers\n", args.paths().config_file().string(),
                    config->box, config->participants.size(), config->links.size(), routing->table.rules().size(), config->officers.size());
    return {};
}

std::vector<Command> box_commands() {
    using Kind = Option::Kind;
    return {
        {"init", "set up a box: folders, configuration, token and keys; what is there stays",
         {{"--demo", "also terminals' keys, a client certificate and officers, so that payments can be tried", Kind::flag},
          {"--terminals", fmt::format("with --demo: how many terminals get a key, at most {}", demo::kTerminalsMax), Kind::number, std::to_string(demo::kTerminals)}},
         init_box, never},
        {"up", "start every program of the box and keep them up until SIGTERM or Ctrl-C", {}, bring_up},
        {"status", "what runs, since when, and where journal, chain and token stand", {}, show_status},
        {"doctor", "examine everything a box needs; says what to do about what is wrong", {}, examine, never},
        {"config check", "read etc/giro.toml, etc/routes.toml, every link in etc/conf.d and every file of etc/dialects as the programs do, and say what is wrong", {}, check_config, never},
        {"demo provision", "the demo's banks, accounts, cards and terminals, into the running switch; what is there stays", {}, provision_demo},
        {"bank pay-in", "a customer paid cash in: from a bank's reserve to one of its accounts",
         {{"--wallet", "address of a wallet (giro wallet address)"},
          {"--account", "or the account's id, 32 hexadecimal digits"},
          {"--amount", "minor units", Kind::number, "", true},
          {"--reference", "at most 24 characters", Kind::text, "cash"}},
         pay_in},
    };
}

}  // namespace giro::cli
