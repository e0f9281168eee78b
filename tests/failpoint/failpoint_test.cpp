// Every named failpoint of the programs, in a box under load: one dies there, or loses a message there, and then it is
// back, the others went on, payments are answered, and in the end nothing is lost, doubled or left unsettled.
#include <doctest/doctest.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <regex>

#include "tests/failpoint/points.hpp"
#include "tests/kill/ordeal.hpp"

using namespace failpoint;
using ordeal::Ordeal;
namespace fs = std::filesystem;

namespace {
constexpr int kReachedWithin_s = 60;
constexpr int kPerSecond = 60;
constexpr auto kSteady = std::chrono::milliseconds(1'200);

// Arms points, and waits until the programs have come to them.
class Points {
  public:
    explicit Points(fs::path folder) : m_folder(std::move(folder)) {
        fs::create_directories(m_folder);
        ::setenv("GIRO_FAILPOINTS_DIR", m_folder.c_str(), 1);
    }
    void arm(const Point& point) { story::write_text(m_folder / point.name, "armed"); }
    // The program that came there; empty when none did in time.
    std::string reached(const Point& point) {
        std::string program;
        static_cast<void>(story::eventually(kReachedWithin_s, [&] {
            program = hit_by(point);
            return !program.empty();
        }));
        return program;
    }
    std::string hit_by(const Point& point) const {
        const std::string prefix = std::string(point.name) + ".hit.giro-";
        for (const auto& file : fs::directory_iterator(m_folder))
            if (file.path().filename().string().starts_with(prefix))
                return file.path().filename().string().substr(prefix.size());
        return {};
    }

  private:
    fs::path m_folder;
};

class Test {
  public:
    Test()
        : m_points(fs::temp_directory_path() / ("giro-points." + std::to_string(::getpid()))),
          m_ordeal("points", GIRO_FAILPOINT_DIR) {}

    void run() {
        m_ordeal.begin_load(kPerSecond);
        REQUIRE(m_ordeal.pays_again());
        for (const Point* point : all(By::block)) pass(*point, [] {});  // first, while the chain is being pre-mined
        for (const Point* point : all(By::payment)) pass(*point, [] {});
        pass_in_one_start(By::restart);
        REQUIRE(m_ordeal.pays_again(600));  // more than snapshot_every_entries of the story's box
        pass_in_one_start(By::snapshot);
        story::tell("an issuer's host that says nothing");
        m_ordeal.box().serve_issuer_host({"--scenario", GIRO_SOURCE_DIR "/firmware-config/scenarios/host-silent.toml"});
        const auto timeouts = all(By::timeout);
        for (const Point* point : timeouts)
            pass(*point, [&] {
                if (point == timeouts.back()) m_ordeal.box().serve_issuer_host();
            });
        m_ordeal.box().serve_issuer_host();
        settle();
        m_ordeal.end_load();
        CHECK(m_ordeal.check_books() > 1'000);
        for (const Point& point : kPoints)
            if (point.by != By::host) CHECK_MESSAGE(!m_points.hit_by(point).empty(), "never reached: ", std::string(point.name));
        m_ordeal.box().down();
    }

  private:
    static std::vector<const Point*> all(By by) {
        std::vector<const Point*> found;
        for (const Point& point : kPoints)
            if (point.by == by) found.push_back(&point);
        return found;
    }

    // giro up counts the deaths of a program that has not been up for a second, and waits longer after each.
    void be_steady(const std::string& role) {
        static_cast<void>(
            story::eventually(5, [&] { return std::chrono::steady_clock::now() > m_up_since[role] + kSteady; }));
    }

    // Arms the point, does what leads there, and checks what every recovery leads to.
    template <typename Do>
    void pass(const Point& point, Do&& act) {
        const std::string name = point.name;
        CAPTURE(name);
        be_steady(point.program);
        const auto before = m_ordeal.programs();
        m_points.arm(point);
        act();
        const std::string role = m_points.reached(point);
        REQUIRE_MESSAGE(!role.empty(), "never reached");
        CHECK(role == point.program);
        recovered(point, role, before);
    }

    void recovered(const Point& point, const std::string& role, const std::map<std::string, ordeal::Program>& before) {
        if (!point.loses) REQUIRE_MESSAGE(m_ordeal.wait_for(role, "up", before.at(role).pid), "it did not come back");
        m_up_since[role] = std::chrono::steady_clock::now();
        for (const auto& now : m_ordeal.programs())
            if (now.first != role || point.loses)
                CHECK_MESSAGE(now.second.pid == before.at(now.first).pid, now.first, " did not go on");
        REQUIRE(m_ordeal.pays_again());
        ++m_passed;
        if (m_passed % 10 == 0) story::tell(std::to_string(m_passed) + " failpoints passed");
    }

    // The switch is killed; each of its starts meets the next point, until none is left.
    void pass_in_one_start(By by) {
        const auto points = all(by);
        auto before = m_ordeal.programs();
        for (const Point* point : points) m_points.arm(*point);
        ::kill(before.at("switch").pid, SIGKILL);
        for (const Point* point : points) CHECK(m_points.reached(*point) == "switch");
        recovered(*points.back(), "switch", before);
    }

    story::Said giro(const std::vector<std::string>& arguments) { return m_ordeal.box().giro(arguments); }

    // Two windows from their end to their block, with a death at each step.
    void settle() {
        auto points = all(By::settlement);
        story::tell("the chain's first 101 blocks are waited for");
        REQUIRE(story::eventually(600, [&] { return m_ordeal.box().status()["chain"].value("height", 0) >= 101; }));
        for (int i = 0; i < 2; ++i) pass(*points[static_cast<std::size_t>(i)], [&] { giro({"settle", "close"}); });
        REQUIRE(giro({"settle", "close"}).status == 0);
        points.erase(points.begin(), points.begin() + 2);
        for (const Point* point : points) m_points.arm(*point);
        const auto windows = m_ordeal.box().journal("window_closed");
        CHECK(windows.size() == 2);  // the first attempt closed none, the second one, the third one
        for (const auto& closed : windows) {
            const std::string window = std::to_string(closed["window"].get<std::uint64_t>());
            story::tell("window " + window + " is settled");
            const auto wait = [&](const char* state) {
                const auto said = giro({"settle", "wait", "--window", window, "--state", state, "--timeout", "200"});
                REQUIRE_MESSAGE(said.status == 0, said.text);
            };
            wait("proposed");
            for (const char* officer : {"alice", "bob"})
                REQUIRE(story::eventually(60, [&] {
                    return giro({"approve", "--officer", officer, "--window", window}).status == 0;
                }));
            wait("confirmed");
        }
        for (const Point* point : points)
            CHECK_MESSAGE(m_points.hit_by(*point) == point->program, std::string(point->name));
        for (const char* kind : {"settlement_proposed", "settlement_confirmed"})
            CHECK_MESSAGE(m_ordeal.box().journal(kind).size() == windows.size(), kind, ": not once for each window");
        m_passed += static_cast<int>(points.size());
        CHECK(m_ordeal.pays_again());
    }

    Points m_points;
    Ordeal m_ordeal;
    std::map<std::string, std::chrono::steady_clock::time_point> m_up_since;
    int m_passed = 0;
};

// The names in the sources of the product.
std::vector<std::string> named_in_sources() {
    const std::regex use("GIRO_FAILPOINT(_LOSES)?\\(\"([^\"]*)\"");
    std::vector<std::string> names;
    for (const char* folder : {"src", "hsm", "appliance"})
        for (const auto& file : fs::recursive_directory_iterator(fs::path(GIRO_SOURCE_DIR) / folder)) {
            if (file.path().extension() != ".cpp") continue;
            const std::string text = story::read_text(file.path());
            for (std::sregex_iterator at(text.begin(), text.end(), use), end; at != end; ++at)
                names.push_back((*at)[2]);
        }
    std::ranges::sort(names);
    return names;
}
}  // namespace

TEST_CASE("failpoint: the table names each failpoint of the sources, once, and at least thirty") {
    std::vector<std::string> names;
    for (const Point& point : kPoints) names.emplace_back(point.name);
    std::ranges::sort(names);
    CHECK(names == named_in_sources());
    CHECK(names.size() >= 30);
}

TEST_CASE("failpoint: the programs that are shipped have none") {
    for (const char* role : ordeal::kRoles) {
        const std::string program = std::string("giro-") + role;
        CHECK_MESSAGE(story::read_text(fs::path(GIRO_BIN_DIR) / program).find("failpoint:") == std::string::npos,
                      program);
        CHECK(story::read_text(fs::path(GIRO_FAILPOINT_DIR) / program).find("failpoint:") != std::string::npos);
    }
    CHECK(story::read_text(fs::path(GIRO_BIN_DIR) / "giro").find("failpoint:") == std::string::npos);
    CHECK(story::read_text(fs::path(GIRO_FAILPOINT_DIR) / "giro").find("failpoint:") != std::string::npos);
}

TEST_CASE(
    "failpoint: whoever dies or loses a message at whichever of them, nothing is lost, doubled or left unsettled") {
    story::tell(std::to_string(std::ranges::count_if(kPoints, [](const Point& p) { return p.by != By::host; })) + " failpoints in a box under load");
    Test().run();
}
