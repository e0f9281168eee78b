// A program that a command starts and waits for; ended and reaped when this value goes. (`giro up` has supervisor.hpp.)
// What it prints goes to our standard error or to a log: standard output is the command's own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "giro/result.hpp"

namespace giro::cli {

// The Failure that an exit status of one of our programs stands for.
[[nodiscard]] Failure::Kind kind_of_exit(int status) noexcept;

class Child {
  public:
    struct Options {
        std::uint64_t wait_ready_ms = 0;  // not 0: start() returns when it said READY
        std::filesystem::path log{};      // appended to, instead of our standard error
    };
    // Failures: config when the program is missing; what the program exited with when it ended before it was ready;
    // try_again when it was not ready in time.
    [[nodiscard]] static Result<Child> start(const std::filesystem::path& program, const std::vector<std::string>& arguments, Options options);
    Child(Child&& other) noexcept : m_pid(other.m_pid) { other.m_pid = 0; }
    Child& operator=(Child&&) = delete;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();  // SIGTERM, then waits
    // Waits for its end; its exit status, or 1 when a signal killed it.
    int wait() noexcept;

  private:
    explicit Child(int pid) noexcept : m_pid(pid) {}
    int m_pid;
};

}  // namespace giro::cli
