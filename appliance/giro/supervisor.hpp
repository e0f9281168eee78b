// Starts the box's programs in order, keeps them up, and stops them in reverse. Run by `giro up`.
// A program is hostile only in that it may die or hang at any moment: its readiness comes through a pipe, its end
// through SIGCHLD, its words through its log file.
//
//   died before it was ever ready      the box stops with that program's exit status and last log line
//   died later with 2, 3 or 4          the same: a restart cannot mend usage, provisioning or integrity
//   died later in any other way        started again after 200 ms, doubled up to 10 s; after 1 s up the count starts over
//   giro-explorer, however it dies     the same: what the public is shown never ends the box
#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "giro/result.hpp"

namespace giro::cli {

// The programs in the order of their start: each needs the ones above it, not the ones below.
inline constexpr std::array<std::string_view, 6> kPrograms = {"vault", "switch", "auditor", "chain", "settle", "gate"};
// Those, and after them the explorer where the configuration has one.
[[nodiscard]] std::vector<std::string> programs_of(const config::Config& config);

class Supervisor {
  public:
    using Clock = std::chrono::steady_clock;
    enum class State { stopped, starting, up, waiting };  // waiting: for its restart
    struct Child {
        std::string name;  // "vault"; the program is giro-vault
        State state = State::stopped;
        int pid = 0;
        int ready_fd = -1;
        bool was_ready = false;
        bool expendable = false;        // giro-explorer: payments go on without it
        std::uint32_t restarts = 0;
        std::chrono::milliseconds backoff{0};
        Clock::time_point since;        // of the present state
        Clock::time_point heard;        // starting: when its log last grew,
        std::uintmax_t log_bytes = 0;   // to this
        Clock::time_point restart_at;   // waiting
    };

    // `programs_in` holds giro-vault and the others, of which `names` are started; `say` gets one line for the operator per event. A program that is
    // starting and writes nothing to its log for `silence_max` will never be ready.
    Supervisor(config::Paths paths, std::filesystem::path programs_in, const std::vector<std::string>& names, std::function<void(std::string)> say,
               std::chrono::milliseconds silence_max = std::chrono::minutes(2));
    ~Supervisor();  // stops what still runs
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    // Starts everything and stays until SIGTERM or SIGINT (ok) or a program that cannot go on (its Failure). Call once.
    // `all_up` is called when the last program is ready for the first time.
    [[nodiscard]] Result<void> run(const std::function<void()>& all_up);

  private:
    Result<void> start(Child& child);
    void start_next();
    void read_ready(Child& child);
    void listen(Child& child);
    void reap();
    void died(Child& child, int status);
    void restart_due();
    void stop_all();
    void wait_for_events();
    [[nodiscard]] std::chrono::milliseconds until_restart() const;
    void start_failed(Child& child, const Failure& failure);
    void try_again_later(Child& child, bool was_up, bool was_up_for_long, const std::string& how, const std::string& cause_of_it);
    void fail_with(const Child& child, int code, const std::string& how);
    void write_state();
    [[nodiscard]] std::string cause(const Child& child, int status) const;
    [[nodiscard]] std::string last_log_line(const Child& child) const;
    [[nodiscard]] std::filesystem::path log_file(const Child& child) const { return m_paths.log() / ("giro-" + child.name + ".log"); }
    [[nodiscard]] bool all_were_ready() const;

    config::Paths m_paths;
    std::filesystem::path m_programs_in;
    std::function<void(std::string)> m_say;
    std::chrono::milliseconds m_silence_max;
    std::vector<Child> m_children;
    int m_signals = -1;  // signalfd
    bool m_stopping = false;
    bool m_state_stale = false;  // the last writing of it failed
    std::vector<Failure> m_failure;  // at most one
};

}  // namespace giro::cli
