#include "tests/bench/postgres.hpp"

#include <pwd.h>
#include <unistd.h>

#include <fstream>

#include "tests/bench/medians.hpp"
#include "tests/bench/say.hpp"
#include "tests/story/box.hpp"

namespace bench {

namespace {
namespace fs = std::filesystem;
using nlohmann::json;
using story::Running;
using Words = std::vector<std::string>;

constexpr int kClients = 64;
constexpr int kScale = 10;  // a million accounts
constexpr int kReadySeconds = 30;

// /usr/lib/postgresql/15/bin, the newest.
fs::path find_programs() {
    fs::path found;
    std::error_code none;
    for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none))
        if (fs::exists(version.path() / "bin" / "postgres") && fs::exists(version.path() / "bin" / "pgbench") &&
            version.path() > found.parent_path())
            found = version.path() / "bin";
    return found;
}

// PostgreSQL refuses to serve as root: it gets Debian's user of that name.
Words as_its_user(Words command) {
    if (::geteuid() != 0) return command;
    Words out{"/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=TERM", "--"};
    out.insert(out.end(), command.begin(), command.end());
    return out;
}

class Cluster {
  public:
    explicit Cluster(fs::path programs)
        : m_programs(std::move(programs)), m_folder(fs::temp_directory_path() / fmt::format("giro-pg.{}", ::getpid())) {
        fs::create_directories(m_folder);
        if (const passwd* user = ::getpwnam("postgres"); ::geteuid() == 0 && user != nullptr)
            need(::chown(m_folder.c_str(), user->pw_uid, user->pw_gid) == 0, "cannot give PostgreSQL its folder");
        run(as_its_user({program("initdb"), "-D", data(), "-U", "bench", "-A", "trust", "--locale=C", "-E", "UTF8"}));
        m_server = std::make_unique<Running>(
            as_its_user({program("postgres"), "-D", data(), "-k", m_folder.string(), "-c", "listen_addresses=", "-c",
                         "shared_buffers=256MB", "-c", "max_connections=100"}),
            fs::temp_directory_path() / "giro-pg.log");
        need(story::eventually(
                 kReadySeconds,
                 [&] { return m_server->output().find("ready to accept connections") != std::string::npos; }),
             "PostgreSQL did not start: " + m_server->output());
        run({program("pgbench"), "-h", m_folder.string(), "-U", "bench", "-i", "-q", "-s", std::to_string(kScale),
             "postgres"});
    }
    ~Cluster() {
        m_server.reset();
        fs::remove_all(m_folder);
        fs::remove(fs::temp_directory_path() / "giro-pg.log");
        fs::remove(fs::temp_directory_path() / "giro-pg.out");
    }
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    [[nodiscard]] std::string version() const {
        const std::string said = run({program("postgres"), "--version"});
        return said.substr(0, said.find('\n'));
    }

    [[nodiscard]] json measure(int seconds) {
        const std::string prefix = (m_folder / "tx").string();
        const std::string said = run({program("pgbench"), "-h", m_folder.string(), "-U", "bench", "-N", "-n", "-M",
                                      "prepared", "-c", std::to_string(kClients), "-j", "2", "-T",
                                      std::to_string(seconds), "-l", "--log-prefix=" + prefix, "postgres"});
        const std::size_t at = said.find("tps = ");
        need(at != std::string::npos, "pgbench: " + said);
        json out{{"per_second", std::stod(said.substr(at + 6))}};
        add_latencies(out, take_logs(prefix));
        return out;
    }

  private:
    [[nodiscard]] std::string program(const char* name) const { return (m_programs / name).string(); }
    [[nodiscard]] std::string data() const { return (m_folder / "data").string(); }
    static std::string run(const Words& command) {
        Running running(command, fs::temp_directory_path() / "giro-pg.out");
        const int status = running.wait();
        need(status == 0, fmt::format("{} ended with {}: {}", command.front(), status, running.output()));
        return running.output();
    }

    // The third word of each line is the transaction's time, microseconds.
    [[nodiscard]] std::vector<double> take_logs(const std::string& prefix) const {
        std::vector<fs::path> logs;
        for (const auto& file : fs::directory_iterator(m_folder))
            if (file.path().string().starts_with(prefix)) logs.push_back(file.path());
        std::vector<double> ms;
        for (const fs::path& log : logs) {
            std::ifstream in(log);
            for (std::string client, number, us, rest; in >> client >> number >> us && std::getline(in, rest);)
                ms.push_back(std::stod(us) / 1000);
            fs::remove(log);
        }
        std::ranges::sort(ms);
        return ms;
    }

    static void add_latencies(json& out, const std::vector<double>& sorted_ms) {
        if (sorted_ms.empty()) return;
        const auto at = [&](double fraction) {
            return sorted_ms[std::min(sorted_ms.size() - 1,
                                      static_cast<std::size_t>(fraction * static_cast<double>(sorted_ms.size())))];
        };
        out["p50_ms"] = at(0.5);
        out["p99_ms"] = at(0.99);
        out["p999_ms"] = at(0.999);
        out["max_ms"] = sorted_ms.back();
    }

    fs::path m_programs, m_folder;
    std::unique_ptr<Running> m_server;
};
}  // namespace

json measure_postgres() {
    const fs::path programs = find_programs();
    if (programs.empty()) {
        say("postgres: not installed, left out");
        return nullptr;
    }
    say("postgres: a private cluster");
    Cluster cluster(programs);
    std::vector<json> all;
    for (int run = 1; run <= runs(); ++run) {
        all.push_back(cluster.measure(quick() ? 3 : 6));
        say(fmt::format("postgres: pgbench -N, run {}: {:.0f}/s", run, all.back()["per_second"].get<double>()));
    }
    json out = medians(all);
    out["version"] = cluster.version();
    out["clients"] = kClients;
    return out;
}

}  // namespace bench
