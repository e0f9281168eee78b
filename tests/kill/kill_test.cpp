// kill -9 over real processes under load: each program of a box in turn, by a seed, and every second time once more
// while it recovers. GIRO_KILL_SECONDS makes it longer, GIRO_KILL_SEED another one. ./dev test runs it alone: how soon a
// program is ready again means nothing while others share its cores.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>

#include "tests/disk/random.hpp"
#include "tests/kill/ordeal.hpp"

using namespace ordeal;

namespace {
constexpr double kReadyMax_s = 2.0;     // asked of the 99th percentile
constexpr double kReadyLimit_s = 10.0;  // beyond it the test fails: this machine may be doing other things
constexpr int kPerSecond = 80;

int number_of(const char* variable, int otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::atoi(text);
}

class KillLoop {
  public:
    explicit KillLoop(Ordeal& ordeal) : m_ordeal(ordeal) {}

    // One program dies, perhaps twice, and comes back; the others are the same processes as before.
    void kill_one(const std::string& role, bool twice) {
        CAPTURE(role);
        const auto before = m_ordeal.programs();
        REQUIRE(before.at(role).up());
        pid_t victim = before.at(role).pid;
        auto killed = kill(victim);
        if (twice) {
            const auto next = m_ordeal.next_life(role, victim);
            REQUIRE_MESSAGE(next, "it was not started again");
            victim = next->pid;
            killed = kill(victim);
            m_in_recovery += next->state == "starting" ? 1 : 0;
        }
        const auto again = m_ordeal.wait_for(role, "up", victim);
        REQUIRE_MESSAGE(again, "it did not come back");
        const double ready_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - killed).count();
        m_ready_s.push_back(ready_s);
        if (ready_s > kReadyMax_s) story::tell(role + " took " + std::to_string(ready_s) + " s");
        for (const auto& other : m_ordeal.programs())
            if (other.first != role)
                CHECK_MESSAGE(other.second.pid == before.at(other.first).pid, other.first, " did not go on");
        CHECK(m_ordeal.pays_again());
        ++m_kills[role];
    }

    void report() {
        std::ranges::sort(m_ready_s);
        const auto at = [&](double share) {
            return m_ready_s[static_cast<std::size_t>(share * static_cast<double>(m_ready_s.size() - 1))];
        };
        std::string text;
        for (const auto& [role, kills] : m_kills) text += " " + role + " " + std::to_string(kills);
        story::tell("killed" + text + "; " + std::to_string(m_in_recovery) + " of them again while recovering");
        char line[160];
        std::snprintf(line, sizeof line, "ready again after p50 %.2f s, p99 %.2f s (asked: %.0f s), max %.2f s",
                      at(0.5), at(0.99), kReadyMax_s, m_ready_s.back());
        story::tell(line);
        CHECK(at(0.99) < kReadyLimit_s);
        CHECK_MESSAGE(m_in_recovery > 0, "no kill fell into a recovery: nothing is known about those");
        for (const char* role : kRoles) CHECK_MESSAGE(m_kills[role] > 0, std::string(role), " was never killed");
    }

  private:
    static std::chrono::steady_clock::time_point kill(pid_t pid) {
        REQUIRE(pid > 0);
        ::kill(pid, SIGKILL);
        return std::chrono::steady_clock::now();
    }
    Ordeal& m_ordeal;
    std::vector<double> m_ready_s;
    std::map<std::string, int> m_kills;
    int m_in_recovery = 0;
};
}  // namespace

TEST_CASE("kill: whoever is killed under load is back, nothing is lost or doubled, and the others go on") {
    const int seconds = number_of("GIRO_KILL_SECONDS", 30);
    const auto seed = static_cast<std::uint64_t>(number_of("GIRO_KILL_SEED", 1));
    story::tell("kill -9 for " + std::to_string(seconds) + " s under load, seed " + std::to_string(seed));
    Ordeal ordeal("kill");
    KillLoop loop(ordeal);
    giro::test::Random random(seed);
    ordeal.begin_load(kPerSecond);
    REQUIRE(ordeal.pays_again());
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    constexpr std::size_t kAll = std::size(kRoles);  // each once, however slow the machine is
    for (std::size_t turn = 0; turn < kAll || std::chrono::steady_clock::now() < end; ++turn)
        loop.kill_one(kRoles[turn < kAll ? turn : random.below(kAll)], turn % 2 == 1);
    ordeal.end_load();
    loop.report();
    const std::size_t compared = ordeal.check_books();
    story::tell(std::to_string(compared) + " approved payments are in the journal, each once");
    CHECK(compared > static_cast<std::size_t>(kPerSecond));
    ordeal.box().down();
}
