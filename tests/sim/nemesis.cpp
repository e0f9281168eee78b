#include "tests/sim/nemesis.hpp"

#include <p11-kit/pkcs11.h>

#include "tests/sim/os/bus.hpp"
#include "tests/sim/os/disk_space.hpp"
#include "tests/sim/token/control.hpp"

namespace giro::sim {

namespace {
// The doors, the issuers' hosts; and between the two chain nodes.
constexpr const char* kAddresses[] = {"127.0.0.1:7801", "127.0.0.1:7803", "127.0.0.1:7810",
                                      "127.0.0.1:7811", "127.0.0.1:7812", "127.0.0.1:7813"};
const std::string kBetweenNodes = "/chain.admin";
constexpr std::uint64_t kDay_ns = 86'400 * kSecond, kDayPause_ns = 5 * kSecond;
constexpr std::uint64_t kErrors[] = {CKR_DEVICE_ERROR,           CKR_DEVICE_REMOVED,  CKR_GENERAL_ERROR,
                                     CKR_SESSION_HANDLE_INVALID, CKR_FUNCTION_FAILED, CKR_HOST_MEMORY,
                                     CKR_KEY_HANDLE_INVALID};
}  // namespace

Nemesis::Nemesis(Outside& outside, const std::vector<std::unique_ptr<HostActor>>& hosts, Faults& faults)
    : m_out(outside), m_hosts(hosts), m_faults(faults) {
    auto& random = outside.world.random;
    m_kinds = static_cast<unsigned>(random.next()) & 0x3ff;
    // A seeded bug is to be found by itself, with no more trouble than it needs.
    if (sabotage() != Sabotage::none) m_kinds = sabotage() == Sabotage::lying_disk ? static_cast<unsigned>(kPower) : sabotage_of_links() ? static_cast<unsigned>(kHosts) : 0U;
    m_pause_max_ns = 500 * kMillisecond + random.below(4 * kSecond);
    Weather& w = outside.weather;
    w.loss_percent = random.one_in(3) ? 0 : static_cast<std::uint32_t>(random.below(31));
    w.duplicate_percent = random.one_in(3) ? 0 : static_cast<std::uint32_t>(random.below(51));
    w.late_max_ns = 100 * kMillisecond + random.below(12 * kSecond);
    if (has(kDays)) w.late_max_ns = 12 * kDayPause_ns;  // copies of what was forgotten
    w.host_delay_max_ns = kMillisecond + random.below(2 * kSecond);
    network_faults().loss_percent = random.one_in(2) ? 0 : static_cast<std::uint32_t>(random.below(31));
    network_faults().latency_max_ns =
        kMillisecond + random.below(random.one_in(4) ? 800 * kMillisecond : 5 * kMillisecond);
    if (sabotage_of_links()) m_pause_max_ns = kSecond;
    if (sabotage() == Sabotage::fickle_switch) w.duplicate_percent = 30;
    if (has(kSlow)) {
        bus_faults().slow_one_in = 20 + random.below(400);
        bus_faults().slow_max_ns = random.below(3 * kSecond);
    }
}

void Nemesis::start() {
    if (sabotage() == Sabotage::lying_disk) m_out.box.switch_disk().lie_about_sync(true);
    if (has(kDays)) day_passes();
    next_strike();
}

void Nemesis::next_strike() {
    m_out.world.at(m_out.world.random.below(m_pause_max_ns), [this] { strike(); });
}

RoleId Nemesis::any_role() {
    return static_cast<RoleId>(m_out.world.random.below(kRoles));
}

void Nemesis::strike() {
    if (m_healed) return;
    static constexpr Kind kStriking[] = {kKill, kPower, kDisk, kToken, kPartition, kClock, kStop, kHosts, kHosts};
    const Kind kind = kStriking[m_out.world.random.below(std::size(kStriking))];
    if (has(kind)) {
        switch (kind) {
            case kKill:
                kill_someone(false);
                break;
            case kPower:
                kill_someone(true);
                break;
            case kDisk:
                disk_fault();
                break;
            case kToken:
                token_fault();
                break;
            case kPartition:
                partition();
                break;
            case kClock:
                clock_step();
                break;
            case kStop:
                ++m_faults.stops;
                m_out.box.stop(any_role());
                break;
            case kHosts:
                host_trouble();
                break;
            case kSlow:
            case kDays:
                break;
        }
    }
    next_strike();
}

// The switch and the vault more often: most of what can be lost is there.
void Nemesis::kill_someone(bool power) {
    auto& random = m_out.world.random;
    const RoleId victim = random.one_in(3) ? RoleId::the_switch : any_role();
    ++(power ? m_faults.power_cuts : m_faults.kills);
    // At once, or in the middle of a write.
    Role& role = m_out.box.role(victim);
    if (role.disk != nullptr && random.one_in(2)) {
        role.disk->stop_at(1 + random.below(30));
        m_out.world.at(random.below(2 * kSecond), [this, victim, power] {
            if (!m_healed) m_out.box.kill(victim, power || m_out.box.role(victim).disk->stopped());
        });
        return;
    }
    m_out.box.kill(victim, power);
}

void Nemesis::disk_fault() {
    auto& random = m_out.world.random;
    test::Disk* const disks[] = {&m_out.box.switch_disk(), &m_out.box.chain_disk(), &m_out.box.follower_disk()};
    test::Disk& disk = *disks[random.one_in(2) ? 0 : random.below(3)];
    switch (random.below(5)) {
        case 0:
            ++m_faults.syncs_failed;
            disk.fail(test::DiskOp::sync, 1 + random.below(10), random.one_in(4));
            break;
        case 1:
            disk.fail(test::DiskOp::write, 1 + random.below(40), random.one_in(4));
            break;
        case 2:
            disk.cut_short(test::DiskOp::write, 1 + random.below(40));
            break;
        case 3:
            ++m_faults.disks_full;
            disk.space(random.below(64U << 10));
            break;
        default:
            ++m_faults.disks_full;
            set_disk_free(random.below(64U << 20));
            break;
    }
    m_out.world.at(random.below(5 * kSecond), [&disk] {
        disk.heal();
        set_disk_free(kDiskRoomy_bytes);
    });
}

void Nemesis::token_fault() {
    auto& random = m_out.world.random;
    const auto& token = test::test_token();
    switch (random.below(3)) {
        case 0:
            token.set_present(0);
            m_out.world.at(random.below(4 * kSecond), [] { test::test_token().set_present(1); });
            ++m_faults.token_gone;
            break;
        case 1:
            token.fail(kErrors[random.below(std::size(kErrors))], 1 + random.below(50), random.one_in(4) ? 1 : 0);
            m_out.world.at(random.below(3 * kSecond), [] { test::test_token().fail(0, 0, 0); });
            break;
        default:
            token.set_slow_ns(random.below(3 * kMillisecond));
            m_out.world.at(random.below(5 * kSecond), [] { test::test_token().set_slow_ns(0); });
            ++m_faults.token_slow;
            break;
    }
}

void Nemesis::partition() {
    auto& random = m_out.world.random;
    ++m_faults.partitions;
    if (random.one_in(4)) {
        ++m_faults.nodes_parted;
        bus_faults().partitioned.insert(kBetweenNodes);
        m_out.world.at(random.below(8 * kSecond), [] { bus_faults().partitioned.clear(); });
        return;
    }
    const std::string address = kAddresses[random.below(std::size(kAddresses))];
    if (random.one_in(3)) return cut_all(address);
    network_faults().partitioned.insert(address);
    m_out.world.at(random.below(8 * kSecond), [address] { network_faults().partitioned.erase(address); });
}

// Each host has its own, as long as a coffee or an outage.
void Nemesis::host_trouble() {
    auto& random = m_out.world.random;
    using Trouble = HostActor::Trouble;
    const auto trouble = static_cast<Trouble>(random.below(static_cast<std::uint64_t>(Trouble::kLast) + 1));
    std::uint64_t* const counts[] = {&m_faults.hosts_down,  &m_faults.hosts_slow,     &m_faults.hosts_silent,
                                     &m_faults.hosts_wrong, &m_faults.hosts_confused, &m_faults.hosts_restarted};
    ++*counts[static_cast<std::size_t>(trouble)];
    const std::uint64_t most = trouble == Trouble::restart ? kSecond : random.one_in(3) ? 25 * kSecond : 6 * kSecond;
    m_hosts[random.below(m_hosts.size())]->strike(trouble, random.below(most));
}

void Nemesis::clock_step() {
    ++m_faults.clock_steps;
    const auto step =
        static_cast<std::int64_t>(m_out.world.random.below(4 * kSecond)) - static_cast<std::int64_t>(2 * kSecond);
    m_out.box.role(any_role()).process.wall_offset_ns = step;
}

// What nobody asks for any more is forgotten by days, so some seeds have days between their moments: seconds apart, so
// that what is under way ends on its own day or the next.
void Nemesis::day_passes() {
    m_out.world.at(kDayPause_ns + m_out.world.random.below(kDayPause_ns), [this] {
        if (m_healed) return;
        ++m_faults.days;
        m_out.world.pass(kDay_ns);
        day_passes();
    });
}

void Nemesis::heal() {
    m_healed = true;
    m_out.weather.calm = true;
    for (const auto& host : m_hosts) host->mend();
    network_faults().partitioned.clear();
    network_faults().loss_percent = 0;
    network_faults().latency_max_ns = kMillisecond;
    bus_faults().slow_one_in = 0;
    bus_faults().partitioned.clear();
    set_disk_free(kDiskRoomy_bytes);
    for (test::Disk* disk : {&m_out.box.switch_disk(), &m_out.box.chain_disk(), &m_out.box.follower_disk()}) {
        if (disk->stopped()) continue;  // it ends with its program's death, which comes
        disk->heal();
    }
    const auto& token = test::test_token();
    token.set_present(1);
    token.fail(0, 0, 0);
    token.set_slow_ns(0);
    for (std::size_t i = 0; i < kRoles; ++i) m_out.box.role(static_cast<RoleId>(i)).process.wall_offset_ns = 0;
}

}  // namespace giro::sim
