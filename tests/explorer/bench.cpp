// bench_explorer: page requests a second that one core of the explorer answers, as its own CPU time says, over loopback
// and gzipped: of pages that it made before, and of pages that it has to make; beside a bare server of the same sockets that
// answers each request with as many bytes. One JSON line of medians.
//   bench_explorer [requests]
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>

#include "appliance/giro-explorer/service.hpp"
#include "tests/bench/measure.hpp"
#include "tests/explorer/world.hpp"
#include "tests/net/fixture.hpp"
#include "util/file.hpp"

namespace {
using namespace giro;
using namespace giro::appliance;
namespace t = giro::explorer::test;

constexpr int kClients = 16;

// Answers what it takes for one request with the same bytes each time.
class BareAnswer final : public net::Protocol {
  public:
    explicit BareAnswer(const std::string& answer) : m_answer(answer) {}
    [[nodiscard]] std::size_t received(net::Connection& connection, Bytes) override {
        connection.send(as_bytes(m_answer));
        return 1;
    }
    [[nodiscard]] bool mid_message() const override { return false; }

  private:
    const std::string& m_answer;
};

// What a child runs: says its port, does not return. `bare_bytes` 0: the explorer.
[[noreturn]] void serve(int port_out, std::size_t bare_bytes) {
    bus::Loop loop;
    SystemClock clock;
    loop.handle_stop_signals();
    std::uint16_t port = 0;
    const std::string answer(bare_bytes, 'x');
    std::unique_ptr<net::Connections> bare;
    std::optional<ExplorerService> service;
    if (bare_bytes > 0) {
        bare = std::make_unique<net::Connections>(loop, clock, net::Limits{});
        net::ListenOptions options;
        options.host = "127.0.0.1";
        options.make = [&](net::ConnectionId) { return std::make_unique<BareAnswer>(answer); };
        port = bare->listen(std::move(options)).value();
    } else {
        config::Config config;
        config.box = "bench";
        config.explorer = {{"127.0.0.1", 0}, 0};
        vault::Bundle bundle;
        bundle.block.script = chain::test::testnet().params.challenge;
        bundle.issuer.script = t::issuer().script;
        for (const auto& party : t::parties())
            if (party.id != 0) bundle.participants.push_back({party.id, party.name, {{}, {}, party.script, {}}});
        const auto file = std::filesystem::temp_directory_path() / fmt::format("giro-bench-explorer.{}", ::getpid());
        ASSERT(write_file_atomic(file, t::file_of(t::blocks()), 0600).has_value());
        service.emplace(loop, clock, config, bundle, file);
        port = service->listen(*config.explorer).value();
        ASSERT(net::run_until(loop, [&] { return service->index().tip_height() == 102; }));
        std::filesystem::remove(file);
    }
    ASSERT(::write(port_out, &port, sizeof port) == sizeof port);
    loop.run();
    std::_Exit(0);
}

// The pages asked for, in turn: overview, blocks, transactions, addresses, windows.
std::vector<std::string> paths() {
    const explorer::Index index = t::index();
    std::vector<std::string> made = {"/", "/blocks", "/windows", "/window/4", "/positions"};
    for (std::uint32_t height = 0; height <= index.tip_height(); ++height) made.push_back("/block/" + chain::hash_text(index.block(height).hash));
    for (explorer::TxNumber n = 0; n < index.tx_count(); ++n) made.push_back("/tx/" + chain::hash_text(index.tx(n).txid));
    return made;
}

struct Ran {
    double cpu_us = 0;  // of the server, for one request
    double bytes = 0;   // of an answer, head included
};

double cpu_seconds(pid_t pid) {
    clockid_t clock{};
    timespec at{};
    ASSERT(::clock_getcpuclockid(pid, &clock) == 0 && ::clock_gettime(clock, &at) == 0);
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
}

// Asks and waits for each answer, on many connections; one request of a connection under way at a time.
class Clients {
  public:
    Clients(std::uint16_t port, std::vector<std::string> requests, std::size_t bare_bytes) : m_requests(std::move(requests)), m_bare_bytes(bare_bytes) {
        for (int i = 0; i < kClients; ++i) m_clients.push_back({std::make_unique<net::ClientSocket>(port), {}});
    }
    // Bytes received.
    std::size_t run(int requests) {
        const int poller = ::epoll_create1(EPOLL_CLOEXEC);
        for (std::uint32_t i = 0; i < m_clients.size(); ++i) {
            epoll_event event{EPOLLIN, {.u32 = i}};
            ASSERT(::epoll_ctl(poller, EPOLL_CTL_ADD, m_clients[i].socket->fd(), &event) == 0);
            ask(i);
        }
        std::size_t bytes = 0;
        for (int answered = 0; answered < requests;) {
            epoll_event ready[kClients];
            const int n = ::epoll_wait(poller, ready, kClients, -1);
            for (int k = 0; k < n; ++k) {
                const std::uint32_t i = ready[k].data.u32;
                char buffer[65536];
                const ssize_t got = ::recv(m_clients[i].socket->fd(), buffer, sizeof buffer, MSG_DONTWAIT);
                ASSERT(got > 0);
                m_clients[i].pending.append(buffer, static_cast<std::size_t>(got));
                bytes += static_cast<std::size_t>(got);
                if (m_clients[i].pending.size() < whole(m_clients[i].pending)) continue;
                m_clients[i].pending.clear();
                ++answered;
                ask(i);
            }
        }
        ::close(poller);
        return bytes;
    }

  private:
    struct Client {
        std::unique_ptr<net::ClientSocket> socket;
        std::string pending;
    };
    // Bytes of the answer that begins so; more than there is while that is not known.
    [[nodiscard]] std::size_t whole(const std::string& text) const {
        if (m_bare_bytes > 0) return m_bare_bytes;
        const auto head = text.find("\r\n\r\n");
        const auto length = text.find("Content-Length: ");
        if (head == std::string::npos || length == std::string::npos) return text.size() + 1;
        ASSERT(text.starts_with("HTTP/1.1 200"));
        return head + 4 + static_cast<std::size_t>(std::stoul(text.substr(length + 16, 12)));
    }
    void ask(std::uint32_t i) {
        m_clients[i].socket->send(m_requests[m_next++ % m_requests.size()]);
    }

    std::vector<std::string> m_requests;
    std::size_t m_bare_bytes, m_next = 0;
    std::vector<Client> m_clients;
};

Ran measure(int requests, const std::vector<std::string>& asked, std::size_t bare_bytes) {
    int pipe_ends[2];
    ASSERT(::pipe(pipe_ends) == 0);
    const pid_t server = ::fork();
    if (server == 0) serve(pipe_ends[1], bare_bytes);
    std::uint16_t port = 0;
    ASSERT(::read(pipe_ends[0], &port, sizeof port) == sizeof port);
    for (const int end : pipe_ends) ::close(end);
    const int each = kClients * static_cast<int>(kRequestsMax / 2);
    Clients(port, asked, bare_bytes).run(each);  // what is kept is kept now
    const double before = cpu_seconds(server);
    std::size_t bytes = 0;
    int done = 0;
    for (; done < requests; done += each) bytes += Clients(port, asked, bare_bytes).run(each);
    Ran out{(cpu_seconds(server) - before) * 1e6 / done, static_cast<double>(bytes) / done};
    ::kill(server, SIGTERM);
    ::waitpid(server, nullptr, 0);
    return out;
}

std::string request_for(const std::string& path) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n", path);
}
std::vector<std::string> requests_for(const std::vector<std::string>& paths) {
    std::vector<std::string> out;
    for (const auto& path : paths) out.push_back(request_for(path));
    return out;
}
// So many spellings of each hash, in capitals and not, that none is kept until it comes again.
std::vector<std::string> spelt_anew(const std::vector<std::string>& paths) {
    constexpr unsigned kSpellings = 64;
    std::vector<std::string> out;
    for (unsigned spelling = 0; spelling < kSpellings; ++spelling)
        for (const auto& path : paths) {
            const std::size_t hash = path.rfind('/') + 1;
            if (path.size() - hash != 64) continue;
            std::string spelt = path;
            unsigned bits = spelling;
            for (std::size_t i = hash; i < spelt.size() && bits != 0; ++i) {
                if (spelt[i] < 'a') continue;
                if (bits % 2 == 1) spelt[i] = static_cast<char>(spelt[i] - 32);
                bits /= 2;
            }
            out.push_back(request_for(spelt));
        }
    return out;
}
}  // namespace

int main(int argc, char** argv) {
    const int requests = argc > 1 ? std::atoi(argv[1]) : bench::quick() ? 8'000 : 40'000;
    ASSERT(requests > 0);
    const auto all = paths();
    std::vector<double> kept, made, bare, bytes;
    for (int i = 0; i < bench::runs(); ++i) {
        const Ran again = measure(requests, requests_for(all), 0);
        kept.push_back(again.cpu_us);
        bytes.push_back(again.bytes);
        made.push_back(measure(requests, spelt_anew(all), 0).cpu_us);
        bare.push_back(measure(requests, requests_for(all), static_cast<std::size_t>(again.bytes)).cpu_us);
    }
    const double kept_us = bench::median(kept), made_us = bench::median(made), bare_us = bench::median(bare);
    fmt::print("{{\"requests\":{},\"pages\":{},\"answer_bytes\":{:.0f},\"kept_cpu_us\":{:.2f},\"made_cpu_us\":{:.2f},\"bare_cpu_us\":{:.2f},\"kept_per_core_s\":{:.0f},"
               "\"made_per_core_s\":{:.0f}}}\n",
               requests, all.size(), bench::median(bytes), kept_us, made_us, bare_us, 1e6 / kept_us, 1e6 / made_us);
    return 0;
}
