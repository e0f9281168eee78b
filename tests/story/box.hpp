// A box of the story: a folder of its own under /tmp, free loopback ports, the real programs. Everything it started is
// ended by pid, and the folder removed, when it goes.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/story/small_disk.hpp"

namespace story {

using nlohmann::json;

// Prints a line that ./dev test lets through.
void tell(const std::string& line);

// A program under way; its standard output and error go to a file.
class Running {
  public:
    Running(const std::vector<std::string>& command, const std::filesystem::path& output);
    ~Running();  // SIGTERM, then waits
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    [[nodiscard]] bool alive();
    int wait();  // its exit status; 128 + n when signal n killed it
    void signal(int number) const;
    [[nodiscard]] std::string output() const;

  private:
    pid_t m_pid;
    int m_status = 0;
    std::filesystem::path m_output;
};

// What a command that has ended said.
struct Said {
    int status = 0;
    std::string text;   // standard output and standard error
    [[nodiscard]] bool has(std::string_view words) const { return text.find(words) != std::string::npos; }
    [[nodiscard]] json object() const;  // the last line that is a JSON object; null when there is none
};

// A field of the answer that a command printed with --json; all that was said instead when there is none, so that a failed
// check shows it.
[[nodiscard]] std::string field_of(const Said& said, const char* name);
[[nodiscard]] std::string code_of(const Said& said);  // DE39

class Box {
  public:
    // `disk_mebibytes` other than 0: the folder is on a SmallDisk of that size.
    explicit Box(const std::string& name, std::uint64_t disk_mebibytes = 0);
    ~Box();
    Box(const Box&) = delete;
    Box& operator=(const Box&) = delete;
    // giro and the programs it starts are those of this folder; otherwise the build's.
    void use_programs(std::filesystem::path folder) { m_programs = std::move(folder); }

    // giro --dir <folder> <arguments>
    Said giro(const std::vector<std::string>& arguments);
    // The same in the background.
    [[nodiscard]] std::unique_ptr<Running> start(const std::vector<std::string>& arguments, const std::string& output);
    void init();               // giro init --demo
    void up();                 // giro up, until it says so; fails the test when it ends instead
    void down();               // SIGTERM to it; every program must be gone
    Said up_that_fails();      // giro up that is expected to end by itself
    void serve_issuer_host(const std::vector<std::string>& options = {});  // giro host at the link's address
    void stop_issuer_host() { m_host.reset(); }

    [[nodiscard]] pid_t pid_of(const std::string& program) const;  // "switch"
    // Kills the program and waits until another has taken its place and the box answers.
    void kill_and_wait(const std::string& program);
    [[nodiscard]] json status() { return giro({"--json", "status"}).object(); }
    // Journal entries of one kind, as giro journal list gives them.
    [[nodiscard]] std::vector<json> journal(const std::string& kind);
    [[nodiscard]] const std::filesystem::path& folder() const { return m_folder; }
    // What the programs said to the one who started them: beside the box, whose disk may be full.
    [[nodiscard]] const std::filesystem::path& said_folder() const { return m_said; }
    [[nodiscard]] std::string up_said() const { return m_up->output(); }
    [[nodiscard]] const SmallDisk& disk() const { return *m_disk; }
    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return m_folder / name; }
    [[nodiscard]] int port(const std::string& what) const { return m_ports.at(what); }
    void write_config(const std::map<std::string, int>& ports);

  private:
    std::filesystem::path m_folder, m_said, m_programs;
    std::optional<SmallDisk> m_disk;
    std::map<std::string, int> m_ports;
    std::unique_ptr<Running> m_up, m_host;
    int m_runs = 0;
};

// More settings for the box's link.
void add_to_link(const Box& box, const std::string& settings);
// A loopback port that was free a moment ago.
[[nodiscard]] int free_port();
// RRNs that the terminals of a `giro pos load --trace` were told are approved.
[[nodiscard]] std::set<std::string> acknowledged(const std::filesystem::path& trace);
// Each of them is in the journal, once, and the journal is whole.
void check_nothing_lost(Box& box, const std::set<std::string>& told);

[[nodiscard]] std::string read_text(const std::filesystem::path& file);
void write_text(const std::filesystem::path& file, const std::string& text);
// Polls until `ready` or the time is over; false then. For things that another program does in its own time.
[[nodiscard]] bool eventually(int seconds, const std::function<bool()>& ready);

}  // namespace story
