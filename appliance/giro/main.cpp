// The command `giro`: joins the tables of commands into one parser, runs the one that was given, and turns its Failure
// into one line on standard error and an exit status (command.hpp). Run by operators and by ./dev.
// Input is its user's own; a mistake is told in one line and exits with 2.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <list>

#include "appliance/giro/command.hpp"
#include "appliance/skeleton.hpp"
#include "util/log.hpp"

namespace giro::cli {
namespace {

// What CLI11 fills in for one command. In a list: CLI11 keeps references into it.
struct Bound {
    const Command* command = nullptr;
    const CLI::App* app = nullptr;
    std::map<std::string, std::string> texts;
    std::map<std::string, bool> flags;
};

struct Globals {
    std::string dir = "var";
    bool json = false;
};

std::vector<Command> all_commands() {
    std::vector<Command> all;
    for (const auto table : {box_commands, journal_commands, key_commands, pos_commands, host_commands, wallet_commands,
                             settlement_commands, recon_commands, iso_commands, terminal_commands,
                             card_commands, route_commands, link_commands, saf_commands})
        for (auto& command : table()) all.push_back(std::move(command));
    return all;
}

std::string purpose_of_group(const std::string& group) {
    static const std::map<std::string, std::string> purposes = {
        {"config", "the box's configuration"},        {"demo", "the demo box"},
        {"journal", "the log of everything"},         {"key", "the payment keys"},
        {"settle", "settlement windows"},
        {"wallet", "a customer's wallet"},            {"bank", "a bank's counter"},
        {"officer", "the officers who approve"},      {"iso", "ISO 8583 messages"},
        {"card", "cards on us"},                      {"route", "the routing table"},
        {"iso mac", "their MACs"},                    {"terminal", "the merchants' terminals"},
        {"recon", "what terminals reconciled"},       {"link", "the links to issuers' hosts"},
        {"saf", "what issuers' hosts are owed"},
    };
    const auto found = purposes.find(group);
    return found == purposes.end() ? group : found->second;
}

// The (sub)command for "settle close": makes the group "settle" when it is not there yet; groups may hold groups.
CLI::App* place(CLI::App& root, std::map<std::string, CLI::App*>& groups, const std::string& path, const std::string& summary) {
    CLI::App* at = &root;
    std::size_t word = 0;
    for (auto space = path.find(' '); space != std::string::npos; space = path.find(' ', word)) {
        const std::string group = path.substr(0, space);
        CLI::App*& known = groups[group];
        if (known == nullptr) known = at->add_subcommand(path.substr(word, space - word), purpose_of_group(group))->fallthrough();
        at = known;
        word = space + 1;
    }
    CLI::App* leaf = at->add_subcommand(path.substr(word), summary);
    leaf->fallthrough();  // --dir and --json may stand anywhere
    return leaf;
}

void bind(CLI::App& root, std::map<std::string, CLI::App*>& groups, Bound& bound) {
    CLI::App* app = place(root, groups, bound.command->path, bound.command->summary);
    bound.app = app;
    for (const Option& option : bound.command->options) {
        if (option.kind == Option::Kind::flag) {
            app->add_flag(option.name, bound.flags[option.name], option.help);
            continue;
        }
        std::string& value = bound.texts[option.name];
        value = option.value;
        CLI::Option* made = app->add_option(option.name, value, option.help);
        if (option.kind == Option::Kind::number) made->check(CLI::TypeValidator<std::int64_t>(""))->type_name("N");
        // A shell's variable that is not set would else narrow nothing down, where it was meant to.
        made->check([](const std::string& given) { return given.empty() ? std::string("an empty value says nothing") : std::string(); });
        if (!option.value.empty()) made->capture_default_str();
        if (option.required) made->required();
    }
}

std::map<std::string, std::string> values(const Bound& bound) {
    auto out = bound.texts;
    for (const auto& [name, given] : bound.flags) out[name] = given ? "1" : "";
    return out;
}

// `what` is said already, or else: a group without one of its commands, a word that is no command.
Failure usage(const CLI::App& root, const std::string& what) {
    const CLI::App* at = &root;
    std::string path = "giro";
    while (!at->get_subcommands().empty()) {
        at = at->get_subcommands().front();
        path += " " + at->get_name();
    }
    const bool is_command = at->get_subcommands([](const CLI::App*) { return true; }).empty();
    const auto left = root.remaining(true);
    if (is_command || (left.empty() && at == &root)) return {Failure::Kind::config, fmt::format("{}; see {} --help", what, path)};
    if (left.empty()) return {Failure::Kind::config, fmt::format("{} needs one of its commands; see {} --help", path, path)};
    return {Failure::Kind::config, fmt::format("unknown command '{}'; see {} --help", left.front(), path)};
}

Result<void> run(const Command& command, const Args& args) {
    const std::string dir = args.paths().root.string();
    if (command.needs_box(args) && !std::filesystem::exists(args.paths().config_file()))
        return fail(Failure::Kind::not_provisioned, fmt::format("no box in {}; run: giro init --dir {}", dir, dir));
    return command.run(args);
}

// A Failure without words was told on standard output already.
int report(const Failure& failure) {
    std::fflush(stdout);
    if (failure.what.empty()) return failure.exit_code();
    std::fprintf(stderr, "giro: %s\n", log::mask_pans(failure.what).c_str());
    return failure.exit_code();
}

int parse_and_run(int argc, char** argv) {
    Globals globals;
    CLI::App root{"Giro, a payment switch in a box: sets it up, runs it, looks into it, and plays its customers.", "giro"};
    root.add_option("--dir", globals.dir, "folder of the box")->capture_default_str();
    root.add_flag("--json", globals.json, "print one JSON object instead of text");
    root.set_version_flag("--version", std::string("giro ") + GIRO_VERSION);
    const auto commands = all_commands();
    std::list<Bound> bounds;
    std::map<std::string, CLI::App*> groups;
    for (const Command& command : commands) bind(root, groups, bounds.emplace_back(Bound{&command, nullptr, {}, {}}));
    try {
        root.parse(argc, argv);
    } catch (const CLI::Success& e) {  // --help, --version
        return root.exit(e);
    } catch (const CLI::ParseError& e) {
        return report(usage(root, e.what()));
    }
    for (const Bound& bound : bounds) {
        if (!bound.app->parsed()) continue;
        const auto done = run(*bound.command, Args(config::Paths{globals.dir}, globals.json, values(bound)));
        return done ? 0 : report(done.error());
    }
    return report(usage(root, "no command was given"));
}

}  // namespace
}  // namespace giro::cli

int main(int argc, char** argv) {
    giro::log::set_program("giro");
    giro::appliance::harden_process();
    return giro::cli::parse_and_run(argc, argv);
}
