// What a whole box needs and is without for a while, with the real programs: the disk nearly full and truly full, the vault stopped, killed, and
// without its token. Terminals hear 96 or 91, nothing that was answered is lost, and the box comes back by itself when
// the cause is gone. The box lies on a small disk of the test's own where that may be mounted.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>

#include "tests/story/till.hpp"

using namespace story;
using Kind = Heard::Kind;

namespace {
constexpr std::uint64_t kDiskMiB = 192;
constexpr std::uint64_t kNearlyFull = std::uint64_t{32} << 20;  // under what the switch wants free

// A demo box that is up; gone with the last case.
Box* g_box = nullptr;
Box& box() {
    REQUIRE_MESSAGE(g_box != nullptr, "the first case of this file has to run before");
    return *g_box;
}

bool has_disk() {
    if (SmallDisk::possible()) return true;
    MESSAGE("left out: a disk cannot be mounted here (needs root)");
    return false;
}

bool logged(const std::string& program, std::string_view words) {
    return read_text(box().file("log/giro-" + program + ".log")).find(words) != std::string::npos;
}

// A payment that is answered in the end: a terminal that hears nothing, or is cut off, tries again.
bool eventually_pays(Till& till) {
    return eventually(60, [&] {
        const Heard heard = till.buy(100);
        if (heard.kind == Kind::closed || heard.kind == Kind::nothing) till.connect();
        return heard == "00";
    });
}
}  // namespace

TEST_CASE("disk and vault: a box is up, on a small disk") {
    tell("the disk nearly and truly full; the vault stopped, killed, without its token");
    g_box = new Box("scarce", SmallDisk::possible() ? kDiskMiB : 0);
    box().init();
    box().up();
    REQUIRE(box().giro({"demo", "provision"}).status == 0);
}

TEST_CASE("disk and vault: a nearly full disk: payments are answered 96 with a MAC, nothing is taken, and it passes by itself") {
    if (!has_disk()) return;
    Ready till(box(), 1);
    CHECK(till.buy(100) == "00");
    const pid_t before = box().pid_of("switch");
    box().disk().fill(kNearlyFull);
    Heard heard;
    REQUIRE(eventually(60, [&] { return (heard = till.buy(100)) == "96"; }));
    CHECK(till.is_from_box(heard, till.key));
    const auto sale = till.sale(100);
    const auto request = till.purchase(sale);
    const std::size_t payments = box().journal("payment").size();
    CHECK(till.say(request) == "96");
    CHECK(box().journal("payment").size() == payments);
    CHECK(logged("switch", "MiB free in"));

    box().disk().make_room();
    REQUIRE(eventually(60, [&] { return till.say(request) == "00"; }));  // the same request, later
    CHECK(till.say(request) == "00");
    CHECK(box().journal("payment").size() == payments + 1);
    CHECK(box().pid_of("switch") == before);
}

TEST_CASE(
    "disk and vault: a disk that fills up in mid-traffic loses nothing that was answered; the box goes on when there is room") {
    if (!has_disk()) return;
    const auto trace = box().said_folder() / "full.jsonl";
    auto load = box().start({"--json", "pos", "load", "--terminals", "8", "--seconds", "25", "--timeout", "4000",
                             "--trace", trace.string()},
                            "full.out");
    const auto seen = [&] { return acknowledged(trace).size(); };
    const auto ended = [&] { return box().up_said().find("switch   ended with status 75") != std::string::npos; };
    // The switch looks at the room once a second: now and then it sees the end coming, and only answers 96.
    for (int tries = 0; tries < 10 && !ended(); ++tries) {
        const auto before = seen();
        REQUIRE(eventually(20, [&] { return seen() > before + 200; }));
        box().disk().fill(0);
        if (!eventually(3, ended)) box().disk().make_room();
    }
    REQUIRE(ended());
    INFO(box().up_said());
    CHECK(box().up_said().find("free some space") != std::string::npos);
    box().disk().make_room();
    const auto before = seen();
    CHECK(eventually(30, [&] { return seen() > before + 100; }));
    load->wait();
    INFO(load->output());
    check_nothing_lost(box(), acknowledged(trace));
}

TEST_CASE("disk and vault: a vault that hangs: payments are answered 91 without a MAC, and go on when it does") {
    Ready till(box(), 2);
    CHECK(till.buy(100) == "00");
    const pid_t switch_pid = box().pid_of("switch"), vault = box().pid_of("vault");
    ::kill(vault, SIGSTOP);
    const auto request = till.purchase(till.sale(100));
    const Heard heard = till.say(request);
    ::kill(vault, SIGCONT);
    CHECK(heard == "91");
    CHECK_FALSE(heard.has_mac);
    CHECK(eventually(60, [&] { return till.say(request) == "00"; }));
    CHECK(box().pid_of("switch") == switch_pid);
    CHECK(box().pid_of("vault") == vault);
}

TEST_CASE("disk and vault: a vault that is killed in mid-traffic is back without a restart of the others, and nothing is lost") {
    const pid_t switch_pid = box().pid_of("switch"), gate = box().pid_of("gate");
    const auto trace = box().said_folder() / "vault.jsonl";
    auto load = box().start({"--json", "pos", "load", "--terminals", "8", "--seconds", "10", "--timeout", "8000",
                             "--trace", trace.string()},
                            "vault.out");
    REQUIRE(eventually(20, [&] { return acknowledged(trace).size() > 200; }));
    box().kill_and_wait("vault");
    const auto before = acknowledged(trace).size();
    CHECK(eventually(30, [&] { return acknowledged(trace).size() > before + 100; }));
    load->wait();
    INFO(load->output());
    check_nothing_lost(box(), acknowledged(trace));
    CHECK(box().pid_of("switch") == switch_pid);
    CHECK(box().pid_of("gate") == gate);
}

TEST_CASE("disk and vault: a token that is taken away: 91 without a MAC, the status says so, and it goes on when it is back") {
    Ready till(box(), 3);
    const pid_t switch_pid = box().pid_of("switch"), vault = box().pid_of("vault");
    REQUIRE(box().giro({"wallet", "new", "eve"}).status == 0);
    const auto tokens = box().file("vault/tokens"), away = box().file("vault/away");
    REQUIRE(std::filesystem::exists(tokens));
    std::filesystem::rename(tokens, away);
    Heard heard;
    // A payment under way while it goes may hear nothing at all: its own wait is 15 s.
    REQUIRE(eventually(60, [&] {
        heard = till.buy(100);
        if (heard.kind == Kind::closed || heard.kind == Kind::nothing) till.connect();
        return heard == "91";
    }));
    CHECK_FALSE(heard.has_mac);
    CHECK(box().status()["token_present"] == false);
    const Said wallet = box().giro({"wallet", "balance", "eve"});  // the wallets' door cannot sign its handshake
    INFO(wallet.text);
    CHECK(wallet.status == 75);
    CHECK(wallet.has("vault"));
    std::filesystem::rename(away, tokens);
    CHECK(eventually_pays(till));
    CHECK(box().status()["token_present"] == true);
    CHECK(box().pid_of("switch") == switch_pid);
    CHECK(box().pid_of("vault") == vault);
    CHECK(logged("switch", "the vault answers again"));
}

TEST_CASE("disk and vault: after all of it the journal is whole and the box stops as it should") {
    CHECK(box().giro({"journal", "verify"}).status == 0);
    CHECK(box().giro({"--json", "journal", "summary"}).object()["ledger_balanced"] == true);
    box().down();
    delete g_box;
    g_box = nullptr;
}
