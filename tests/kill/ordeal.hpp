// A box under load whose programs are killed, and its books afterwards: what the terminals were told against the
// journal.
#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "tests/story/box.hpp"

namespace ordeal {

using story::json;

// The box's programs, as giro up names them.
inline constexpr const char* kRoles[] = {"vault", "switch", "auditor", "chain", "settle", "gate"};

// What giro up says of one (run/up.json).
struct Program {
    std::string state;  // stopped, starting, up, restarting
    pid_t pid = 0;
    [[nodiscard]] bool up() const { return state == "up"; }
};

class Ordeal {
  public:
    // A demo box that is up, with its issuer host, its cards and terminals. `programs`: the folder of giro and the
    // others.
    // `host_options`: of its `giro host`. `configure` may change the configuration before anything runs.
    explicit Ordeal(const std::string& name, const std::filesystem::path& programs = {}, const std::vector<std::string>& host_options = {},
                    const std::function<void(story::Box&)>& configure = {});
    [[nodiscard]] story::Box& box() { return m_box; }

    [[nodiscard]] std::map<std::string, Program> programs();
    // Polls until `name` is in this state under another pid than `not_pid`. Nothing when it was not within 30 s.
    [[nodiscard]] std::optional<Program> wait_for(const std::string& name, const std::string& state, pid_t not_pid);

    // Polls until `name` runs under another pid, whatever its state: a start may be over before anybody looks.
    [[nodiscard]] std::optional<Program> next_life(const std::string& name, pid_t not_pid);

    // Payments of every kind from 16 terminals, at a steady rate, with a trace; unanswered ones are reversed by the
    // terminal after `timeout_ms`. Where nobody hears anything for twice as long, the load is over.
    void begin_load(int per_second, const std::string& mix = "card=75,link=10,reversal=10,decline=5", const std::vector<std::string>& options = {},
                    int timeout_ms = 4'000);
    // Ends it: what is under way is waited for.
    void end_load();
    // Approved answers in the trace so far; cheap to ask again and again.
    [[nodiscard]] std::size_t approved_so_far();
    [[nodiscard]] bool pays_again(std::size_t more = 20);

    // Every payment that a terminal was told is approved is in the journal once and approved; no payment is there
    // twice; every reversal that was acknowledged is there; the journal verifies. Returns how many approved ones were
    // compared.
    std::size_t check_books();
    // Of each payment that went on to the issuer's host or was stood in for, and of each that the host saw, as much stands there as
    // here; of one stood in for whose advice the host refused, nothing. Returns how many stand. To be asked when nothing is owed any more.
    std::size_t check_issuer();

  private:
    void read_trace();
    [[nodiscard]] std::string last_words() const;
    story::Box m_box;
    std::unique_ptr<story::Running> m_load;
    std::ifstream m_trace;
    std::string m_rest;                                      // of the trace: an unfinished line
    std::set<std::string> m_told_approved, m_told_reversed;  // "terminal/rrn"
};

}  // namespace ordeal
