// A whole box to be measured: the real programs with the shipped configuration, a thousand terminals, the chain's first
// blocks made, at rest. Setting one up takes a minute, so it is done once, and every box to be measured starts as a
// copy.
#pragma once

#include <map>

#include "tests/story/box.hpp"

namespace bench {

inline constexpr int kTerminalsMax = 1'000;
inline const std::vector<std::string> kPrograms = {"gate", "switch", "vault", "auditor", "settle", "chain", "explorer"};

class LoadBox {
  public:
    // A copy of the box that was set up once, which is done now if it was not. It is down.
    explicit LoadBox(const std::string& name);

    // Seconds until it says that it is up.
    double up();
    void down() { m_box.down(); }
    // Waits until its programs use next to no CPU time: replays are done, nothing is owed.
    void rest();

    // One `giro pos load`; `options` say how many terminals, how fast, how long. per_second, p50_ms, p99_ms, p999_ms,
    // max_ms, sent, not_sent (what an open loop could not send in time), and cpu_us of one payment: of each program,
    // and of the terminals ("terminals"). Ends the benchmark where a payment was declined or left without an answer.
    nlohmann::json run(std::vector<std::string> options);

    // The last line of giro-bench-blast at `rate` for so many seconds, its tills patient or hasty, and cpu_us as above.
    nlohmann::json blast(double rate, int seconds, const char* conduct);
    void serve_issuer_host();  // and waits until the box has signed on to it
    void stop_issuer_host() { m_box.stop_issuer_host(); }

    // Megabytes resident, by program, and "total".
    [[nodiscard]] nlohmann::json memory_mb();
    [[nodiscard]] std::uint64_t entries();
    // The switch's own stage clocks since the last call: nanoseconds a request, waiting for the vault included.
    [[nodiscard]] nlohmann::json stages();
    [[nodiscard]] story::Box& story() noexcept { return m_box; }
    [[nodiscard]] const std::filesystem::path& folder() const { return m_box.folder(); }

  private:
    // Nanoseconds on a CPU since its start, all threads, by program.
    [[nodiscard]] std::map<std::string, double> cpu_ns() const;
    story::Box m_box;
    std::map<std::string, int> m_pids;
    nlohmann::json m_stages_before;
};

}  // namespace bench
