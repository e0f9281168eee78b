// giro-sim: the simulator's command line. A seed that fails prints the one command that plays it again with a trace.
//
//   giro-sim --seed S [--steps N] [--trace] [--sabotage NAME]   one seed; the last line has its digest
//   giro-sim --from S --count N [--steps N] [--jobs J]          many; ends with the sums
//   giro-sim --for-ever [--from S]                              until it is stopped or a seed fails, with a live line
//
// Exit status: 0 every seed passed, 1 one did not, 2 usage.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <optional>

#include "tests/sim/simulation.hpp"

namespace {
using namespace giro::sim;
using Steady = std::chrono::steady_clock;

struct Arguments {
    Order order;
    std::uint64_t from = 1, count = 1, jobs = 1;
    bool for_ever = false;
    std::string sabotage;
};

volatile std::sig_atomic_t g_stop = 0;

int usage() {
    fmt::print(stderr,
               "usage: giro-sim [--seed S | --from S --count N | --for-ever] [--steps N] [--jobs J] [--trace] "
               "[--sabotage NAME]\n"
               "seeded bugs, each of which must make its invariant fail: {}\n",
               sabotage_names());
    return 2;
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<Arguments> parse(int argc, char** argv) {
    Arguments a;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word(argv[i]);
        if (word == "--trace") {
            a.order.trace = [](std::string_view line) { fmt::print("{}\n", line); };
            continue;
        }
        if (word == "--for-ever") {
            a.for_ever = true;
            continue;
        }
        if (i + 1 == argc) return std::nullopt;
        const std::string_view value(argv[++i]);
        if (word == "--sabotage") {
            const auto sabotage = sabotage_named(value);
            if (!sabotage) return std::nullopt;
            a.order.sabotage = *sabotage;
            a.sabotage = value;
            continue;
        }
        const auto n = number(value);
        if (!n) return std::nullopt;
        if (word == "--seed")
            a.from = *n;
        else if (word == "--from")
            a.from = *n;
        else if (word == "--count")
            a.count = *n;
        else if (word == "--steps")
            a.order.steps = *n;
        else if (word == "--jobs" && *n >= 1 && *n <= 64)
            a.jobs = *n;
        else
            return std::nullopt;
    }
    return a;
}

std::string faults_text(const Faults& f) {
    return fmt::format(
        "kills {} power cuts {} stops {} lost {} duplicated {} delayed {} cut {} partitions {} disk {} token {} clock "
        "{}",
        f.kills, f.power_cuts, f.stops, f.lost, f.duplicated, f.delayed, f.streams_cut, f.partitions, f.disk, f.token,
        f.clock_steps);
}

// The seed's own line, and what it broke.
void report(const Arguments& a, const Verdict& v) {
    for (const Violation& x : v.violations)
        fmt::print("VIOLATION of {}\"{}\": {}\n",
                   x.invariant == 0 ? std::string() : fmt::format("invariant {}, ", x.invariant), x.sentence, x.what);
    if (!v.violations.empty() && !a.order.trace)
        fmt::print("play it again: build/release/bin/giro-sim --seed {} --steps {}{} --trace\n", a.order.seed,
                   a.order.steps, a.sabotage.empty() ? std::string() : " --sabotage " + a.sabotage);
    fmt::print(
        "seed {} steps {}: {} events in {:.1f} virtual s, {} entries, {} answers, {} windows settled, {} faults ({}), "
        "digest {:016x}\n",
        a.order.seed, a.order.steps, v.events, static_cast<double>(v.virtual_ms) / 1000, v.entries, v.answers,
        v.windows_settled, v.faults.all(), faults_text(v.faults), v.digest);
    std::fflush(stdout);
}

// A part of the seeds in this process: every `jobs`-th. Returns how many failed.
int run_part(Arguments a, std::uint64_t part) {
    a.order.scratch = (std::filesystem::exists("/dev/shm") ? std::filesystem::path("/dev/shm")
                                                           : std::filesystem::temp_directory_path()) /
                      fmt::format("giro-sim-{}", ::getpid());
    std::filesystem::remove_all(a.order.scratch);
    std::filesystem::create_directories(a.order.scratch);
    std::uint64_t seeds = 0, faults = 0, settled = 0, answers = 0, digests = 0;
    int failed = 0;
    const auto began = Steady::now();
    for (std::uint64_t i = part; (a.for_ever || i < a.count) && g_stop == 0; i += a.jobs) {
        a.order.seed = a.from + i;
        const Verdict v = simulate(a.order);
        ++seeds;
        faults += v.faults.all();
        settled += v.windows_settled;
        answers += v.answers;
        digests ^= v.digest;
        if (!v.violations.empty()) ++failed;
        if (!v.violations.empty() || (a.count == 1 && !a.for_ever)) report(a, v);
        if (a.for_ever) {
            const double seconds = std::chrono::duration<double>(Steady::now() - began).count();
            fmt::print("\rseed {}: {} seeds, {:.2f}/s, {} faults injected, {} answers, {} windows settled ",
                       a.order.seed, seeds, static_cast<double>(seeds) / seconds, faults, answers, settled);
            std::fflush(stdout);
            if (failed != 0) break;
        }
    }
    if (a.count > 1 && !a.for_ever)
        fmt::print(
            "{} seeds, {} failed; {} faults injected, {} answers heard, {} windows settled, {:.1f} s, digest of all "
            "{:016x}\n",
            seeds, failed, faults, answers, settled, std::chrono::duration<double>(Steady::now() - began).count(),
            digests);
    if (a.for_ever) fmt::print("\n");
    std::filesystem::remove_all(a.order.scratch);
    return failed;
}

// One process for each job: a World is one thread's, and the only one of its process.
int run_all(const Arguments& a) {
    if (a.jobs == 1) return run_part(a, 0) == 0 ? 0 : 1;
    std::fflush(stdout);
    for (std::uint64_t part = 0; part < a.jobs; ++part) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            const int failed = run_part(a, part);
            std::fflush(stdout);
            ::_exit(failed == 0 ? 0 : 1);
        }
    }
    int worst = 0;
    for (std::uint64_t part = 0; part < a.jobs; ++part) {
        int status = 0;
        ::wait(&status);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) worst = 1;
    }
    return worst;
}
}  // namespace

int main(int argc, char** argv) {
    const auto arguments = parse(argc, argv);
    if (!arguments) return usage();
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { g_stop = 1; });
    return run_all(*arguments);
}
