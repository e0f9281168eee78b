#include "tests/bench/load_box.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <numeric>
#include <regex>
#include <sstream>
#include <thread>

#include "tests/bench/say.hpp"

namespace bench {

namespace {
namespace fs = std::filesystem;
using nlohmann::json;
using story::Box;

constexpr int kPremineBlocks = 101;
constexpr int kPremineSeconds = 900;
constexpr int kRestSeconds = 600;
constexpr double kRestCores = 0.03;  // of all programs together
constexpr auto kRestSample = std::chrono::milliseconds(500);

// The story's Box takes snapshots of a small journal; here the shipped settings count.
void use_shipped_settings(const Box& box) {
    const fs::path file = box.file("etc/giro.toml");
    const std::string shipped = story::read_text(fs::path(GIRO_SOURCE_DIR) / "firmware-config" / "giro.toml");
    std::string text = story::read_text(file);
    for (const char* setting : {"snapshot_every_entries", "forward_timeout_ms", "wait_max_ms"}) {
        const std::regex line(std::string(setting) + " = [0-9_]+");
        std::smatch value;
        need(std::regex_search(shipped, value, line), std::string("no ") + setting + " in the shipped configuration");
        text = std::regex_replace(text, line, value.str());
    }
    story::write_text(file, text);
}

// Set up once, and down.
const fs::path& pristine() {
    static Box box("seed");
    static const bool once = [] {
        say(fmt::format("setting up a box with {} terminals", kTerminalsMax));
        use_shipped_settings(box);
        const auto made = box.giro({"init", "--demo", "--terminals", std::to_string(kTerminalsMax)});
        need(made.status == 0, "giro init: " + made.text);
        box.up();
        const auto provisioned = box.giro({"demo", "provision"});
        need(provisioned.status == 0, "giro demo provision: " + provisioned.text);
        int last = 0;
        need(story::eventually(
                 kPremineSeconds,
                 [&] {
                     const json status = box.status();
                     const int height = status.contains("chain") ? status["chain"]["height"].get<int>() : 0;
                     if (height >= last + 25)
                         say(fmt::format(
                             "pre-mining, so that it does not share the cores with what is measured: block {} of {}",
                             last = height, kPremineBlocks));
                     return height >= kPremineBlocks;
                 }),
             "the chain did not reach its first 101 blocks");
        box.down();
        return true;
    }();
    need(once, "no box");
    return box.folder();
}

double children_cpu_ns() {
    rusage used{};
    ::getrusage(RUSAGE_CHILDREN, &used);
    const auto ns = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_usec) * 1e3;
    };
    return ns(used.ru_utime) + ns(used.ru_stime);
}

// /proc/<pid>/task/*/schedstat: nanoseconds on a CPU, nanoseconds waiting for one, time slices.
double cpu_ns_of(int pid) {
    double sum = 0;
    std::error_code gone;
    for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid), gone)) {
        std::ifstream in(task.path() / "schedstat");
        double on_cpu = 0;
        if (in >> on_cpu) sum += on_cpu;
    }
    return sum;
}
}  // namespace

LoadBox::LoadBox(const std::string& name) : m_box(name) {
    use_shipped_settings(m_box);
    for (const auto& item : fs::directory_iterator(pristine())) {
        const auto what = item.path().filename();
        if (!item.is_directory() || what == "etc" || what == "run") continue;
        fs::copy(item.path(), m_box.file(what), fs::copy_options::recursive);
    }
    fs::copy(pristine() / "etc" / "dialects", m_box.file("etc/dialects"), fs::copy_options::recursive);
    fs::create_directories(m_box.file("run"));
    for (const auto& item : fs::recursive_directory_iterator(pristine())) {  // 0700 as they were
        const fs::path copy = m_box.folder() / fs::relative(item.path(), pristine());
        if (item.is_directory() && fs::exists(copy)) fs::permissions(copy, item.status().permissions());
    }
}

double LoadBox::up() {
    const auto began = Steady::now();
    m_box.up();
    const double taken = seconds_since(began);
    for (const auto& name : kPrograms) m_pids[name] = m_box.pid_of(name);
    m_stages_before = nullptr;
    return taken;
}

std::map<std::string, double> LoadBox::cpu_ns() const {
    std::map<std::string, double> out;
    for (const auto& [name, pid] : m_pids) out[name] = cpu_ns_of(pid);
    return out;
}

void LoadBox::rest() {
    const auto total = [this] {
        const auto all = cpu_ns();
        return std::accumulate(all.begin(), all.end(), 0.0,
                               [](double sum, const auto& one) { return sum + one.second; });
    };
    const bool rested = story::eventually(kRestSeconds, [&] {
        const auto began = Steady::now();
        const double before = total();
        std::this_thread::sleep_for(kRestSample);
        return (total() - before) / 1e9 < kRestCores * seconds_since(began);
    });
    need(rested, "the box does not come to rest");
}

json LoadBox::run(std::vector<std::string> options) {
    options.insert(options.begin(), {"--json", "pos", "load", "--amount", "1"});
    const auto before = cpu_ns();
    const double terminals_before = children_cpu_ns();
    const auto said = m_box.giro(options);
    const double terminals_after = children_cpu_ns();
    const auto after = cpu_ns();
    const json report = said.object();
    need(said.status == 0 && report.is_object(), "giro pos load: " + said.text);
    need(report["approved"] == report["sent"], "payments were declined or not answered: " + report.dump());
    json out;
    for (const char* key : {"per_second", "p50_ms", "p99_ms", "p999_ms", "max_ms", "sent", "not_sent"})
        out[key] = report[key];
    const double payments = report["answered"].get<double>();
    for (const auto& name : kPrograms) out["cpu_us"][name] = (after.at(name) - before.at(name)) / 1e3 / payments;
    out["cpu_us"]["terminals"] = (terminals_after - terminals_before) / 1e3 / payments;
    return out;
}

void LoadBox::serve_issuer_host() {
    m_box.serve_issuer_host();
    if (!story::eventually(30, [this] { return m_box.status()["switch"]["links"].at(0).value("up", false); }))
        need(false, "the box does not sign on to the issuer's host");
}

json LoadBox::blast(double rate, int seconds, const char* conduct) {
    const auto before = cpu_ns();
    const fs::path output = m_box.said_folder() / "blast.out";
    story::Running running({std::string(GIRO_BIN_DIR) + "/giro-bench-blast", m_box.folder().string(), std::to_string(m_box.port("7801")),
                            fmt::format("{:.0f}", rate), std::to_string(seconds), conduct},
                           output);
    const int status = running.wait();
    json out = story::Said{status, running.output()}.object();
    need(status == 0 && out.is_object(), "giro-bench-blast: " + running.output());
    const auto after = cpu_ns();
    for (const auto& name : kPrograms) out["cpu_us"][name] = (after.at(name) - before.at(name)) / 1e3 / out["sent"].get<double>();
    return out;
}

json LoadBox::memory_mb() {
    const json status = m_box.status();  // the temporary must outlive the loop
    json out;
    double total = 0;
    for (const auto& program : status["programs"]) {
        const double mb = program.value("resident_kb", 0.0) / 1024;
        out[program["name"].get<std::string>()] = mb;
        total += mb;
    }
    out["total"] = total;
    return out;
}

std::uint64_t LoadBox::entries() {
    return m_box.status()["switch"]["entries"].get<std::uint64_t>();
}

json LoadBox::stages() {
    const json now = m_box.status()["switch"]["stages"];
    const json before = std::exchange(m_stages_before, now);
    if (!before.is_object()) return nullptr;
    const auto since = [&](const std::string& key) { return now[key].get<double>() - before.value(key, 0.0); };
    const double requests = since("requests");
    if (requests <= 0) return nullptr;
    json out{{"requests_per_batch", requests / std::max(1.0, since("batches"))}};
    for (const auto& [key, value] : now.items())
        if (key.ends_with("_ns")) out[key.substr(0, key.size() - 3) + "_us"] = since(key) / 1e3 / requests;
    return out;
}

}  // namespace bench
