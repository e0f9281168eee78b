#include "appliance/giro/supervisor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "appliance/giro/box_child.hpp"
#include "util/file.hpp"
#include "util/log.hpp"

namespace giro::cli {

namespace {
using std::chrono::milliseconds;
constexpr milliseconds kStopMax{10'000};     // after SIGTERM; then SIGKILL
// A restart waits: at first hardly, since every moment costs payments, then twice as long after each death, up to a bound
// that is lower for a program that did become ready: that one serves between its deaths.
constexpr milliseconds kBackoffMin{20}, kBackoffUpMax{500}, kBackoffMax{10'000};
constexpr milliseconds kSteady{1'000};       // up this long: the next death counts as the first
constexpr milliseconds kSayEvery{2'000};     // progress while a start takes longer
constexpr int kPollMs = 200;
// SoftHSM frees more blocks of a size at a time than glibc keeps at hand by default (7): 7 % of the vault's time.
constexpr const char* kMallocTunables = "glibc.malloc.tcache_count=64";
constexpr std::uintmax_t kLogBytesMax = 16U << 20;  // then the log becomes <program>.log.1 at the next start

bool mends_by_restart(int code) { return code != 2 && code != 3 && code != 4; }

std::string how_it_ended(int status) {
    if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
    return fmt::format("ended with status {}", WEXITSTATUS(status));
}

// Between fork and exec: only what is safe there. Returns on failure alone.
void become(const char* program, const char* dir, int log_fd, int ready_fd) {
    ::setpgid(0, 0);  // the terminal's Ctrl-C is for giro up, which stops the programs in order
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(log_fd, STDOUT_FILENO);
    ::dup2(log_fd, STDERR_FILENO);
    const int input = ::open("/dev/null", O_RDONLY);
    ::dup2(input, STDIN_FILENO);
    ::fcntl(ready_fd, F_SETFD, 0);
    ::execl(program, program, "serve", "--dir", dir, static_cast<char*>(nullptr));
}
}  // namespace

std::vector<std::string> programs_of(const config::Config& config) {
    std::vector<std::string> names(kPrograms.begin(), kPrograms.end());
    if (config.explorer) names.emplace_back("explorer");
    return names;
}

Supervisor::Supervisor(config::Paths paths, std::filesystem::path programs_in, const std::vector<std::string>& names, std::function<void(std::string)> say,
                       milliseconds silence_max)
    : m_paths(std::move(paths)), m_programs_in(std::move(programs_in)), m_say(std::move(say)), m_silence_max(silence_max) {
    for (const auto& name : names) {
        m_children.emplace_back().name = name;
        m_children.back().expendable = name == "explorer";
    }
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
        ::signal(signal, SIG_DFL);  // a shell starts background jobs with SIGINT ignored; a blocked one must stay pending
        sigaddset(&set, signal);
    }
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    m_signals = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    ASSERT(m_signals >= 0);
}

Supervisor::~Supervisor() {
    stop_all();
    ::close(m_signals);
}

Result<void> Supervisor::run(const std::function<void()>& all_up) {
    start_next();
    bool said_all_up = false;
    while (!m_stopping && m_failure.empty()) {
        wait_for_events();
        reap();
        for (Child& child : m_children) read_ready(child);
        restart_due();
        start_next();
        if (m_state_stale) write_state();
        if (!said_all_up && m_failure.empty() && all_were_ready()) {
            said_all_up = true;
            all_up();
        }
    }
    stop_all();
    if (!m_failure.empty()) return tl::unexpected(m_failure.front());
    return {};
}

bool Supervisor::all_were_ready() const {
    return std::ranges::all_of(m_children, [](const Child& child) { return child.was_ready || (child.expendable && child.restarts > 0); });
}

// The first start is one after the other: the next program when all before it have been ready.
void Supervisor::start_next() {
    for (Child& child : m_children) {
        if (child.was_ready) continue;
        if (child.state == State::stopped && m_failure.empty() && !m_stopping) {
            if (auto started = start(child); !started) start_failed(child, started.error());
        }
        return;
    }
}

Result<void> Supervisor::start(Child& child) {
    const auto program = m_programs_in / ("giro-" + child.name);
    if (::access(program.c_str(), X_OK) != 0)
        return fail(Failure::Kind::config, fmt::format("{} is missing; build it or install it", program.string()));
    const auto file = log_file(child);
    std::error_code no_log_yet;
    if (std::filesystem::file_size(file, no_log_yet) > kLogBytesMax && !no_log_yet)
        std::filesystem::rename(file, file.string() + ".1", no_log_yet);
    const int log_fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return fail(Failure::Kind::refused, fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
    int pipe_fds[2];
    ASSERT(::pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) == 0);
    ::setenv("GLIBC_TUNABLES", kMallocTunables, 0);  // the operator's own stand
    ::setenv("GIRO_READY_FD", std::to_string(pipe_fds[1]).c_str(), 1);
    const std::string dir = m_paths.root.string();
    const int pid = ::fork();
    if (pid == 0) {
        become(program.c_str(), dir.c_str(), log_fd, pipe_fds[1]);
        ::_exit(127);
    }
    ::unsetenv("GIRO_READY_FD");
    ::close(log_fd);
    ::close(pipe_fds[1]);
    if (pid < 0) {
        ::close(pipe_fds[0]);
        return fail(Failure::Kind::try_again, fmt::format("cannot start {}: {}", program.string(), std::strerror(errno)));
    }
    child.state = State::starting;
    child.pid = pid;
    child.ready_fd = pipe_fds[0];
    child.since = child.heard = Clock::now();
    write_state();
    return {};
}

// How long nothing has to be done; kPollMs at most.
milliseconds Supervisor::until_restart() const {
    milliseconds least{kPollMs};
    for (const Child& child : m_children)
        if (child.state == State::waiting)
            least = std::min(least, std::chrono::ceil<milliseconds>(child.restart_at - Clock::now()));
    return std::max(least, milliseconds{0});
}

void Supervisor::wait_for_events() {
    std::vector<pollfd> fds{{m_signals, POLLIN, 0}};
    for (const Child& child : m_children)
        if (child.ready_fd >= 0) fds.push_back({child.ready_fd, POLLIN, 0});
    ::poll(fds.data(), fds.size(), static_cast<int>(until_restart().count()));
    signalfd_siginfo info;
    while (::read(m_signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
        if (info.ssi_signo != SIGCHLD) m_stopping = true;
}

void Supervisor::read_ready(Child& child) {
    if (child.state != State::starting) return;
    listen(child);
    const auto waited = std::chrono::duration_cast<milliseconds>(Clock::now() - child.since);
    char text[16];
    const ssize_t n = ::read(child.ready_fd, text, sizeof text);
    if (n > 0) {
        ::close(child.ready_fd);
        child.ready_fd = -1;
        child.state = State::up;
        child.was_ready = true;
        child.since = Clock::now();
        m_say(fmt::format("{:<8} up, pid {}", child.name, child.pid));
        write_state();
    } else if (Clock::now() - child.heard > m_silence_max && child.expendable) {
        ::kill(child.pid, SIGKILL);
    } else if (Clock::now() - child.heard > m_silence_max) {
        fail_with(child, 75, fmt::format("was not ready after {} s: {}", waited.count() / 1000, last_log_line(child)));
    } else if (waited > kSayEvery && waited % kSayEvery < milliseconds(kPollMs)) {
        m_say(fmt::format("{:<8} starting, {} s: {}", child.name, waited.count() / 1000, last_log_line(child)));
    }
}

// A start may take minutes: a switch replays its whole journal, and says in its log where it is. What ends a start is
// silence.
void Supervisor::listen(Child& child) {
    std::error_code no_log;
    const auto bytes = std::filesystem::file_size(log_file(child), no_log);
    if (no_log || bytes == child.log_bytes) return;
    child.log_bytes = bytes;
    child.heard = Clock::now();
}

void Supervisor::reap() {
    int status = 0;
    for (int pid = ::waitpid(-1, &status, WNOHANG); pid > 0; pid = ::waitpid(-1, &status, WNOHANG)) {
        const auto child = std::ranges::find(m_children, pid, &Child::pid);
        if (child != m_children.end()) died(*child, status);
    }
}

void Supervisor::died(Child& child, int status) {
    const bool was_up = child.state == State::up;
    const bool was_up_for_long = was_up && Clock::now() - child.since > kSteady;
    if (child.ready_fd >= 0) ::close(child.ready_fd);
    child.ready_fd = -1;
    child.pid = 0;
    child.state = State::stopped;
    if (m_stopping || !m_failure.empty()) return;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    if (!child.expendable && (!child.was_ready || !mends_by_restart(code))) return fail_with(child, code, how_it_ended(status) + cause(child, status));
    try_again_later(child, was_up, was_up_for_long, how_it_ended(status), cause(child, status));
}

void Supervisor::try_again_later(Child& child, bool was_up, bool was_up_for_long, const std::string& how, const std::string& cause_of_it) {
    const bool is_first = was_up_for_long || child.backoff == milliseconds(0);
    child.backoff = is_first ? kBackoffMin : std::min(2 * child.backoff, was_up ? kBackoffUpMax : kBackoffMax);
    child.state = State::waiting;
    child.restart_at = Clock::now() + child.backoff;
    ++child.restarts;
    m_say(fmt::format("{:<8} {}; restart {} in {} ms{}", child.name, how, child.restarts, child.backoff.count(), cause_of_it));
    write_state();
}

// Its last words, when they can be why it ended: who is killed by a signal has said nothing of it, unless it found a bug.
std::string Supervisor::cause(const Child& child, int status) const {
    const std::string line = last_log_line(child);
    const bool is_cause = !WIFSIGNALED(status) || line.find("ERROR") != std::string::npos || line.starts_with("BUG ");
    return is_cause ? ": " + line : "; see " + log_file(child).string();
}

void Supervisor::restart_due() {
    for (Child& child : m_children) {
        if (child.state != State::waiting || Clock::now() < child.restart_at) continue;
        if (auto started = start(child); !started) start_failed(child, started.error());
    }
}

void Supervisor::start_failed(Child& child, const Failure& failure) {
    if (!child.expendable) return m_failure.push_back(failure);
    try_again_later(child, false, false, failure.what, "");
}

void Supervisor::fail_with(const Child& child, int code, const std::string& how) {
    m_failure.push_back({kind_of_exit(code), fmt::format("giro-{} {}", child.name, how)});
}

// In reverse, one after the other: whoever is asked to stop still has below it all that it needs.
void Supervisor::stop_all() {
    m_stopping = true;
    for (auto child = m_children.rbegin(); child != m_children.rend(); ++child) {
        if (child->pid == 0) continue;
        ::kill(child->pid, SIGTERM);
        const auto deadline = Clock::now() + kStopMax;
        bool killed = false;
        while (child->pid != 0) {
            pollfd signals{m_signals, POLLIN, 0};
            ::poll(&signals, 1, 20);
            reap();
            if (child->pid != 0 && !killed && Clock::now() > deadline) {
                killed = true;
                m_say(fmt::format("{:<8} does not stop: killed", child->name));
                ::kill(child->pid, SIGKILL);
            }
        }
    }
    write_state();
}

// run/up.json: what `giro status` shows. One file, replaced whole; on a full disk tried again until there is room.
void Supervisor::write_state() {
    static constexpr std::string_view kStateNames[] = {"stopped", "starting", "up", "restarting"};
    std::string text = fmt::format("{{\"pid\":{},\"programs\":[", ::getpid());
    for (const Child& child : m_children)
        text += fmt::format("{}{{\"name\":\"{}\",\"state\":\"{}\",\"pid\":{},\"restarts\":{}}}", &child == &m_children.front() ? "" : ",",
                            child.name, kStateNames[static_cast<std::size_t>(child.state)], child.pid, child.restarts);
    text += "]}\n";
    const auto written = write_file_atomic(m_paths.run() / "up.json", as_bytes(text));
    const bool was_stale = std::exchange(m_state_stale, !written);
    if (!written && !was_stale) m_say(fmt::format("state not written: {}", written.error().what));
}

std::string Supervisor::last_log_line(const Child& child) const {
    constexpr std::streamoff kTail = 4096;
    std::ifstream in(log_file(child), std::ios::binary | std::ios::ate);
    if (!in) return "it left no log";
    in.seekg(std::max<std::streamoff>(0, static_cast<std::streamoff>(in.tellg()) - kTail));
    std::string line, last;
    while (std::getline(in, line))
        if (!line.empty()) last = line;
    return last.empty() ? "it left no log" : log::mask_pans(last);
}

}  // namespace giro::cli
