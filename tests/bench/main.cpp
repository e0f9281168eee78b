// giro-bench FILE [NAME...]: runs each bench_<name> beside it (all when none is named; "box" is the whole box), prints one
// table and writes FILE. The end-to-end figures are also given as ratios to the token's bare AES-CMAC rate of this run.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/bench/box_bench.hpp"
#include "tests/bench/table.hpp"
#include "tests/story/box.hpp"

namespace {
using nlohmann::json;
namespace fs = std::filesystem;

// The story's Box checks with doctest's macros; here a failed check ends the run.
void on_check(const doctest::AssertData& check) {
    if (!check.m_failed) return;
    std::fprintf(stderr, "bench: %s:%d: %s\n", check.m_file, check.m_line, check.m_expr);
    std::exit(1);
}

json run_module(const fs::path& program) {
    story::tell(program.filename().string());
    const auto output = fs::temp_directory_path() / fmt::format("giro-{}.{}", program.filename().string(), ::getpid());
    story::Running running({program.string()}, output);
    const int status = running.wait();
    const json result = story::Said{status, running.output()}.object();
    if (status != 0 || !result.is_object()) {
        std::fprintf(stderr, "bench: %s ended with %d: %s\n", program.c_str(), status, running.output().c_str());
        std::exit(1);
    }
    fs::remove(output);
    return result;
}

void add_ratios(json& results) {
    const double bare = results.value("/hsm/bare_cmac_per_s"_json_pointer, 0.0);
    const double purchases = results.value("/box/closed_loop_64/purchases_per_s"_json_pointer, 0.0);
    if (bare > 0 && purchases > 0) results["box"]["closed_loop_64"]["ratio_to_bare_cmac"] = purchases / bare;
    if (bare > 0 && purchases > 0) results["box"]["closed_loop_64"]["ratio_of_its_two_macs_to_bare_cmac"] = 2 * purchases / bare;
}
}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: giro-bench FILE [NAME...]\n");
        return 2;
    }
    doctest::Context context;
    context.setAsDefaultForAssertsOutOfTestCases();
    context.setAssertHandler(on_check);
    const std::vector<std::string> wanted(argv + 2, argv + argc);
    const auto is_wanted = [&](const std::string& name) { return wanted.empty() || std::ranges::find(wanted, name) != wanted.end(); };

    std::vector<fs::path> modules;
    for (const auto& file : fs::directory_iterator(GIRO_BIN_DIR))
        if (const auto name = file.path().filename().string(); name.starts_with("bench_") && is_wanted(name.substr(6))) modules.push_back(file.path());
    std::ranges::sort(modules);
    json results = json::object();
    for (const auto& module : modules) results[module.filename().string().substr(6)] = run_module(module);
    if (is_wanted("box")) results["box"] = bench::measure_box();
    add_ratios(results);
    story::write_text(argv[1], results.dump(2) + "\n");
    bench::print_table(results);
    return 0;
}
