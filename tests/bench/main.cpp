// giro-bench [--quick] JSON SVG [PART...]: runs the parts that are named, or all; prints one table and writes the same
// as JSON and as a picture. Parts: each bench_<name> beside it, "postgres", and the parts of a whole box below.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/bench/chart.hpp"
#include "tests/bench/end_to_end.hpp"
#include "tests/bench/growth.hpp"
#include "tests/bench/machine.hpp"
#include "tests/bench/overload.hpp"
#include "tests/bench/postgres.hpp"
#include "tests/bench/saf.hpp"
#include "tests/bench/say.hpp"
#include "tests/bench/table.hpp"

namespace {
using nlohmann::json;
namespace fs = std::filesystem;

// Parts of one box that is up, in the order that leaves each what it needs: at rest first, then ever more load.
struct BoxPart {
    const char* name;
    json (*measure)(bench::LoadBox&);
};
constexpr BoxPart kBoxParts[] = {{"rest", bench::measure_rest},
                                 {"closed", bench::measure_closed},
                                 {"after_load", bench::measure_after_load},
                                 {"limit", bench::measure_limit},
                                 {"forwarded", bench::measure_forwarded},
                                 {"overload", bench::measure_overload}};

// The story's Box checks with doctest's macros; here a failed check ends the run.
void on_check(const doctest::AssertData& check) {
    if (check.m_failed) bench::give_up(fmt::format("{}:{}: {}", check.m_file, check.m_line, check.m_expr));
}

class Bench {
  public:
    Bench(fs::path folder, std::vector<std::string> wanted) : m_folder(std::move(folder)), m_wanted(std::move(wanted)) {
        m_results["machine"] = bench::machine(fs::temp_directory_path());
        m_results["versions"] = bench::versions();
        m_results["quick"] = bench::quick();
    }

    json run() {
        refuse_unknown();
        for (const auto& [name, program] : modules())
            if (wants(name)) keep(name, run_module(program));
        if (wants("postgres")) keep("postgres", bench::measure_postgres());
        run_box();
        if (wants("saf")) keep("saf", bench::measure_saf());
        if (wants("growth")) keep("growth", bench::measure_growth());
        derive();
        m_results["seconds"] = bench::seconds_since(bench::kBegan);
        return m_results;
    }

  private:
    [[nodiscard]] bool wants(const std::string& name) const {
        return m_wanted.empty() || std::ranges::find(m_wanted, name) != m_wanted.end();
    }

    static std::map<std::string, fs::path> modules() {
        std::map<std::string, fs::path> out;
        for (const auto& file : fs::directory_iterator(GIRO_BIN_DIR))
            if (const auto name = file.path().filename().string(); name.starts_with("bench_"))
                out[name.substr(6)] = file.path();
        return out;
    }

    void refuse_unknown() const {
        std::string known = "postgres saf growth";
        for (const auto& part : kBoxParts) known += std::string(" ") + part.name;
        for (const auto& [name, program] : modules()) known += " " + name;
        for (const auto& name : m_wanted)
            if ((" " + known + " ").find(" " + name + " ") == std::string::npos) {
                fmt::print(stderr, "bench: there is no part '{}'; there are: {}\n", name, known);
                std::exit(2);
            }
    }

    static json run_module(const fs::path& program) {
        bench::say(program.filename().string());
        const auto output =
            fs::temp_directory_path() / fmt::format("giro-{}.{}", program.filename().string(), ::getpid());
        story::Running running({program.string()}, output);
        const int status = running.wait();
        json result = story::Said{status, running.output()}.object();
        if (status != 0 || !result.is_object())
            bench::give_up(fmt::format("{} ended with {}: {}", program.filename().string(), status, running.output()));
        fs::remove(output);
        return result;
    }

    void run_box() {
        if (std::ranges::none_of(kBoxParts, [&](const BoxPart& part) { return wants(part.name); })) return;
        bench::LoadBox box("load");
        box.up();
        for (const auto& part : kBoxParts)
            if (wants(part.name)) keep(std::string("box/") + part.name, part.measure(box));
        box.down();
    }

    // Written at once: whatever ends a run early, the parts before it are not lost.
    void keep(const std::string& part, json figures) {
        if (!figures.is_null()) m_results[json::json_pointer("/" + part)] = std::move(figures);
        story::write_text(m_folder / "bench.json", m_results.dump(2) + "\n");
    }

    // The same figures in the units of their yardsticks, for the ratios.
    void derive() {
        scale("/hsm/bare_cmac_per_s", "/hsm/bare_cmac_ns", [](double per_s) { return 1e9 / per_s; });
        scale("/bare/echo_cpu_us", "/bare/echo_cpu_ns", [](double us) { return us * 1000; });
        for (const char* run : {"closed/1", "rest/64/10", "rest/64/50", "rest/64/200", "after_load"})
            scale(fmt::format("/box/{}/p50_ms", run), fmt::format("/box/{}/p50_us", run),
                  [](double ms) { return ms * 1000; });
        const auto ratio = [&](const char* part, const char* whole, double times, const char* to) {
            const double of = m_results.value(json::json_pointer(whole), 0.0);
            if (of > 0) scale(part, to, [&](double v) { return times * v / of; });
        };
        const double derivations = m_results.value("/hsm/dukpt_derivations"_json_pointer, 0.0);
        ratio("/hsm/vault_purchase_macs_per_s", "/hsm/bare_cmac_per_s", 2, "/hsm/macs_of_token");
        ratio("/hsm/vault_dukpt_purchases_per_s", "/hsm/bare_derive_per_s", derivations, "/hsm/dukpt_of_derivations");
        ratio("/hsm/vault_pin_translate_per_s", "/hsm/bare_pin_ciphers_per_s", 1, "/hsm/pin_of_ciphers");
        ratio("/hsm/vault_arqc_verify_per_s", "/hsm/bare_chip_per_s", 1, "/hsm/arqc_of_token");
        ratio("/box/closed/64/per_second", "/hsm/bare_cmac_per_s", 2, "/box/closed/64/of_token");
        ratio("/box/closed/1000/per_second", "/hsm/bare_cmac_per_s", 2, "/box/closed/1000/of_token");
    }
    template <typename Scale>
    void scale(const std::string& from, const std::string& to, Scale function) {
        const json::json_pointer at(from);
        if (m_results.contains(at)) m_results[json::json_pointer(to)] = function(m_results.at(at).get<double>());
    }

    fs::path m_folder;
    std::vector<std::string> m_wanted;
    json m_results = json::object();
};

// The table and the picture of what was measured, beside it.
void write_down(const fs::path& folder, const json& results) {
    const std::string table = bench::markdown(results);
    story::write_text(folder / "bench.svg", bench::svg(results));
    story::write_text(folder / "bench.md", table);
    fmt::print("{}", table);
}

bool take(std::vector<std::string>& words, const char* option) {
    if (words.empty() || words.front() != option) return false;
    words.erase(words.begin());
    return true;
}
}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    doctest::Context context;
    context.setAsDefaultForAssertsOutOfTestCases();
    context.setAssertHandler(on_check);
    const bool draw = take(words, "--draw");
    if (take(words, "--quick")) ::setenv("GIRO_BENCH_QUICK", "1", 1);
    if (words.empty()) {
        fmt::print(stderr, "usage: giro-bench [--quick] FOLDER [PART...]\n       giro-bench --draw FOLDER\n");
        return 2;
    }
    const fs::path folder = words.front();
    if (draw) {
        write_down(folder, json::parse(story::read_text(folder / "bench.json")));
        return 0;
    }
    const json results = Bench(folder, {words.begin() + 1, words.end()}).run();
    story::write_text(folder / "bench.json", results.dump(2) + "\n");
    write_down(folder, results);
    return 0;
}
