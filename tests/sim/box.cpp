#include "tests/sim/box.hpp"

#include "appliance/giro-auditor/auditor.hpp"
#include "appliance/giro-chain/service.hpp"
#include "appliance/giro-gate/service.hpp"
#include "appliance/giro-settle/settler.hpp"
#include "appliance/giro-switch/service.hpp"
#include "appliance/giro-vault/service.hpp"
#include "chain/store.hpp"
#include "tests/sim/follower.hpp"
#include "tests/sim/sabotage.hpp"
#include "tests/sim/token/control.hpp"

namespace giro::sim {

namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kRestartMin_ns = 20 * kMillisecond, kRestartSpread_ns = 800 * kMillisecond;

struct Program {
    RoleId id;
    const char* name;
    appliance::Start start;
};

std::vector<Program> programs() {
    return {{RoleId::vault, "giro-vault",
             [](appliance::Program& p) { return appliance::VaultService::start(p, hsm::Permit::running); }},
            {RoleId::the_switch, "giro-switch", appliance::start_switch},
            {RoleId::auditor, "giro-auditor", appliance::start_auditor},
            {RoleId::chain, "giro-chain", appliance::ChainService::start},
            {RoleId::settle, "giro-settle",
             [](appliance::Program& p) -> Result<std::shared_ptr<void>> {
                 auto settler = settle::Settler::start(p);
                 if (!settler) return tl::unexpected(std::move(settler.error()));
                 return std::shared_ptr<void>(std::move(*settler));
             }},
            {RoleId::gate, "giro-gate", gate::start},
            {RoleId::follower, "chain-follower", Follower::start}};
}

// Two seeds of seven speak a later edition, each with both ways of a reversal in part. The seeds that found something
// (sim_test.cpp) are of the other five, and stay as they were.
const char* dialect_of(std::uint64_t seed) {
    const bool odd = seed % 2 != 0;
    if (seed % 7 == 5) return odd ? "iso1993" : "reversed-1993";
    if (seed % 7 == 6) return odd ? "iso2003" : "reversed-2003";
    return "iso1987-ascii";
}

void store_blocks(const fs::path& database, const Template& made) {
    auto store = chain::ChainStore::open(database, {made.bundle.block.script});
    ASSERT(store);
    for (const Buffer& block : made.blocks) ASSERT(store->append(block));
}
}  // namespace

Box::Box(World& world, const Template& made, fs::path folder, std::uint64_t seed)
    : m_world(world), m_template(made), m_config(made.config), m_paths{std::move(folder)} {
    m_config.gate.dialect = dialect_of(seed);
    fs::copy(made.folder, m_paths.root, fs::copy_options::recursive);
    for (const char* name : {"run", "switch", "chain", "chain2", "auditor"})
        fs::create_directories(m_paths.root / name);
    test::test_token().reseed(seed);
    m_switch_disk = std::make_unique<test::Disk>(m_paths.root / "switch", seed);
    m_chain_disk = std::make_unique<test::Disk>(m_paths.root / "chain", seed + 1);
    m_follower_disk = std::make_unique<test::Disk>(m_paths.root / "chain2", seed + 2);
    if (!made.blocks.empty()) {
        store_blocks(m_paths.chain(), made);
        store_blocks(Follower::database(m_paths), made);
    }
    for (Program& program : programs()) {
        auto role = std::make_unique<Role>();
        role->id = program.id;
        role->process.name = program.name;
        role->start = std::move(program.start);
        m_roles[static_cast<std::size_t>(program.id)] = std::move(role);
    }
    role(RoleId::the_switch).disk = m_switch_disk.get();
    role(RoleId::chain).disk = m_chain_disk.get();
    role(RoleId::follower).disk = m_follower_disk.get();
}

Box::~Box() {
    for (const auto& role : m_roles) ASSERT(role->running == nullptr);
}

void Box::start_all() {
    start_from(0);
}

// As `giro up`: each when the one before it serves.
void Box::start_from(std::size_t index) {
    if (index == kRoles || m_stopping) return;
    Role& next = *m_roles[index];
    if (!next.wanted || next.serving) return start_from(index + 1);
    if (next.starts == 0 && next.process.incarnation == 0) launch(next, 0);
    m_world.at(5 * kMillisecond, [this, index] { start_from(index); });
}

void Box::launch(Role& role, std::uint64_t after_ns) {
    ++role.process.incarnation;
    const std::uint64_t life = role.process.incarnation;
    m_world.at(after_ns, [this, &role, life] {
        if (role.process.incarnation != life || m_stopping) return;
        role.process.alive = true;
        role.process.asked_to_stop = false;
        role.process.busy_until_ns = 0;
        role.process.stopped = [this, &role] { end(role, true); };
        m_world.at(
            0, [this, &role] { run_start(role); }, &role.process);
    });
}

// In the role's own turn: it may block in calls to others.
void Box::run_start(Role& role) {
    ++role.starts;
    m_world.mix(static_cast<std::uint64_t>(role.id) + 77);
    auto running = std::make_unique<Role::Running>();
    running->config = m_config;
    if (sabotage() == Sabotage::blind_vault) running->config.settle.approvals_required = 1;
    auto* raw = running.get();
    running->program.emplace(
        appliance::Program{m_paths, running->config, running->loop, running->context, [raw](Failure failure) {
                               if (!raw->failure) raw->failure = std::move(failure);
                               raw->loop.stop();
                           }});
    role.running = std::move(running);
    auto alive = role.start(*raw->program);
    if (!alive) {
        raw->failure = alive.error();
    } else {
        raw->alive = std::move(*alive);
    }
    if (!role.process.alive) return;  // killed meanwhile: whoever did it takes the objects down
    if (!raw->alive) return end(role, true);
    role.serving = true;
    if (role.id == RoleId::the_switch && role.starts > 1 && on_switch_recovered) on_switch_recovered();
}

// In the role's own turn, or as a ghost.
void Box::end(Role& role, bool restart) {
    role.serving = false;
    if (role.running == nullptr) return;
    role.running->alive.reset();
    if (role.running == nullptr) return;  // killed while it ended in good order
    const auto failure = role.running->failure;
    role.running.reset();
    role.process.alive = false;
    ++role.process.incarnation;
    role.process.ready.clear();
    role.process.turn_queued = false;
    if (restart) ended(role, failure);
}

void Box::ended(Role& role, const std::optional<Failure>& failure) {
    if (failure) {
        ++role.failures;
        if (m_world.traces()) m_world.trace(role.process.name + " ended: " + failure->what);
        const int code = failure->exit_code();
        if (code >= 2 && code <= 4 && on_stopped_for_good) on_stopped_for_good(role, *failure);
    }
    power_back(role);
    if (!m_stopping && role.wanted) launch(role, kRestartMin_ns + m_world.random.below(kRestartSpread_ns));
}

void Box::power_back(Role& role) {
    if (role.disk == nullptr) return;
    if (role.cut_power || role.disk->stopped())
        role.disk->power_cut();
    else
        role.disk->kill();
    role.cut_power = false;
}

void Box::kill(RoleId id, bool power) {
    Role& victim = role(id);
    if (!victim.process.alive) return;
    ++victim.kills;
    if (m_world.traces()) m_world.trace("kill " + victim.process.name + (power ? " and its power" : ""));
    if (victim.disk != nullptr) {
        if (power)
            victim.disk->power_cut();
        else
            victim.disk->kill();
    }
    m_world.kill(victim.process, [this, &victim] {
        m_world.as(victim.process, [&victim] {
            victim.serving = false;
            victim.running.reset();
        });
        victim.process.busy_until_ns = 0;
        if (!m_stopping && victim.wanted) launch(victim, kRestartMin_ns + m_world.random.below(kRestartSpread_ns));
    });
}

void Box::stop(RoleId id) {
    Role& r = role(id);
    if (!r.process.alive || r.running == nullptr) return;
    m_world.at(
        0,
        [&r] {
            if (r.running == nullptr) return;
            if (r.running->program->stop) r.running->program->stop();
            else r.running->loop.stop();
        },
        &r.process);
}

bool Box::all_serving() const {
    for (const auto& role : m_roles)
        if (role->wanted && !role->serving) return false;
    return true;
}

// In the order in which `giro up` stops them.
void Box::stop_all() {
    constexpr RoleId kOrder[] = {RoleId::gate,    RoleId::follower,   RoleId::settle, RoleId::chain,
                                 RoleId::auditor, RoleId::the_switch, RoleId::vault};
    m_stopping = true;
    for (const RoleId id : kOrder) {
        stop(id);
        m_world.run(m_world.time_ns() + 5 * kSecond, 2'000'000);
        kill(id, false);
        m_world.run(m_world.time_ns() + 10 * kMillisecond, 2'000'000);
    }
}

}  // namespace giro::sim
