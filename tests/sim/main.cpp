// giro-sim: the simulator's command line. A seed that fails prints the one command that plays it again with a trace.
//
//   giro-sim --seed S [--steps N] [--trace] [--sabotage NAME]   one seed; the last line has its digest
//   giro-sim --from S --count N [--steps N] [--jobs J]          many; ends with the sums
//   giro-sim --for-ever [--from S] [--jobs J]                   until it is stopped or a seed fails, with a live line
//
// Exit status: 0 every seed passed, 1 one did not, 2 usage.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <thread>

#include "tests/sim/simulation.hpp"

namespace {
using namespace giro::sim;
using Steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLiveEvery{200};
constexpr double kUnwatchedEvery_s = 10;
constexpr std::uint64_t kJobsMax = 64;

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
        else if (word == "--jobs" && *n >= 1 && *n <= kJobsMax)
            a.jobs = *n;
        else
            return std::nullopt;
    }
    return a;
}

std::string faults_text(const Faults& f) {
    std::string text;
    for (const auto& [name, count] : f.by_name())
        if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
    return text;
}

// The seed's own line, and what it broke.
void report(const Arguments& a, const Verdict& v) {
    if (a.for_ever) fmt::print("\n");  // below the live line
    for (const Violation& x : v.violations)
        fmt::print("VIOLATION of {}\"{}\": {}\n",
                   x.invariant == 0 ? std::string() : fmt::format("invariant {}, ", x.invariant), x.sentence, x.what);
    if (!v.violations.empty() && !a.order.trace)
        fmt::print("play it again: build/release/bin/giro-sim --seed {} --steps {}{} --trace\n", a.order.seed,
                   a.order.steps, a.sabotage.empty() ? std::string() : " --sabotage " + a.sabotage);
    fmt::print(
        "seed {} steps {}: {} events in {:.1f} virtual s, {} entries, {} answers, {} approved, {} forwarded, {} stood in, {} windows settled, forgotten {} "
        "times, {} faults ({}), digest {:016x}\n",
        a.order.seed, a.order.steps, v.events, static_cast<double>(v.virtual_ms) / 1000, v.entries, v.answers, v.approved,
        v.forwarded, v.stood_in, v.windows_settled, v.forgotten, v.faults.all(), faults_text(v.faults), v.digest);
    std::fflush(stdout);
}

constexpr std::uint64_t kSeedsThatApprove = 5;  // among so many one at the least

// Where the processes of one run count, in memory they share.
struct Totals {
    std::atomic<std::uint64_t> last_seed, seeds, failed, faults, answers, approved, forwarded, stood_in, settled, digests;
    std::atomic<bool> stop;
    std::array<std::atomic<std::uint64_t>, kJobsMax> under_way;  // each process's seed
};

std::string text_of(const Totals& t, double seconds) {
    return fmt::format("{} seeds, {} failed; {:.2f} seeds/s, {} faults injected, {} answers heard, {} approved, {} forwarded, {} stood in, {} windows settled",
                       t.seeds.load(), t.failed.load(), static_cast<double>(t.seeds) / seconds, t.faults.load(),
                       t.answers.load(), t.approved.load(), t.forwarded.load(), t.stood_in.load(), t.settled.load());
}

std::filesystem::path scratch_folder() {
    const std::filesystem::path memory = "/dev/shm";
    return (std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path()) /
           fmt::format("giro-sim-{}", ::getpid());
}

// One seed after the other, every `jobs`-th from `part` on; alone where `totals` has nobody else.
void run_part(Arguments a, std::uint64_t part, Totals& totals) {
    a.order.scratch = scratch_folder();
    std::filesystem::remove_all(a.order.scratch);
    std::filesystem::create_directories(a.order.scratch);
    for (std::uint64_t i = part; (a.for_ever || i < a.count) && g_stop == 0 && !totals.stop; i += a.jobs) {
        a.order.seed = a.from + i;
        totals.under_way[part] = a.order.seed;
        const Verdict v = simulate(a.order);
        totals.last_seed = a.order.seed;
        totals.faults += v.faults.all();
        totals.settled += v.windows_settled;
        totals.answers += v.answers;
        totals.approved += v.approved;
        totals.forwarded += v.forwarded;
        totals.stood_in += v.stood_in;
        totals.digests ^= v.digest;
        if (!v.violations.empty()) ++totals.failed;
        if (!v.violations.empty() || (a.count == 1 && !a.for_ever)) report(a, v);
        ++totals.seeds;
        if (!v.violations.empty() && a.for_ever) totals.stop = true;
    }
    std::filesystem::remove_all(a.order.scratch);
}

// A line that is written over again and again; where nobody watches, one now and then.
void show_live(const Totals& totals, double seconds, bool& wide) {
    static const bool watched = ::isatty(STDOUT_FILENO) == 1;
    static double told = 0;
    if (totals.seeds == 0 || (!watched && seconds - told < kUnwatchedEvery_s)) return;
    told = seconds;
    fmt::print("{}seed {}: {}{}", watched ? "\r\033[K" : "", totals.last_seed.load(), text_of(totals, seconds),
               watched ? "" : "\n");
    std::fflush(stdout);
    wide = watched;
}

// A process that did not come to its end: a bug of the program in its seed, or of the simulator.
void report_crash(const Arguments& a, std::uint64_t seed, int status) {
    fmt::print("\na process of the simulator ended in seed {} with {} {}\n", seed,
               WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    fmt::print("play it again: build/release/bin/giro-sim --seed {} --steps {} --trace\n", seed, a.order.steps);
}

// One process for each job: a World is one thread's, and the only one of its process.
int run_many(const Arguments& a) {
    void* shared = ::mmap(nullptr, sizeof(Totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 1;
    auto& totals = *new (shared) Totals{};
    const auto began = Steady::now();
    const auto seconds = [&] { return std::chrono::duration<double>(Steady::now() - began).count(); };
    std::fflush(stdout);
    std::map<pid_t, std::uint64_t> part_of;
    for (std::uint64_t part = 0; part < a.jobs; ++part) {
        const pid_t pid = ::fork();
        if (pid != 0) {
            ASSERT(pid > 0);
            part_of[pid] = part;
            continue;
        }
        run_part(a, part, totals);
        std::fflush(stdout);
        ::_exit(0);
    }
    bool crashed = false, wide = false;
    while (!part_of.empty()) {
        if (g_stop != 0) totals.stop = true;  // each ends its seed first
        int status = 0;
        if (const pid_t pid = ::waitpid(-1, &status, WNOHANG); pid > 0) {
            const std::uint64_t part = part_of.extract(pid).mapped();
            if (status != 0) {
                crashed = true;
                report_crash(a, totals.under_way[part], status);
            }
            continue;
        }
        if (a.for_ever) show_live(totals, seconds(), wide);
        std::this_thread::sleep_for(kLiveEvery);
    }
    fmt::print("{}{}, {:.1f} s, digest of all {:016x}\n", wide ? "\r\033[K" : "", text_of(totals, seconds()), seconds(),
               totals.digests.load());
    const bool idle = totals.seeds >= kSeedsThatApprove && totals.approved == 0;
    if (idle) fmt::print("no payment was approved in any seed: they prove nothing\n");
    return crashed || totals.failed != 0 || idle ? 1 : 0;
}

int run_one(const Arguments& a) {
    Totals totals{};
    run_part(a, 0, totals);
    return totals.failed == 0 ? 0 : 1;
}
}  // namespace

int main(int argc, char** argv) {
    const auto arguments = parse(argc, argv);
    if (!arguments) return usage();
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { g_stop = 1; });
    return arguments->count == 1 && !arguments->for_ever ? run_one(*arguments) : run_many(*arguments);
}
