// What goes wrong in the safety phase. Each seed draws which kinds of fault it has and how hard they hit, so that some
// seeds see one kind alone and others all at once.
#pragma once

#include "tests/sim/actors.hpp"
#include "tests/sim/simulation.hpp"

namespace giro::sim {

class Nemesis {
  public:
    Nemesis(Outside& outside, const std::vector<std::unique_ptr<HostActor>>& hosts, Faults& faults);
    void start();
    // Mends everything and does nothing more.
    void heal();

  private:
    enum Kind : unsigned {
        kKill = 1,
        kPower = 2,
        kDisk = 4,
        kToken = 8,
        kPartition = 16,
        kClock = 32,
        kSlow = 64,
        kStop = 128,
        kDays = 256,
        kHosts = 512
    };
    void next_strike();
    void strike();
    void kill_someone(bool power);
    void disk_fault();
    void token_fault();
    void partition();
    void host_trouble();
    void clock_step();
    void day_passes();
    [[nodiscard]] RoleId any_role();
    [[nodiscard]] bool has(Kind kind) const { return (m_kinds & kind) != 0; }

    Outside& m_out;
    const std::vector<std::unique_ptr<HostActor>>& m_hosts;
    Faults& m_faults;
    unsigned m_kinds = 0;
    std::uint64_t m_pause_max_ns = 0;
    bool m_healed = false;
};

}  // namespace giro::sim
