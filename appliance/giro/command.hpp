// A command of `giro` as data: its words, its options, and what it does. main.cpp turns the tables into a parser, so
// that --help, usage errors and exit codes are the same everywhere and the heavy parser header is compiled once.
//
// Exit status of every command: 0 ok, 1 refused, 2 usage or config, 3 not provisioned or locked, 4 integrity failure,
// 75 try again (giro::Failure).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "giro/result.hpp"

namespace giro::cli {

struct Option {
    enum class Kind { text, number, flag };
    std::string name;           // "--rate", or "rrn" for a positional
    std::string help;           // one line, with the unit
    Kind kind = Kind::text;
    std::string value{};        // default; empty: none
    bool required = false;
};

// What the user gave. Names as in Option.
class Args {
  public:
    Args(config::Paths paths, bool json, std::map<std::string, std::string> values)
        : m_paths(std::move(paths)), m_json(json), m_values(std::move(values)) {}
    [[nodiscard]] const config::Paths& paths() const noexcept { return m_paths; }  // --dir
    [[nodiscard]] bool json() const noexcept { return m_json; }                    // --json
    [[nodiscard]] bool given(const std::string& name) const { return m_values.contains(name) && !m_values.at(name).empty(); }
    [[nodiscard]] std::string text(const std::string& name) const { return given(name) ? m_values.at(name) : std::string(); }
    [[nodiscard]] std::int64_t number(const std::string& name) const { return given(name) ? std::stoll(m_values.at(name)) : 0; }
    [[nodiscard]] bool flag(const std::string& name) const { return given(name); }

  private:
    config::Paths m_paths;
    bool m_json;
    std::map<std::string, std::string> m_values;
};

// Whether a command, with these arguments, needs the folder of a box that was set up.
using NeedsBox = bool (*)(const Args&);
[[nodiscard]] inline bool always(const Args&) { return true; }
[[nodiscard]] inline bool never(const Args&) { return false; }

struct Command {
    std::string path;     // "settle close"
    std::string summary;  // one line
    std::vector<Option> options;
    std::function<Result<void>(const Args&)> run;
    NeedsBox needs_box = always;  // main.cpp looks for it before it runs the command
};

// Each file of commands gives its table; main.cpp joins them.
[[nodiscard]] std::vector<Command> box_commands();         // init, up, status, doctor, config check, demo provision
[[nodiscard]] std::vector<Command> pos_commands();         // pos
[[nodiscard]] std::vector<Command> host_commands();        // host
[[nodiscard]] std::vector<Command> wallet_commands();      // wallet new|address|balance|pay|qr
[[nodiscard]] std::vector<Command> settlement_commands();  // settle close|status, approve, receipt, verify
[[nodiscard]] std::vector<Command> key_commands();         // key list|import|export|rotate|inspect|component
[[nodiscard]] std::vector<Command> terminal_commands();    // terminal add|dukpt
[[nodiscard]] std::vector<Command> card_commands();        // card pin|unlock|block|unblock
[[nodiscard]] std::vector<Command> saf_commands();         // saf list|show|retry|park|close
[[nodiscard]] std::vector<Command> journal_commands();     // journal verify|list|summary
[[nodiscard]] std::vector<Command> recon_commands();       // recon show|totals
[[nodiscard]] std::vector<Command> iso_commands();         // iso explain, iso mac explain
[[nodiscard]] std::vector<Command> route_commands();       // route explain|list
[[nodiscard]] std::vector<Command> link_commands();        // link list|down|up

}  // namespace giro::cli
