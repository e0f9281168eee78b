// A bank with two hosts, each behind a link of its own, and a route that asks one before the other, in a whole box with the
// real programs: the first is killed, and another time it hangs, while its cards pay.
#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <signal.h>

#include <chrono>
#include <sstream>

#include "tests/net/certificates.hpp"
#include "tests/story/box.hpp"

using namespace story;

namespace {
using std::chrono::steady_clock;
constexpr double kSwitchedSecondsMax = 2.0;  // what is asked for

std::vector<json> lines_of(const std::filesystem::path& file) {
    std::vector<json> out;
    std::istringstream lines(read_text(file));
    for (std::string line; std::getline(lines, line);)
        if (json one = json::parse(line, nullptr, false); one.is_object()) out.push_back(std::move(one));
    return out;
}

struct TwoHosts {
    Box box;
    int second_port = free_port();
    std::unique_ptr<Running> primary, secondary;

    explicit TwoHosts(const std::string& name) : box(name) {
        const auto shipped = box.file("etc/conf.d/gamma-host.toml");
        std::string link = read_text(shipped);
        for (const auto& [from, to] : {std::pair<std::string, std::string>{"id = 1 ", "id = 2 "}, {"\"gamma-host\"", "\"gamma-two\""}, {"[\"970003\"]", "[]"},
                                       {std::to_string(box.port("7810")), std::to_string(second_port)}})
            link.replace(link.find(from), from.size(), to);
        write_text(box.file("etc/conf.d/gamma-two.toml"), link);
        write_text(box.file("etc/routes.toml"), "[[route]]\nname = 'gamma'\nbins = ['970003']\nto = ['gamma-host', 'gamma-two']\n");
        std::string config = read_text(box.file("etc/giro.toml"));
        const std::string hasty = "forward_timeout_ms = 1_000";  // of the story's box; here the shipped settings count
        config.replace(config.find(hasty), hasty.size(), "forward_timeout_ms = 3_000");
        write_text(box.file("etc/giro.toml"), config);
        box.init();
        box.up();
        REQUIRE(box.giro({"demo", "provision"}).status == 0);
        primary = host("1", "first");
        secondary = host("2", "second");
        REQUIRE(eventually(20, [&] { return is_up(0) && is_up(1); }));
    }
    [[nodiscard]] std::unique_ptr<Running> host(const std::string& link, const std::string& name, const std::vector<std::string>& options = {}) {
        std::vector<std::string> command{"--json", "host", "--link", link, "--state", file(name).string()};
        command.insert(command.end(), options.begin(), options.end());
        return box.start(command, name + ".out");
    }
    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return box.file(name + ".jsonl"); }
    [[nodiscard]] std::size_t seen_by(const std::string& name) const { return lines_of(file(name)).size(); }
    [[nodiscard]] bool is_up(std::size_t link) { return box.status()["switch"]["links"][link]["up"].get<bool>(); }
};

// By RRN, what came of each payment: as the till heard it, as the journal has it, as the hosts do.
struct Outcome {
    bool told = false, journalled = false;
    int standing = 0;  // hosts at which it was approved and not reversed
};
std::map<std::string, Outcome> outcomes(TwoHosts& hosts, const std::filesystem::path& trace) {
    std::map<std::string, Outcome> out;
    for (const auto& event : lines_of(trace))
        if (event.value("event", "") == "answer" && event.value("of", "") == "sale") out[event["rrn"]].told = event.value("code", "") == "00";
    std::map<std::uint64_t, std::string> forwarded;
    for (const auto& payment : hosts.box.journal("payment"))
        if (payment["outcome"] == "forwarded") forwarded[payment["seq"]] = payment["rrn"];
    for (const auto& answer : hosts.box.journal("forward_answered"))
        if (answer["outcome"] == "approved") out[forwarded.at(answer["payment"])].journalled = true;
    for (const char* name : {"first", "second"}) {
        std::map<std::string, bool> stands;
        for (const auto& seen : lines_of(hosts.file(name))) {
            const std::string rrn = seen["rrn"];
            if (seen["mti"] == "0200" && seen["code"] == "00") stands.try_emplace(rrn, true);
            if (seen["mti"] == "0400") stands[rrn] = false;
        }
        for (const auto& [rrn, it_does] : stands) out[rrn].standing += it_does ? 1 : 0;
    }
    return out;
}

// NAME.pem and NAME.key in the box's folder.
void write_identity(const Box& box, const std::string& name, const giro::net::Identity& identity) {
    write_text(box.file(name + ".pem"), identity.pem());
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(box.file(name + ".key").c_str(), "w"), std::fclose);
    REQUIRE(PEM_write_PrivateKey(file.get(), identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
}

void lose_primary(const char* how, int signal) {
    tell(std::string("two hosts of one bank: the first ") + how + " under load");
    CAPTURE(how);
    TwoHosts hosts("links" + std::to_string(signal));
    Box& box = hosts.box;
    const auto trace = box.said_folder() / "trace.jsonl";
    auto load = box.start({"--json", "pos", "load", "--terminals", "64", "--rate", "30", "--seconds", "10", "--mix", "link=100", "--link-bin",
                           "970003", "--trace", trace.string()},
                          "load.out");
    REQUIRE(eventually(20, [&] { return hosts.seen_by("first") > 40; }));
    CHECK(hosts.seen_by("second") == 0);

    const auto lost = steady_clock::now();
    hosts.primary->signal(signal);
    REQUIRE(eventually(20, [&] { return hosts.seen_by("second") > 0; }));
    const double seconds = std::chrono::duration<double>(steady_clock::now() - lost).count();
    tell("switched to the second host after " + std::to_string(seconds) + " s");
    CHECK(seconds < kSwitchedSecondsMax);

    load->wait();
    INFO(load->output());
    CHECK(hosts.seen_by("second") > 100);
    // The first comes back, and hears what it is owed.
    if (signal == SIGKILL) {
        hosts.primary->wait();
        hosts.primary = hosts.host("1", "first");
    } else {
        hosts.primary->signal(SIGCONT);
    }
    CHECK(eventually(30, [&] { return box.status()["switch"]["outstanding"] == 0 && hosts.is_up(0); }));
    std::size_t approved = 0, otherwise = 0;
    for (const auto& [name, came_to] : outcomes(hosts, trace)) {
        const std::string& rrn = name;  // Clang 14 captures no structured binding
        CAPTURE(rrn);
        ++(came_to.told ? approved : otherwise);
        CHECK(came_to.journalled == came_to.told);
        CHECK(came_to.standing == (came_to.told ? 1 : 0));
    }
    tell(std::to_string(approved) + " payments approved, " + std::to_string(otherwise) + " declined meanwhile; each the same at till, journal and hosts");
    CHECK(approved > 200);
    CHECK(otherwise < 100);
    const Said whole = box.giro({"journal", "verify"});
    CHECK(whole.status == 0);
    box.down();
}
}  // namespace

TEST_CASE("links: the primary host is killed, and its payments go to the secondary within two seconds, none lost or doubled") {
    lose_primary("is killed", SIGKILL);
}

TEST_CASE("links: the primary host hangs, and its payments go to the secondary within two seconds, none lost or doubled") {
    lose_primary("hangs", SIGSTOP);
}

TEST_CASE("links: giro host speaks TLS 1.3 with certificates on both sides; one whose certificate bears another name is not the link's host") {
    tell("a link over TLS to giro host");
    Box box("tls");
    box.init();
    const auto authority = giro::net::make_ca("gamma's own");
    write_text(box.file("etc/conf.d/gamma-ca.pem"), authority.pem());
    write_identity(box, "right", giro::net::make_identity(authority, "host.gamma.example", "serverAuth"));
    write_identity(box, "wrong", giro::net::make_identity(authority, "host.other.example", "serverAuth"));
    const auto link = box.file("etc/conf.d/gamma-host.toml");
    std::string text = read_text(link);
    const std::string plain = "tls = false";
    text.replace(text.find(plain), plain.size(), "tls = true");
    write_text(link, text + "peer = \"host.gamma.example\"\nca = \"gamma-ca.pem\"\n");
    box.up();
    REQUIRE(box.giro({"demo", "provision"}).status == 0);
    CHECK(box.giro({"host"}).status == 2);  // the link is TLS, and it has no certificate
    const auto host = [&](const std::string& name) {
        return box.start({"host", "--tls-cert", box.file(name + ".pem").string(), "--tls-key", box.file(name + ".key").string()}, name + ".out");
    };
    const auto buy = [&] { return code_of(box.giro({"--json", "pos", "buy", "--bin", "970003", "--amount", "100"})); };
    {
        const auto other = host("wrong");
        REQUIRE(eventually(20, [&] { return other->output().find("TLS:") != std::string::npos; }));
        CHECK(buy() == "91");
    }
    const auto right = host("right");
    CHECK(eventually(20, [&] { return buy() == "00"; }));
    box.down();
}

TEST_CASE("links: a link that staff takes down hands its payments to the next and loses none; its host is signed off from, and when the box stops, too") {
    tell("two hosts of one bank: staff takes the first's link down for maintenance; then the box is stopped");
    TwoHosts hosts("links-staff");
    Box& box = hosts.box;
    // A host that answers a sign-off with 05: its report tells them from other 0800s.
    write_text(box.file("host.toml"), "[network]\nsign_off = \"05\"\n");
    hosts.primary.reset();
    hosts.primary = hosts.host("1", "first", {"--scenario", box.file("host.toml").string()});
    REQUIRE(eventually(20, [&] { return hosts.is_up(0); }));
    const auto trace = box.said_folder() / "trace.jsonl";
    auto load = box.start({"--json", "pos", "load", "--terminals", "64", "--rate", "30", "--seconds", "6", "--mix", "link=100", "--link-bin",
                           "970003", "--trace", trace.string()},
                          "load.out");
    REQUIRE(eventually(20, [&] { return hosts.seen_by("first") > 20; }));
    const Said down = box.giro({"link", "down", "gamma-host", "--why", "their new release"});
    CHECK_MESSAGE(down.status == 0, down.text);
    CHECK(down.has("taken down"));
    const std::size_t before = hosts.seen_by("first");
    CHECK(eventually(20, [&] { return hosts.seen_by("second") > 20; }));
    CHECK(load->wait() == 0);
    CHECK(hosts.seen_by("first") == before);
    for (const auto& [name, came_to] : outcomes(hosts, trace)) {
        const std::string& rrn = name;  // Clang 14 captures no structured binding
        CAPTURE(rrn);
        CHECK(came_to.told);
        CHECK(came_to.journalled == came_to.told);
        CHECK(came_to.standing == 1);
    }
    box.kill_and_wait("switch");
    CHECK(box.giro({"link", "list"}).has("taken down"));
    CHECK(box.giro({"link", "down", "gamma-host", "--why", "again"}).status == 1);
    const Said up = box.giro({"link", "up", "1"});
    CHECK_MESSAGE(up.status == 0, up.text);
    CHECK(hosts.is_up(0));
    CHECK(box.journal("link_set").size() == 2);

    box.down();
    hosts.primary->signal(SIGINT);
    hosts.primary->wait();
    CHECK(Said{0, hosts.primary->output()}.object()["answers"]["0800"]["05"] == 2);
    CHECK(read_text(box.file("log/giro-switch.log")).find("the gate may end") != std::string::npos);
}
