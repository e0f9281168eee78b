// Everything at once, with the real programs: both lines of a box lose, delay, double and cut messages (tests/kill/proxy.hpp), gate,
// switch and vault die at named points, the issuer's host is killed, and each of them stands still for a while. Then the weather
// is calm, and what the terminals were told, what the journal says and what the host has booked must be the same. By a seed:
// GIRO_LUCK_SEED.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "tests/disk/random.hpp"
#include "tests/kill/ordeal.hpp"
#include "tests/kill/proxy.hpp"

namespace {
namespace fs = std::filesystem;
using ordeal::Ordeal;

constexpr int kPerSecond = 80;
constexpr auto kStands = std::chrono::milliseconds(1'500);  // longer than the box waits for an issuer: late approvals
constexpr int kPatience_s = 60;  // the pause before a reversal is sent again grows
constexpr ordeal::Weather kTills{.lost = 1, .twice = 2, .late = 3, .late_ms = 300, .cut_off = 1, .ended = 1};
constexpr ordeal::Weather kLink{.lost = 2, .twice = 3, .late = 5, .late_ms = 2'000, .cut_off = 1, .ended = 1};  // later than its timeout, too

struct Stroke {
    const char* what;   // a failpoint, or a program that stands still or is killed
    const char* program;
    enum class Kind { dies, stops, host_dies, host_stops } kind;
};
using enum Stroke::Kind;
constexpr Stroke kStrokes[] = {
    {"gate.request.passed", "gate", dies},   {"gate.answer.taken", "gate", dies},    {"gate", "gate", stops},
    {"switch.decided", "switch", dies},      {"journal.commit.after", "switch", dies}, {"switch", "switch", stops},
    {"switch.expiry.committed", "switch", dies}, {"switch.expired", "switch", dies}, {"vault.request.taken", "vault", dies},
    {"vault", "vault", stops},               {"host", "", host_dies},                {"host", "", host_dies},
    {"host", "", host_stops},
};

class Luck {
  public:
    explicit Luck(std::uint64_t seed)
        : m_random(seed), m_points(fs::temp_directory_path() / ("giro-luck." + std::to_string(::getpid()))), m_host_port(story::free_port()) {
        fs::remove_all(m_points);
        fs::create_directories(m_points);
        ::setenv("GIRO_FAILPOINTS_DIR", m_points.c_str(), 1);
        m_ordeal = std::make_unique<Ordeal>("badluck", GIRO_FAILPOINT_DIR, host_options());
        m_link = std::make_unique<ordeal::Proxy>(seed, m_ordeal->box().port("7810"), m_host_port, kLink);
        m_tills = std::make_unique<ordeal::Proxy>(seed + 1'000'000, 0, m_ordeal->box().port("7801"), kTills);
    }
    ~Luck() {
        ::unsetenv("GIRO_FAILPOINTS_DIR");
        fs::remove_all(m_points);
    }
    Luck(const Luck&) = delete;
    Luck& operator=(const Luck&) = delete;

    void run() {
        m_ordeal->begin_load(kPerSecond, "card=35,link=45,reversal=15,decline=5", {"--connect", "127.0.0.1:" + std::to_string(m_tills->port())});
        REQUIRE(m_ordeal->pays_again());  // giro pos load wants its terminals signed on before it begins
        m_link->rage();
        m_tills->rage();
        std::vector<const Stroke*> order;
        for (const Stroke& stroke : kStrokes) order.push_back(&stroke);
        for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[m_random.below(i)]);
        for (const Stroke* stroke : order) {
            const std::string what = stroke->what;
            CAPTURE(what);
            strike(*stroke);
            CHECK(m_ordeal->pays_again());
        }
        m_link->calm();
        m_tills->calm();
        REQUIRE(m_ordeal->pays_again(100));
        m_ordeal->end_load();
        CHECK_MESSAGE(story::eventually(kPatience_s, [&] { return m_ordeal->box().status()["switch"].value("outstanding", 1) == 0; }),
                      "reversals are owed for ever");
        const std::size_t compared = m_ordeal->check_books();
        m_ordeal->box().stop_issuer_host();
        const std::size_t standing = m_ordeal->check_issuer();
        story::tell(std::to_string(compared) + " approved payments are in the journal, each once; " + std::to_string(standing) + " stand at the issuer's host, the same as here");
        CHECK(compared > 200);
        CHECK(standing > 50);
        m_ordeal->box().down();
    }

  private:
    std::vector<std::string> host_options() const { return {"--listen", "127.0.0.1:" + std::to_string(m_host_port)}; }

    void strike(const Stroke& stroke) {
        switch (stroke.kind) {
            case dies: return die_at(stroke);
            case stops: return stand_still([&](int signal) { ::kill(m_ordeal->box().pid_of(stroke.program), signal); });
            case host_dies:
                m_ordeal->box().issuer_host().signal(SIGKILL);
                return m_ordeal->box().serve_issuer_host(host_options());
            case host_stops: return stand_still([&](int signal) { m_ordeal->box().issuer_host().signal(signal); });
        }
    }

    void die_at(const Stroke& stroke) {
        const pid_t before = m_ordeal->programs().at(stroke.program).pid;
        story::write_text(m_points / stroke.what, "");
        REQUIRE_MESSAGE(m_ordeal->wait_for(stroke.program, "up", before), "never reached, or it did not come back");
        CHECK(fs::exists(m_points / (std::string(stroke.what) + ".hit.giro-" + stroke.program)));
    }

    template <typename Signal>
    static void stand_still(Signal signal) {
        signal(SIGSTOP);
        std::this_thread::sleep_for(kStands);
        signal(SIGCONT);
    }

    giro::test::Random m_random;
    fs::path m_points;
    const int m_host_port;
    std::unique_ptr<Ordeal> m_ordeal;
    std::unique_ptr<ordeal::Proxy> m_link, m_tills;
};
}  // namespace

TEST_CASE("bad luck: on bad lines, and whoever dies or stands still, tills, journal and the issuer's host end up with the same payments") {
    const char* given = std::getenv("GIRO_LUCK_SEED");
    const std::uint64_t seed = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
    story::tell("bad luck on both lines, with deaths and stillstands, seed " + std::to_string(seed));
    Luck(seed).run();
}
