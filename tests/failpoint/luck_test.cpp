// Everything at once, with the real programs: both lines of a box lose, delay, double, cut off and cut messages
// (tests/kill/proxy.hpp), and at every failpoint of gate, switch, vault, auditor and the issuer's host a program dies,
// or stands still and goes on, or stands still and is killed. After each round what the terminals were told is held
// against the journal; in the end, the weather calm, what the terminals were told, what the journal says and what the
// host has booked must be the same (invariants 1 to 5).
//
//   one pass     each failpoint once, which of the three by a seed (GIRO_LUCK_SEED): ./dev test
//   ./dev luck   GIRO_LUCK=all: each failpoint in all three ways, those of a settlement too; a number: passes for so
//   many seconds
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "tests/disk/random.hpp"
#include "tests/failpoint/points.hpp"
#include "tests/kill/ordeal.hpp"
#include "tests/kill/proxy.hpp"

namespace {
namespace fs = std::filesystem;
using namespace failpoint;
using ordeal::Ordeal;
using Clock = std::chrono::steady_clock;

constexpr int kPerSecond = 60;
constexpr int kTillWaits_ms = 8'000;  // several stand still at once, and then start
constexpr int kReachedWithin_s = 60;
const std::string kHit = ".hit.giro";
constexpr int kPatience_s = 60;                             // the pause before a reversal is sent again grows
constexpr auto kStands = std::chrono::milliseconds(1'500);  // longer than the box waits for an issuer: late approvals
constexpr auto kSteady =
    std::chrono::milliseconds(1'200);  // giro up waits longer before it starts one that was not up for a second
constexpr ordeal::Weather kTills{.lost = 1, .twice = 2, .late = 3, .late_ms = 300, .cut_off = 1, .ended = 1};
constexpr ordeal::Weather kLink{
    .lost = 2, .twice = 3, .late = 5, .late_ms = 2'000, .cut_off = 1, .ended = 1};  // later than its timeout, too
constexpr const char* kStandIn =
    "\n[[stand_in]]\nname = \"luck\"\nfloor = 100_00\ncard_count = 100\ncard_sum = 10_000_00\nmerchant_hour_sum = "
    "10_000_000_00\n"
    "chip = \"if-present\"\nexpire_days = 5\n";

// dies: where the point loses a message, that is lost instead.
enum class Fault { dies, stands_still, stands_still_and_dies };
constexpr std::size_t kFaults = 3;
constexpr const char* kFaultNames[kFaults] = {"dies", "stands still", "stands still and dies"};

// What a pass meets: not chain and settle, and not what wants a settlement, which run_settlements() and
// failpoint_test.cpp meet.
bool is_of_a_pass(const Point& point) {
    static constexpr std::string_view kPrograms[] = {"gate", "switch", "vault", "auditor", "host"};
    if (std::ranges::find(kPrograms, point.program) == std::end(kPrograms)) return false;
    return point.by != By::settlement || std::string_view(point.name).starts_with("switch.command.");
}
bool is_of_a_settlement(const Point& point) {
    return point.by == By::settlement && std::string_view(point.program) == "vault";
}

struct Cell {
    const Point* point;
    Fault fault;
    std::string role{};  // who came there; empty: nobody yet
    Clock::time_point at{};
    bool over = false;
};

class Luck {
  public:
    explicit Luck(std::uint64_t seed)
        : m_random(seed),
          m_points(fs::temp_directory_path() / ("giro-luck." + std::to_string(::getpid()))),
          m_host_port(story::free_port()) {
        fs::remove_all(m_points);
        fs::create_directories(m_points);
        ::setenv("GIRO_FAILPOINTS_DIR", m_points.c_str(), 1);
        m_ordeal = std::make_unique<Ordeal>("badluck", GIRO_FAILPOINT_DIR, host_options(), [](story::Box& box) {
            const auto file = box.file("etc/giro.toml");
            story::write_text(file, story::read_text(file) + kStandIn);
            story::add_to_link(box, "stand_in = \"luck\"\n");
        });
        m_link = std::make_unique<ordeal::Proxy>(seed, m_ordeal->box().port("7810"), m_host_port, kLink);
        m_tills = std::make_unique<ordeal::Proxy>(seed + 1'000'000, 0, m_ordeal->box().port("7801"), kTills);
        m_ordeal->begin_load(kPerSecond, "card=35,link=45,reversal=15,decline=5",
                             {"--connect", "127.0.0.1:" + std::to_string(m_tills->port())}, kTillWaits_ms);
        REQUIRE(m_ordeal->pays_again());  // giro pos load wants its terminals signed on before it begins
    }
    ~Luck() {
        ::unsetenv("GIRO_FAILPOINTS_DIR");
        fs::remove_all(m_points);
    }
    Luck(const Luck&) = delete;
    Luck& operator=(const Luck&) = delete;

    // Each failpoint once. In pass 0, 1 and 2 of one seed each meets another fault.
    void pass(std::size_t number) {
        weather(true);
        std::map<std::string, std::vector<Cell>> left;  // by program: one of each a round
        giro::test::Random choice = m_random;           // the same for each pass
        std::size_t points = 0;
        for (const Point& point : kPoints) {
            if (!is_of_a_pass(point)) continue;
            const auto fault = static_cast<Fault>((choice.below(kFaults) + number) % kFaults);
            left[point.by == By::snapshot ? "snapshot" : point.program].push_back({&point, fault});
            ++points;
        }
        // A snapshot wants so many entries before: last.
        const std::vector<Cell> snapshots = std::move(left["snapshot"]);
        left.erase("snapshot");
        while (!left.empty()) {
            std::vector<Cell> round;
            for (auto& [program, cells] : left) {
                std::swap(cells[choice.below(cells.size())], cells.back());
                round.push_back(cells.back());
                cells.pop_back();
            }
            std::erase_if(left, [](const auto& one) { return one.second.empty(); });
            meet(round);
        }
        REQUIRE(m_ordeal->pays_again(
            400));  // with all else that is an entry, more than snapshot_every_entries of the story's box
        meet(snapshots);
        story::tell("each of " + std::to_string(points) + " failpoints met; " + std::to_string(m_standing_still) +
                    " stillstands, " + std::to_string(m_deaths) + " deaths so far");
    }

    // A window from its end to its block, with each fault at each step of the vault's.
    void run_settlements() {
        weather(false);
        story::tell("the chain's first 101 blocks are waited for");
        auto& box = m_ordeal->box();
        const auto giro = [&](const std::vector<std::string>& arguments) { return box.giro(arguments).status == 0; };
        REQUIRE(story::eventually(600, [&] { return box.status()["chain"].value("height", 0) >= 101; }));
        const auto settle = [&](std::vector<Cell> cells) {
            const auto closed = box.journal("window_closed").size() + 1;
            REQUIRE(story::eventually(60, [&] { return giro({"settle", "close"}); }));
            const std::string window =
                std::to_string(box.journal("window_closed").back()["window"].get<std::uint64_t>());
            CHECK(box.journal("window_closed").size() >= closed);
            REQUIRE(giro({"settle", "wait", "--window", window, "--state", "proposed", "--timeout", "200"}));
            arm(cells);
            for (const char* officer : {"alice", "bob"})
                REQUIRE(story::eventually(60, [&] {
                    return giro({"approve", "--officer", officer, "--window", window});
                }));
            finish(cells);
            REQUIRE(giro({"settle", "wait", "--window", window, "--state", "confirmed", "--timeout", "200"}));
        };
        // Those that the passes closed.
        for (const auto& closed : box.journal("window_closed")) {
            const std::string window = std::to_string(closed["window"].get<std::uint64_t>());
            REQUIRE(giro({"settle", "wait", "--window", window, "--state", "proposed", "--timeout", "200"}));
            for (const char* officer : {"alice", "bob"})
                REQUIRE(giro({"approve", "--officer", officer, "--window", window}));
            REQUIRE(giro({"settle", "wait", "--window", window, "--state", "confirmed", "--timeout", "200"}));
        }
        for (std::size_t fault = 0; fault < kFaults; ++fault) {
            std::vector<Cell> cells;
            for (const Point& point : kPoints)
                if (is_of_a_settlement(point)) cells.push_back({&point, static_cast<Fault>(fault)});
            settle(std::move(cells));
        }
        const auto confirmed = box.journal("settlement_confirmed").size();
        CHECK(confirmed == box.journal("window_closed").size());
    }

    // Calm: what terminals, journal and host say must be the same.
    void compare() {
        weather(false);
        REQUIRE(m_ordeal->pays_again(100));
        m_ordeal->end_load();
        const auto owed = [&] {
            const auto status = m_ordeal->box().status();
            if (!status.contains("switch")) return true;
            return status["switch"].value("outstanding", 1) != 0 || status["switch"]["saf"].value("owed", 1) != 0;
        };
        CHECK_MESSAGE(story::eventually(kPatience_s, [&] { return !owed(); }),
                      "reversals or advices are owed for ever: ", m_ordeal->box().status().dump());
        const std::size_t compared = m_ordeal->check_books();
        CHECK(m_ordeal->box().giro({"--json", "journal", "summary"}).object()["ledger_balanced"] == true);
        m_ordeal->box().stop_issuer_host();
        const std::size_t standing = m_ordeal->check_issuer();
        story::tell(std::to_string(compared) + " approved payments are in the journal, each once; " +
                    std::to_string(standing) + " stand at the issuer's host, the same as here; " +
                    std::to_string(m_ordeal->box().journal("stood_in").size()) + " were stood in for");
        CHECK(compared > 200);
        CHECK(standing > 50);
        m_ordeal->box().down();
    }

    // Point and fault, of all that was met.
    [[nodiscard]] bool was_met(const Point& point, Fault fault) const { return m_met.contains({point.name, fault}); }

  private:
    std::vector<std::string> host_options() const { return {"--listen", "127.0.0.1:" + std::to_string(m_host_port)}; }

    void weather(bool bad) const {
        for (const ordeal::Proxy* line : {m_link.get(), m_tills.get()}) bad ? line->rage() : line->calm();
    }

    void arm(const std::vector<Cell>& cells) {
        for (const Cell& cell : cells) {
            if (const auto hit = hit_of(*cell.point)) fs::remove(*hit);
            story::write_text(m_points / cell.point->name, cell.fault == Fault::dies ? "die" : "stop");
        }
    }

    // One round: a failpoint of each program at the same time.
    void meet(std::vector<Cell> cells) {
        std::string what;
        for (const Cell& cell : cells)
            what += std::string(cell.point->name) + " " + kFaultNames[static_cast<std::size_t>(cell.fault)] + "; ";
        CAPTURE(what);
        const auto programs = m_ordeal->programs();
        for (const Cell& cell : cells)
            static_cast<void>(
                story::eventually(5, [&] { return Clock::now() > m_died_at[cell.point->program] + kSteady; }));
        arm(cells);
        if (std::ranges::any_of(cells, [](const Cell& cell) {
                return cell.point->by == By::restart || cell.point->by == By::snapshot;
            }))
            ::kill(programs.at("switch").pid, SIGKILL);
        finish(cells);
        m_command.reset();
        REQUIRE(m_ordeal->pays_again());
        m_ordeal->check_books();
    }

    // Waits until each has been reached, and everybody is up again.
    void finish(std::vector<Cell>& cells) {
        const auto all_over = [&] {
            for (Cell& cell : cells) {
                // Whoever closes a window asks again when the answer does not come.
                if (is_of_a_pass(*cell.point) && cell.point->by == By::settlement && cell.role.empty() &&
                    !(m_command && m_command->alive()))
                    m_command = m_ordeal->box().start({"settle", "close"}, "command.out");
                step(cell);
            }
            return std::ranges::all_of(cells, [](const Cell& cell) { return cell.over; });
        };
        const bool over = story::eventually(kReachedWithin_s, all_over);
        for (const Cell& cell : cells) {
            const std::string name = cell.point->name;
            REQUIRE_MESSAGE((over || cell.over), name, " was never reached");
        }
        for (const char* role : ordeal::kRoles)
            REQUIRE_MESSAGE(m_ordeal->wait_for(role, "up", 0), role, " did not come back");
    }

    void step(Cell& cell) {
        if (cell.over) return;
        if (cell.role.empty()) {
            cell.role = who_reached(*cell.point);
            cell.at = Clock::now();
            if (cell.role.empty()) return;
            m_met.insert({cell.point->name, cell.fault});
        }
        if (cell.fault == Fault::dies) {
            if (!cell.point->loses) died(cell.role);
        } else {
            if (Clock::now() < cell.at + kStands) return;
            const bool dies = cell.fault == Fault::stands_still_and_dies;
            send(cell.role, dies ? SIGKILL : SIGCONT);
            ++m_standing_still;
            if (dies) died(cell.role);
        }
        cell.over = true;
    }

    void send(const std::string& role, int signal) {
        if (role == "host") return m_ordeal->box().issuer_host().signal(signal);
        ::kill(m_ordeal->programs().at(role).pid, signal);
    }

    void died(const std::string& role) {
        ++m_deaths;
        m_died_at[role] = Clock::now();
        if (role == "host") m_ordeal->box().serve_issuer_host(host_options());
    }

    // The file that says who came there: NAME.hit.giro-PROGRAM, or of the host NAME.hit.giro.
    std::optional<fs::path> hit_of(const Point& point) const {
        for (const auto& file : fs::directory_iterator(m_points))
            if (file.path().filename().string().starts_with(point.name + kHit)) return file.path();
        return std::nullopt;
    }
    std::string who_reached(const Point& point) const {
        const auto hit = hit_of(point);
        if (!hit) return {};
        const std::string who = hit->filename().string().substr((point.name + kHit).size());
        return who.empty() ? "host" : who.substr(1);
    }

    giro::test::Random m_random;
    fs::path m_points;
    const int m_host_port;
    std::unique_ptr<Ordeal> m_ordeal;
    std::unique_ptr<ordeal::Proxy> m_link, m_tills;
    std::unique_ptr<story::Running> m_command;
    std::map<std::string, Clock::time_point> m_died_at;
    std::set<std::pair<std::string, Fault>> m_met;
    int m_deaths = 0, m_standing_still = 0;
};

std::uint64_t first_seed() {
    const char* given = std::getenv("GIRO_LUCK_SEED");
    return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}
}  // namespace

TEST_CASE(
    "bad luck: on bad lines, and whoever dies or stands still wherever, tills, journal and the issuer's host end up "
    "with the same payments") {
    const char* given = std::getenv("GIRO_LUCK");
    const std::string how = given == nullptr ? "" : given;
    const bool all = how == "all";
    const auto end = Clock::now() + std::chrono::seconds(std::atoi(how.c_str()));
    for (std::uint64_t seed = first_seed();; ++seed) {
        story::tell("bad luck on both lines, and at every failpoint, seed " + std::to_string(seed));
        CAPTURE(seed);
        Luck luck(seed);
        const std::size_t passes = all ? kFaults : 1;
        for (std::size_t number = 0; number < passes; ++number) luck.pass(number);
        if (all) luck.run_settlements();
        luck.compare();
        for (const Point& point : kPoints) {
            const std::string name = point.name;
            std::size_t met = 0;
            for (std::size_t fault = 0; fault < kFaults; ++fault)
                met += luck.was_met(point, static_cast<Fault>(fault)) ? 1 : 0;
            if (is_of_a_pass(point)) CHECK_MESSAGE(met == passes, "not met in ", passes, " ways: ", name);
            if (all && is_of_a_settlement(point)) CHECK_MESSAGE(met == kFaults, "not met in each way: ", name);
        }
        if (Clock::now() >= end) break;
    }
}

TEST_CASE("bad luck: every failpoint of gate, switch, vault and the issuer's host is met here") {
    std::map<std::string, int> of;
    for (const Point& point : kPoints) {
        const std::string program = point.program;
        const bool is_met = is_of_a_pass(point) || is_of_a_settlement(point);
        CHECK_MESSAGE((is_met || program == "chain" || program == "settle"), "nobody meets ", std::string(point.name));
        of[program] += is_met ? 1 : 0;
    }
    for (const char* program : {"gate", "switch", "vault", "auditor", "host"}) CHECK_MESSAGE(of[program] >= 4, program);
}
