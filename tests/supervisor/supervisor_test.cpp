// giro up's inner part, with shell scripts in place of the programs: how long a start may take.
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
        cli::Supervisor supervisor({m_folder}, m_folder / "bin", [](const std::string&) {}, kSilenceMax);
        return supervisor.run([] { ::kill(::getpid(), SIGTERM); });
    }

  private:
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
