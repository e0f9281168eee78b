// bench_gate: how many requests a second pass a gate and how much CPU time the gate itself takes for each. Three
// processes, as in a box: the gate, a switch that answers every request at once, and the terminals. Then what share of a
// core the gate gives to as many terminals that send back every keep-alive they get, and one more whenever a second
// passed without. One JSON line of medians.
//   bench_gate [requests] [terminals] [requests under way per terminal]
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>

#include "box.hpp"
#include "bus/messages.hpp"
#include "tests/bench/measure.hpp"
#include "tests/net/certificates.hpp"
#include "tests/net/fixture.hpp"
#include "util/environment.hpp"

namespace {
using namespace giro;
using namespace giro::gate;
struct Load {
    int requests = 200'000;
    int terminals = 64;
    int window = 4;  // requests a terminal has under way
};
constexpr int kEventsMax = 64;

// What a child runs: does not return.
[[noreturn]] void run_switch(const std::filesystem::path& path) {
    bus::Loop loop;
    bus::Context context;
    loop.handle_stop_signals();
    std::unique_ptr<bus::Server> server;
    bus::Handlers handlers;
    Buffer body;
    bus::PeerId gate = 0;
    std::uint64_t last_ns = 0;
    handlers.record = [&](bus::PeerId peer, const bus::Record& record) {
        const auto request = bus::decode_payment_request(record.body);
        if (!request) return;
        gate = peer;
        last_ns = request->received_ns;
        body.clear();
        bus::encode(body, bus::FrameOut{request->connection, false, request->raw});
        server->send(peer, {static_cast<std::uint16_t>(bus::MessageType::frame_out), bus::Status::ok, 0, body});
    };
    handlers.drained = [&] {
        body.clear();
        bus::encode(body, bus::Decided{last_ns});
        server->send(gate, {static_cast<std::uint16_t>(bus::MessageType::decided), bus::Status::ok, 0, body});
    };
    server = std::move(*bus::Server::bind(loop, context, path, handlers));
    loop.run();
    std::_Exit(0);
}

[[noreturn]] void run_gate(const std::filesystem::path& path, int port_out) {
    bus::Loop loop;
    bus::Context context;
    loop.handle_stop_signals();
    SystemClock clock;
    SystemRandom random;
    EventLog events(clock);
    const net::Identity ca = net::make_ca("bench");
    const net::Identity server = net::make_identity(ca, "giro", "serverAuth");
    net::TestSigner signer(server.key.get());
    const config::Config config = test_config();
    const auto opened =
        Gate::open(loop, context, clock, random, signer, events, {config, path, server.pem(), ca.pem(), {dialect()}});
    ASSERT(opened.has_value());
    const std::uint16_t port = (*opened)->ports().terminals;
    ASSERT(::write(port_out, &port, sizeof port) == sizeof port);
    loop.run();
    std::_Exit(0);
}

// Sends until load.requests answers have come.
void run_terminals(std::uint16_t port, const Load& load) {
    const std::string frame = framed(purchase());
    std::vector<std::unique_ptr<net::ClientSocket>> terminals;
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    std::string window;
    for (int i = 0; i < load.window; ++i) window += frame;
    std::vector<std::size_t> pending(static_cast<std::size_t>(load.terminals), 0);
    for (std::uint32_t i = 0; i < pending.size(); ++i) {
        terminals.push_back(std::make_unique<net::ClientSocket>(port));
        epoll_event event{EPOLLIN, {.u32 = i}};
        ASSERT(::epoll_ctl(poller, EPOLL_CTL_ADD, terminals.back()->fd(), &event) == 0);
        terminals.back()->send(window);
    }
    int answered = 0;
    std::string again;
    while (answered < load.requests) {
        epoll_event ready[kEventsMax];
        const int n = ::epoll_wait(poller, ready, kEventsMax, -1);
        for (int k = 0; k < n; ++k) {
            const std::uint32_t i = ready[k].data.u32;
            char buffer[8192];
            const ssize_t got = ::recv(terminals[i]->fd(), buffer, sizeof buffer, MSG_DONTWAIT);
            ASSERT(got > 0);
            pending[i] += static_cast<std::size_t>(got);
            again.clear();
            for (; pending[i] >= frame.size(); pending[i] -= frame.size(), ++answered) again += frame;
            if (!again.empty()) terminals[i]->send(again);
        }
    }
    ::close(poller);
}
struct Figures {
    double per_second = 0, cpu_us = 0, rss_kb = 0, keep_alive_share = 0;
};

double cpu_seconds(pid_t pid) {
    clockid_t clock{};
    timespec at{};
    ASSERT(::clock_getcpuclockid(pid, &clock) == 0 && ::clock_gettime(clock, &at) == 0);
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
}

// CPU time of the gate over time, while its peers keep their connections alive and never stop answering.
double keep_alive_share(pid_t gate, std::uint16_t port, int terminals) {
    constexpr int kSeconds = 5, kQuietMs = 1'000;
    const std::string keep_alive(2, '\0');
    std::vector<std::unique_ptr<net::ClientSocket>> peers;
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(terminals); ++i) {
        peers.push_back(std::make_unique<net::ClientSocket>(port));
        epoll_event event{EPOLLIN, {.u32 = i}};
        ASSERT(::epoll_ctl(poller, EPOLL_CTL_ADD, peers.back()->fd(), &event) == 0);
    }
    const auto start = bench::Steady::now();
    const double before = cpu_seconds(gate);
    double asked = 0;
    while (bench::seconds_since(start) < kSeconds) {
        if (bench::seconds_since(start) >= asked) {
            for (auto& peer : peers) peer->send(keep_alive);
            asked += kQuietMs / 1e3;
        }
        epoll_event ready[kEventsMax];
        const int n = ::epoll_wait(poller, ready, kEventsMax, 10);
        for (int k = 0; k < n; ++k) {
            char buffer[64];
            const ssize_t got = ::recv(peers[ready[k].data.u32]->fd(), buffer, sizeof buffer, MSG_DONTWAIT);
            ASSERT(got > 0);
            peers[ready[k].data.u32]->send(std::string(buffer, static_cast<std::size_t>(got)));
        }
    }
    ::close(poller);
    return (cpu_seconds(gate) - before) / bench::seconds_since(start);
}

// One gate, from its start to its end.
Figures run(const Load& load) {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder.path() / "switch.gate";
    int pipe_ends[2];
    ASSERT(::pipe(pipe_ends) == 0);
    const pid_t switch_pid = ::fork();
    if (switch_pid == 0) run_switch(path);
    const pid_t gate_pid = ::fork();
    if (gate_pid == 0) run_gate(path, pipe_ends[1]);
    std::uint16_t port = 0;
    ASSERT(::read(pipe_ends[0], &port, sizeof port) == sizeof port);
    for (const int end : pipe_ends) ::close(end);

    const double before = cpu_seconds(gate_pid);
    const auto start = bench::Steady::now();
    run_terminals(port, load);
    Figures out;
    out.per_second = load.requests / bench::seconds_since(start);
    out.cpu_us = (cpu_seconds(gate_pid) - before) * 1e6 / load.requests;
    out.keep_alive_share = keep_alive_share(gate_pid, port, load.terminals);
    ::kill(gate_pid, SIGTERM);
    ::kill(switch_pid, SIGTERM);
    rusage used{};
    ::wait4(gate_pid, nullptr, 0, &used);
    ::waitpid(switch_pid, nullptr, 0);
    out.rss_kb = static_cast<double>(used.ru_maxrss);
    return out;
}
}  // namespace

int main(int argc, char** argv) {
    Load load;
    if (argc > 1) load.requests = std::atoi(argv[1]);
    if (argc > 2) load.terminals = std::atoi(argv[2]);
    if (argc > 3) load.window = std::atoi(argv[3]);
    ASSERT(load.requests > 0 && load.terminals > 0 && load.terminals <= 256 && load.window > 0);
    std::vector<Figures> all;
    for (int i = 0; i < bench::runs(); ++i) all.push_back(run(load));
    const auto median = [&](double Figures::*figure) {
        std::vector<double> values;
        for (const Figures& f : all) values.push_back(f.*figure);
        return bench::median(std::move(values));
    };
    fmt::print(
        "{{\"requests\":{},\"terminals\":{},\"per_second\":{:.0f},\"gate_cpu_us\":{:.2f},\"gate_rss_kb\":{:.0f},"
        "\"keep_alive_share\":{:.5f}}}\n",
        load.requests, load.terminals, median(&Figures::per_second), median(&Figures::cpu_us), median(&Figures::rss_kb),
        median(&Figures::keep_alive_share));
    return 0;
}
