#include "tests/story/outage.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

namespace story {

namespace {
using Steady = std::chrono::steady_clock;

// No limit of its own: what one card or merchant may is another test's.
constexpr const char* kPolicy =
    "\n[[stand_in]]\nname = \"shops\"\nfloor = 1_000_00\ncard_count = 1_000_000\ncard_sum = 1_000_000_000_00\nmerchant_hour_sum = 1_000_000_000_00\n"
    "chip = \"if-present\"\nexpire_days = 5\n";
constexpr const char* kAmount = "100";  // the demo's host approves it
constexpr int kTopUpsMax = 20;
constexpr auto kLookEvery = std::chrono::milliseconds(250);  // a look is a process

double seconds_since(Steady::time_point began) { return std::chrono::duration<double>(Steady::now() - began).count(); }

json saf(Box& box) {
    const json status = box.status();
    return status.contains("switch") ? status["switch"].value("saf", json::object()) : json::object();
}

std::vector<std::string> load(const Outage& how, int first, std::vector<std::string> more) {
    std::vector<std::string> out{"--json", "pos", "load", "--terminals", std::to_string(how.terminals), "--first", std::to_string(first), "--amount", kAmount};
    out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return out;
}

// Exactly `wanted` payments are stood in for, whatever a kill cost.
std::uint64_t sell(Box& box, const Outage& how, std::uint64_t wanted, const std::function<void(const std::string&)>& say) {
    const auto selling = box.start(load(how, 1, {"--rate", fmt::format("{:.0f}", how.per_second), "--count", std::to_string(wanted), "--mix", "link=100"}),
                                   "outage.out");
    const auto began = Steady::now();
    for (int kill = 1; kill <= how.kills; ++kill) {
        const double at_s = static_cast<double>(how.seconds) * kill / (how.kills + 1);
        while (selling->alive() && seconds_since(began) < at_s) std::this_thread::sleep_for(kLookEvery);
        box.kill_and_wait("switch");
        say(fmt::format("{:.0f} s without the host, the switch killed {} times: {} approved in its place", seconds_since(began), kill,
                        saf(box).value("stood_in", 0)));
    }
    selling->wait();  // what a kill left unanswered is no failure of the run's
    std::uint64_t stood_in = saf(box).value("stood_in", std::uint64_t{0});
    for (int again = 0; stood_in < wanted && again < kTopUpsMax; ++again) {
        box.giro(load(how, 1, {"--count", std::to_string(wanted - stood_in), "--mix", "link=100"}));
        stood_in = saf(box).value("stood_in", std::uint64_t{0});
    }
    return stood_in;
}

// The others, whose payments are counted in their trace as it grows.
class Live {
  public:
    Live(Box& box, const Outage& how)
        : m_trace(box.said_folder() / "outage.trace"),
          m_load(box.start(load(how, how.terminals + 1,
                                {"--rate", fmt::format("{:.0f}", how.live_per_second), "--seconds", std::to_string(how.before_seconds + how.drain_seconds_max),
                                 "--trace", m_trace.string()}),
                           "outage-live.out")) {}
    // Payments approved since the last look: a second, and their p99.
    struct Look {
        double per_second = 0, p99_ms = 0;
    };
    Look look() {
        std::ifstream in(m_trace);
        in.seekg(m_read);
        std::vector<double> latencies;
        for (std::string line; std::getline(in, line) && !in.eof();) {
            m_read = in.tellg();
            if (line.find(R"("event":"answer","of":"sale")") == std::string::npos || line.find(R"("code":"00")") == std::string::npos) continue;
            latencies.push_back(json::parse(line)["latency_ms"].get<double>());
        }
        std::ranges::sort(latencies);
        const Look out{static_cast<double>(latencies.size()) / seconds_since(m_looked), latencies.empty() ? 0 : latencies[latencies.size() * 99 / 100]};
        m_looked = Steady::now();
        return out;
    }
    // Those that were not approved, of all.
    std::uint64_t end() {
        m_load->signal(SIGINT);
        m_load->wait();
        const json report = Said{0, m_load->output()}.object();
        REQUIRE_MESSAGE(report.is_object(), m_load->output());
        return report["sent"].get<std::uint64_t>() - report["approved"].get<std::uint64_t>();
    }

  private:
    std::filesystem::path m_trace;
    std::unique_ptr<Running> m_load;
    std::streamoff m_read = 0;
    Steady::time_point m_looked = Steady::now();
};

// What the host booked, held against what the journal says that it was owed.
void compare(Box& box, Delivered& out) {
    std::map<std::string, std::uint64_t> owed;  // terminal and RRN -> entry
    for (const json& e : box.journal("stood_in")) owed[e["terminal"].get<std::string>() + e["rrn"].get<std::string>()] = e["seq"].get<std::uint64_t>();
    std::map<std::string, int> booked;
    std::map<std::string, std::uint64_t> last;  // of each terminal
    std::ifstream host(box.file("host.jsonl"));
    for (std::string line; std::getline(host, line);) {
        const json seen = json::parse(line, nullptr, false);
        if (!seen.is_object() || !seen["mti"].get<std::string>().starts_with("022")) continue;
        const std::string terminal = seen["terminal"], key = terminal + seen["rrn"].get<std::string>();
        if (seen["repeat"] == true) {
            ++out.repeats;
            continue;
        }
        if (seen["code"] == "00") ++booked[key];
        const auto entry = owed.find(key);
        if (entry == owed.end()) continue;
        out.out_of_order += entry->second <= last[terminal];
        last[terminal] = entry->second;
    }
    out.stood_in = owed.size();
    for (const auto& [key, entry] : owed) out.once += booked[key] == 1;
    CHECK(booked.size() == owed.size());  // and nothing else
}
}  // namespace

void stand_in_for_all(Box& box) {
    const auto file = box.file("etc/giro.toml");
    write_text(file, read_text(file) + kPolicy);
    add_to_link(box, "stand_in = \"shops\"\n");
    const Said said = box.giro({"config", "check"});
    REQUIRE_MESSAGE(said.status == 0, said.text);
}

Delivered outage(Box& box, const Outage& how, const std::function<void(const std::string&)>& say) {
    Delivered out;
    const auto wanted = static_cast<std::uint64_t>(how.per_second * how.seconds);
    REQUIRE(sell(box, how, wanted, say) == wanted);
    Live live(box, how);
    REQUIRE(eventually(30, [&] { return live.look().per_second > 0; }));
    std::this_thread::sleep_for(std::chrono::seconds(how.before_seconds));
    const auto before = live.look();
    box.serve_issuer_host();
    const auto began = Steady::now();
    static_cast<void>(live.look());
    json now = saf(box);
    if (how.kill_while_told) {
        REQUIRE(eventually(how.drain_seconds_max, [&] { return saf(box).value("advices_owed", wanted) < wanted; }));
        box.kill_and_wait("switch");
    }
    while (seconds_since(began) < how.drain_seconds_max && (now = saf(box)).value("owed", std::uint64_t{1}) != 0) std::this_thread::sleep_for(kLookEvery);
    out.drain_s = seconds_since(began);
    const auto during = live.look();
    out.live_before = before.per_second;
    out.live_during = during.per_second;
    out.p99_before_ms = before.p99_ms;
    out.p99_during_ms = during.p99_ms;
    out.drain_per_s = static_cast<double>(wanted) / out.drain_s;
    CHECK_MESSAGE(now.value("owed", std::uint64_t{1}) == 0, now.dump());
    out.live_lost = live.end();
    compare(box, out);
    say(fmt::format("{} of {} advices delivered once, {} out of order, in {:.1f} s; the others paid {:.0f}/s (p99 {:.1f} ms) before and {:.0f}/s (p99 {:.1f} ms) "
                    "meanwhile, {} of them in vain",
                    out.once, out.stood_in, out.out_of_order, out.drain_s, out.live_before, out.p99_before_ms, out.live_during, out.p99_during_ms, out.live_lost));
    return out;
}

}  // namespace story
