// giro up's inner part, with shell scripts in place of the programs: how long a start may take, and how long a restart waits.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "appliance/giro/supervisor.hpp"

using namespace giro;
namespace fs = std::filesystem;

namespace {
constexpr std::chrono::milliseconds kSilenceMax{2'000};

// A folder of its own with six programs. Each is ready after `script`, and stops on SIGTERM.
class Programs {
  public:
    Programs() : m_folder(fs::temp_directory_path() / fmt::format("giro-supervisor.{}", ::getpid())) {
        for (const char* name : {"run", "log", "bin"}) fs::create_directories(m_folder / name);
        for (const auto name : cli::kPrograms) write(name, "");
        write("explorer", "");
    }
    ~Programs() { fs::remove_all(m_folder); }
    Programs(const Programs&) = delete;
    Programs& operator=(const Programs&) = delete;

    void write(std::string_view name, const std::string& script) const {
        const fs::path file = m_folder / "bin" / fmt::format("giro-{}", name);
        std::ofstream(file) << "#!/bin/sh\ntrap 'exit 0' TERM\n"
                            << script << "\necho READY > /proc/self/fd/$GIRO_READY_FD\nwhile :; do sleep 0.05; done\n";
        fs::permissions(file, fs::perms::owner_all);
    }
    // Stops it as soon as all are up.
    Result<void> run() const {
        return run([](const std::string&) {}, [] { ::kill(::getpid(), SIGTERM); });
    }
    Result<void> run(const std::function<void(std::string)>& say, const std::function<void()>& all_up) const {
        cli::Supervisor supervisor({m_folder}, m_folder / "bin", m_names, say, kSilenceMax);
        return supervisor.run(all_up);
    }

    [[nodiscard]] fs::path state_file() const { return m_folder / "run" / "up.json"; }
    [[nodiscard]] fs::path beside(std::string_view name, const char* what) const {
        return m_folder / "bin" / fmt::format("giro-{}.{}", name, what);
    }
    // From run/up.json.
    [[nodiscard]] int pid_of(std::string_view name) const {
        std::ifstream file(state_file());
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        const auto of = text.find(fmt::format("\"{}\"", name));
        const auto at = of == std::string::npos ? of : text.find("\"pid\":", of);
        return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + 6);
    }

    void with_explorer() { m_names.emplace_back("explorer"); }

  private:
    std::vector<std::string> m_names{cli::kPrograms.begin(), cli::kPrograms.end()};
    fs::path m_folder;
};
}  // namespace

// Found by the benchmark: ten million entries on a busy machine took 129 s to replay, and the box never came up.
TEST_CASE("supervisor: a start may take longer than its patience while the program says where it is") {
    const Programs programs;
    programs.write("switch", "for i in 1 2 3 4 5 6 7 8 9 10; do echo checking: entry $i; sleep 0.3; done");
    const auto ended = programs.run();
    CHECK_MESSAGE(ended, (ended ? "" : ended.error().what));
}

TEST_CASE("supervisor: a program that says nothing and does not become ready ends the start") {
    const Programs programs;
    programs.write("switch", "echo waiting for a sign; while :; do sleep 0.05; done");
    const auto ended = programs.run();
    REQUIRE_FALSE(ended);
    CHECK(ended.error().exit_code() == 75);
    CHECK(ended.error().what.find("giro-switch was not ready after") != std::string::npos);
    CHECK(ended.error().what.find("waiting for a sign") != std::string::npos);
}

// Found by the kill -9 loop: most of a recovery was the wait for it, and a program that was killed often waited for seconds.
TEST_CASE("supervisor: who is killed is started again at once, and waits longer only where it keeps dying") {
    const Programs programs;
    // The first life is killed once it is up, the next three before they are ready; the fifth ends the test.
    programs.write("gate", R"(lives=$0.lives; echo >>$lives; n=$(wc -l <$lives)
case $n in 2|3|4) kill -9 $$;; 5) kill -TERM $PPID;; esac)");
    std::vector<std::string> restarts;
    const auto ended = programs.run(
        [&](const std::string& line) {
            if (const auto at = line.find("restart "); at != std::string::npos)
                restarts.push_back(line.substr(at, line.find(';', at) - at));
        },
        [&] {
            const auto pid = programs.pid_of("gate");
            REQUIRE(pid > 0);
            ::kill(pid, SIGKILL);
        });
    CHECK_MESSAGE(ended, (ended ? "" : ended.error().what));
    CHECK(restarts == std::vector<std::string>{"restart 1 in 20 ms", "restart 2 in 40 ms", "restart 3 in 80 ms",
                                               "restart 4 in 160 ms"});
}

// Found by the story's small disk: the switch was started again while the disk was full, and giro status showed its dead
// predecessor until the next program died.
TEST_CASE("supervisor: a state that could not be written is written as soon as that is possible") {
    const Programs programs;
    // Ends the test once the file says that it is up itself, or is long overdue.
    programs.write("gate", R"(state=${0%/bin/*}/run/up.json
(for i in $(seq 200); do grep -q '"gate","state":"up"' $state && : >$0.seen && break; sleep 0.05; done; kill -TERM $PPID) 2>/dev/null &)");
    int refused = 0;
    const auto ended = programs.run(
        [&](const std::string& line) {
            if (line.starts_with("gate ") && line.find(" up, pid") != std::string::npos) {  // a folder is in its way
                fs::remove(programs.state_file());
                fs::create_directories(programs.state_file() / "in the way");
            } else if (line.starts_with("state not written")) {
                ++refused;
                fs::remove_all(programs.state_file());
            }
        },
        [] {});
    CHECK_MESSAGE(ended, (ended ? "" : ended.error().what));
    CHECK(refused == 1);
    CHECK(fs::exists(programs.beside("gate", "seen")));
}

// Found by a review: whoever took the public pages over, or held their port, could end the payments by an exit status.
TEST_CASE("supervisor: the explorer may end as it likes, or never start: the box stays up") {
    for (const char* script : {"exit 4", "exit 2", "kill -9 $$"}) {
        CAPTURE(script);
        Programs programs;
        programs.with_explorer();
        programs.write("explorer", script);
        std::string told;
        const auto ended = programs.run([&](const std::string& line) { told += line + "\n"; }, [] { ::kill(::getpid(), SIGTERM); });
        CHECK_MESSAGE(ended, (ended ? "" : ended.error().what));
        CHECK(told.find("restart 1 in 20 ms") != std::string::npos);
    }
}
