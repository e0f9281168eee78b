// The programs of one box as processes of the World: real start functions, real cores. A supervisor restarts what died,
// as `giro up` does. Each program's databases lie on a simulated disk of its own.
#pragma once

#include <array>
#include <filesystem>
#include <memory>

#include "appliance/skeleton.hpp"
#include "tests/disk/disk.hpp"
#include "tests/sim/os/world.hpp"
#include "tests/sim/template.hpp"

namespace giro::sim {

enum class RoleId : std::uint8_t { vault, the_switch, auditor, chain, settle, gate, follower };
inline constexpr std::size_t kRoles = 7;

class Box;

// A program and its lives.
struct Role {
    struct Running {
        config::Config config;
        bus::Loop loop;
        bus::Context context;
        std::optional<Failure> failure;
        std::optional<appliance::Program> program;
        std::shared_ptr<void> alive;
    };
    RoleId id{};
    Process process;
    appliance::Start start;
    test::Disk* disk = nullptr;  // null: it keeps nothing on one
    std::unique_ptr<Running> running;
    bool serving = false;
    bool wanted = true;  // the supervisor starts it again
    bool cut_power = false;
    std::uint64_t starts = 0, kills = 0, failures = 0;
};

class Box {
  public:
    // Copies the template to `folder` (empty, its own).
    Box(World& world, const Template& made, std::filesystem::path folder, std::uint64_t seed);
    ~Box();
    Box(const Box&) = delete;
    Box& operator=(const Box&) = delete;

    void start_all();
    // kill -9, or (`power`) the machine under it goes dark too: what its disk had not synced is at the disk's mercy.
    void kill(RoleId id, bool power);
    // SIGTERM.
    void stop(RoleId id);
    [[nodiscard]] Role& role(RoleId id) { return *m_roles[static_cast<std::size_t>(id)]; }
    [[nodiscard]] bool all_serving() const;
    // Ends everything, for the checks at the end: first orderly, then what is left.
    void stop_all();

    [[nodiscard]] World& world() noexcept { return m_world; }
    [[nodiscard]] const Template& made() const noexcept { return m_template; }
    [[nodiscard]] const config::Paths& paths() const noexcept { return m_paths; }
    // The template's, but for the dialect that the seed draws.
    [[nodiscard]] const config::Config& config() const noexcept { return m_config; }
    [[nodiscard]] test::Disk& switch_disk() noexcept { return *m_switch_disk; }
    [[nodiscard]] test::Disk& chain_disk() noexcept { return *m_chain_disk; }
    [[nodiscard]] test::Disk& follower_disk() noexcept { return *m_follower_disk; }

    // Called when the switch serves again after a death, before any event of it: what was promised must be there.
    std::function<void()> on_switch_recovered;
    // A program ended with 2, 3 or 4: the box would stop for a person.
    std::function<void(const Role&, const Failure&)> on_stopped_for_good;

  private:
    void start_from(std::size_t index);
    void launch(Role& role, std::uint64_t after_ns);
    void run_start(Role& role);
    void end(Role& role, bool restart);
    void ended(Role& role, const std::optional<Failure>& failure);
    void power_back(Role& role);

    World& m_world;
    const Template& m_template;
    config::Config m_config;
    config::Paths m_paths;
    std::unique_ptr<test::Disk> m_switch_disk, m_chain_disk, m_follower_disk;
    std::array<std::unique_ptr<Role>, kRoles> m_roles;
    bool m_stopping = false;
};

}  // namespace giro::sim
