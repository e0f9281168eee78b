#include "tests/story/box.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <regex>
#include <sstream>
#include <thread>

namespace story {

namespace fs = std::filesystem;

namespace {
constexpr int kUpSecondsMax = 600;  // giro up gives up by itself before
constexpr int kFailSecondsMax = 30;

std::string giro_program() { return std::string(GIRO_BIN_DIR) + "/giro"; }

}  // namespace

int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    ::close(fd);
    return ntohs(address.sin_port);
}

void tell(const std::string& line) {
    std::printf("   story: %s\n", line.c_str());
    std::fflush(stdout);
}

std::string read_text(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void write_text(const fs::path& file, const std::string& text) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << text;
    REQUIRE(out.flush().good());
}

bool eventually(int seconds, const std::function<bool()>& ready) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (!ready()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

// --- Running ------------------------------------------------------------------------------------------------------

Running::Running(const std::vector<std::string>& command, const fs::path& output) : m_pid(0), m_output(output) {
    std::vector<char*> argv;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const int fd = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    m_pid = ::fork();
    if (m_pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // nothing of the story outlives it
        ::dup2(fd, STDOUT_FILENO);
        ::dup2(fd, STDERR_FILENO);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    ::close(fd);
    REQUIRE(m_pid > 0);
}

Running::~Running() {
    signal(SIGTERM);
    wait();
}

bool Running::alive() {
    if (m_pid > 0 && ::waitpid(m_pid, &m_status, WNOHANG) == m_pid) m_pid = 0;
    return m_pid > 0;
}

int Running::wait() {
    if (m_pid > 0) ::waitpid(m_pid, &m_status, 0);
    m_pid = 0;
    return WIFEXITED(m_status) ? WEXITSTATUS(m_status) : 128 + WTERMSIG(m_status);
}

void Running::signal(int number) const {
    if (m_pid > 0) ::kill(m_pid, number);
}

std::string Running::output() const { return read_text(m_output); }

json Said::object() const {
    std::istringstream lines(text);
    json found;
    for (std::string line; std::getline(lines, line);)
        if (json one = json::parse(line, nullptr, false); one.is_object()) found = std::move(one);
    return found;
}

std::string field_of(const Said& said, const char* name) {
    const json answer = said.object();
    return answer.is_object() && answer.contains(name) ? answer.value(name, "") : said.text;
}
std::string code_of(const Said& said) { return field_of(said, "response_code"); }

// --- Box ----------------------------------------------------------------------------------------------------------

Box::Box(const std::string& name, std::uint64_t disk_mebibytes)
    : m_folder(fs::temp_directory_path() / ("giro-" + name + "." + std::to_string(::getpid()))), m_said(m_folder.string() + ".said") {
    for (const auto& folder : {m_folder, m_said}) {
        fs::remove_all(folder);
        fs::create_directories(folder);
        fs::permissions(folder, fs::perms::owner_all);
    }
    if (disk_mebibytes != 0) m_disk.emplace(m_folder, disk_mebibytes);
    fs::create_directories(m_folder / "etc");
    for (const char* what : {"7801", "7802", "7803", "7804", "7810"}) m_ports[what] = free_port();
    write_config(m_ports);
}

Box::~Box() {
    m_host.reset();
    m_up.reset();
    m_disk.reset();
    fs::remove_all(m_folder);
    fs::remove_all(m_said);
}

// The shipped configuration on ports of our own, with a link that is given up on sooner, with snapshots of a small journal, and
// with more patience for a switch that shares its cores with other tests.
void Box::write_config(const std::map<std::string, int>& ports) {
    const auto on_our_ports = [&](const fs::path& file) {
        std::string text = read_text(fs::path(GIRO_SOURCE_DIR) / "firmware-config" / file);
        for (const auto& [shipped, ours] : ports)
            text = std::regex_replace(text, std::regex("127\\.0\\.0\\.1:" + shipped), "127.0.0.1:" + std::to_string(ours));
        return text;
    };
    const fs::path link = fs::path("conf.d") / "gamma-host.toml";
    fs::create_directories(m_folder / "etc" / "conf.d");
    write_text(m_folder / "etc" / link, on_our_ports(link));
    std::string text = on_our_ports("giro.toml");
    text = std::regex_replace(text, std::regex("forward_timeout_ms = [0-9_]+"), "forward_timeout_ms = 1_000");
    text = std::regex_replace(text, std::regex("snapshot_every_entries = [0-9_]+"), "snapshot_every_entries = 500");
    text = std::regex_replace(text, std::regex("wait_max_ms = [0-9_]+"), "wait_max_ms = " + std::to_string(m_wait_max_ms));
    write_text(m_folder / "etc" / "giro.toml", text);
}

void add_to_link(const Box& box, const std::string& settings) {
    const fs::path file = box.file("etc/conf.d/gamma-host.toml");
    write_text(file, read_text(file) + settings);
}

Said Box::giro(const std::vector<std::string>& arguments) {
    auto running = start(arguments, "said." + std::to_string(++m_runs));
    const int status = running->wait();
    return {status, running->output()};
}

std::unique_ptr<Running> Box::start(const std::vector<std::string>& arguments, const std::string& output) {
    std::vector<std::string> command{m_programs.empty() ? giro_program() : (m_programs / "giro").string(), "--dir", m_folder.string()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return std::make_unique<Running>(command, m_said / output);
}

void Box::init() {
    const Said said = giro({"init", "--demo"});
    INFO(said.text);
    REQUIRE(said.status == 0);
}

void Box::up() {
    m_up = start({"up"}, "up.out");
    const bool is_up = eventually(kUpSecondsMax, [&] { return !m_up->alive() || m_up->output().find("is up; logs in") != std::string::npos; });
    INFO(m_up->output());
    REQUIRE(is_up);
    REQUIRE(m_up->alive());
}

void Box::down() {
    std::vector<pid_t> pids;
    for (const char* program : {"vault", "switch", "auditor", "chain", "settle", "gate", "explorer"}) pids.push_back(pid_of(program));
    m_up->signal(SIGTERM);
    const int status = m_up->wait();
    INFO(m_up->output());
    CHECK(status == 0);
    for (const pid_t pid : pids) CHECK_MESSAGE(::kill(pid, 0) != 0, "a program of the box outlived it");
    m_up.reset();
}

Said Box::up_that_fails() {
    auto running = start({"up"}, "said." + std::to_string(++m_runs));
    CHECK_MESSAGE(eventually(kFailSecondsMax, [&] { return !running->alive(); }), "the box is up, and should not be");
    running->signal(SIGTERM);
    const int status = running->wait();
    return {status, running->output()};
}

void Box::serve_issuer_host(const std::vector<std::string>& options) {
    m_host.reset();
    std::vector<std::string> arguments{"host", "--state", file("host.jsonl").string()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    m_host = start(arguments, "host.out");
}

void Box::kill_and_wait(const std::string& program) {
    const pid_t victim = pid_of(program);
    ::kill(victim, SIGKILL);
    REQUIRE(eventually(30, [&] { return pid_of(program) != victim && status().contains("switch"); }));
}

pid_t Box::pid_of(const std::string& program) const {
    const json state = json::parse(read_text(file("run/up.json")), nullptr, false);
    REQUIRE(state.is_object());
    for (const auto& p : state["programs"])
        if (p["name"] == program) return p["pid"].get<pid_t>();
    FAIL("no program " << program);
    return 0;
}

std::vector<json> Box::journal(const std::string& kind) {
    const Said said = giro({"--json", "journal", "list", "--kind", kind, "--limit", "1000000"});
    REQUIRE_MESSAGE(said.status == 0, said.text);
    std::vector<json> entries;
    std::istringstream lines(said.text);
    for (std::string line; std::getline(lines, line);) entries.push_back(json::parse(line));
    return entries;
}

std::set<std::string> acknowledged(const fs::path& trace) {
    std::set<std::string> rrns;
    std::istringstream lines(read_text(trace));
    for (std::string line; std::getline(lines, line);) {
        const json event = json::parse(line, nullptr, false);
        if (event.is_object() && event.value("event", "") == "answer" && event.value("of", "") == "sale" && event.value("code", "") == "00")
            rrns.insert(event["rrn"].get<std::string>());
    }
    return rrns;
}

void check_nothing_lost(Box& box, const std::set<std::string>& told) {
    std::map<std::string, int> approved;
    for (const auto& payment : box.journal("payment"))
        if (payment["outcome"] == "approved") ++approved[payment["rrn"].get<std::string>()];
    std::size_t lost = 0, doubled = 0;
    for (const auto& rrn : told) lost += approved.count(rrn) == 0;
    for (const auto& [rrn, times] : approved) doubled += times > 1;
    CHECK(lost == 0);
    CHECK(doubled == 0);
    const Said whole = box.giro({"journal", "verify"});
    INFO(whole.text);
    CHECK(whole.status == 0);
}

}  // namespace story
