// giro-vault: the only program with the token's PIN.
//
//   giro-vault [serve] --dir DIR                   the verbs of hsm/verbs.hpp, to each caller through its endpoint
//   giro-vault serve --provisioning --dir DIR      the provisioning verbs, to the admin's endpoint alone
//   giro-vault provision --dir DIR                 makes token, keys and pub/bundle.json, or what is missing of them
//
// Hostile: every request of the other programs. Holds: the PIN, and sessions of the token. Talks to nobody by itself.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "appliance/giro-vault/service.hpp"
#include "appliance/short_slices.hpp"
#include "util/file.hpp"
#include "util/log.hpp"

namespace {

using namespace giro;

Result<void> provision(const config::Paths& paths) {
    const auto config = config::load(paths.config_file());
    if (!config) return tl::unexpected(config.error());
    std::error_code ignored;  // the lock below tells
    std::filesystem::create_directories(paths.run(), ignored);
    const auto lock = FileLock::acquire(paths.run() / "giro-vault.lock");  // not while the vault serves
    if (!lock) return tl::unexpected(lock.error());
    return hsm::provision(appliance::vault_config(paths, *config), [](const std::string& step) {
        std::fprintf(stdout, "  %s\n", step.c_str());
        std::fflush(stdout);
    });
}

int run_provision(int argc, char** argv) {
    log::set_program("giro-vault");
    CLI::App app{"makes the token, its keys and pub/bundle.json, or what is missing of them", "giro-vault provision"};
    std::string dir = "var";
    app.add_option("--dir", dir, "folder of the box")->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : static_cast<int>(Failure::Kind::config);
    }
    appliance::harden_process();
    const auto done = provision(config::Paths{dir});
    if (done) return 0;
    log::error("{}", done.error().what);
    return done.error().exit_code();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "provision") return run_provision(argc - 1, argv + 1);
    hsm::Permit permit = hsm::Permit::running;
    std::vector<char*> rest;
    for (int i = 0; i < argc; ++i) {
        const std::string_view word(argv[i]);
        if (word == "--provisioning") permit = hsm::Permit::provisioning;
        else if (i != 1 || word != "serve") rest.push_back(argv[i]);  // what the program does without a word
    }
    rest.push_back(nullptr);
    appliance::ask_for_short_slices();
    return appliance::run(
        "giro-vault",
        "holds the keys and answers the box's programs; 'serve --provisioning': the admin's provisioning "
        "verbs only; 'provision': makes token and keys",
        static_cast<int>(rest.size()) - 1, rest.data(),
        [permit](appliance::Program& program) { return appliance::VaultService::start(program, permit); });
}
