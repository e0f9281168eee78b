// The explorer on a socket: requests that are right, thirty that are not, peers that are slow or greedy.
#include <doctest/doctest.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "appliance/giro-explorer/confine.hpp"
#include "appliance/giro-explorer/service.hpp"
#include "chain/address.hpp"
#include "tests/explorer/world.hpp"
#include "tests/net/fixture.hpp"
#include "util/file.hpp"

using namespace giro;
using namespace giro::appliance;
using namespace std::string_literals;
namespace t = giro::explorer::test;
namespace fs = std::filesystem;

namespace {
// The service over the tests' chain, on a port of its own.
struct Server {
    bus::Loop loop;
    net::ManualClock clock;
    fs::path file = fs::temp_directory_path() / ("giro-explorer." + std::to_string(::getpid()));
    std::optional<ExplorerService> service;
    std::uint16_t port = 0;

    explicit Server(std::uint32_t requests_per_second = 0) {
        REQUIRE(write_file_atomic(file, t::file_of(t::blocks()), 0644));
        config::Config config;
        config.box = "demo";
        config.explorer = {{"127.0.0.1", 0}, requests_per_second};
        vault::Bundle bundle;
        bundle.block.script = chain::test::testnet().params.challenge;
        bundle.issuer.script = t::issuer().script;
        for (const auto& party : t::parties())
            if (party.id != 0) bundle.participants.push_back({party.id, party.name, {{}, {}, party.script, {}}});
        service.emplace(loop, clock, config, bundle, file);
        port = service->listen(*config.explorer).value();
        REQUIRE(net::run_until(loop, [&] { return service->index().tip_height() == 102; }));
    }
    ~Server() { fs::remove(file); }

    // All that comes back until the peer closes.
    std::string say(const std::string& request) {
        net::ClientSocket client(port);
        client.send(request);
        REQUIRE(net::run_until(loop, [&] { return client.poll_closed(); }));
        return client.received();
    }
};
std::size_t count(std::string_view text, std::string_view words) {
    std::size_t n = 0;
    for (auto at = text.find(words); at != std::string_view::npos; at = text.find(words, at + 1)) ++n;
    return n;
}
std::string get(std::string_view path, std::string_view more = "Connection: close\r\n") {
    return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", path, more);
}
}  // namespace

TEST_CASE("server: requests of one connection are answered in order, HEAD without its body") {
    Server server;
    const std::string said = server.say(get("/api/blocks/tip/height", "") + "HEAD /about HTTP/1.1\r\nHost: x\r\n\r\n" + get("/nowhere", "") + get("/"));
    CHECK(count(said, "HTTP/1.1 ") == 4);
    CHECK(count(said, "HTTP/1.1 404 Not Found") == 1);
    CHECK(said.find("\r\n\r\n102HTTP/1.1 200 OK") != std::string::npos);
    CHECK(count(said, "<!doctype html>") == 2);
    CHECK(count(said, "Connection: close") == 1);
    CHECK(said.ends_with("</html>"));
}

TEST_CASE("server: a receipt is posted and verified") {
    Server server;
    const std::string receipt = settlement::to_json(t::receipt(0, 0));
    const std::string said = server.say(fmt::format("POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                                                    receipt.size(), receipt));
    CHECK(said.starts_with("HTTP/1.1 200 OK"));
    CHECK(said.find("Receipt verified") != std::string::npos);
}

TEST_CASE("server: thirty malformed requests are refused with their status and closed, and the next peer is served") {
    Server server;
    const std::string many(70, 'x');
    std::string headers;
    for (int i = 0; i < 65; ++i) headers += "X: y\r\n";
    const struct {
        std::string request;
        int status;
    } cases[] = {
        {"\r\n\r\n", 400},
        {"GET\r\n", 400},
        {"GET /\r\n", 400},
        {"GET / HTTP/1.1\nHost: x\n\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\n\r\n", 400},
        {"GET / HTTP/1.1\r\rHost: x", 400},
        {"GET  / HTTP/1.1\r\n", 400},
        {"GET / HTTP/1.1 \r\n", 400},
        {"GET http://x/ HTTP/1.1\r\n", 400},
        {"GET //x\\y HTTP/1.1\r\n", 400},
        {"GET /%00 HTTP/1.1\r\n", 400},
        {"GET /\0 HTTP/1.1\r\n"s, 400},
        {"GET /? HTTP /1.1\r\n", 400},
        {"G\x01T / HTTP/1.1\r\n", 400},
        {get("/", "Accept: a\r\n b\r\n"), 400},
        {get("/", "Accept : a\r\n"), 400},
        {get("/", ": a\r\n"), 400},
        {get("/", "Accept\r\n"), 400},
        {get("/", "A: \x7f\r\n"), 400},
        {get("/", headers), 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
        {get("/", "Host: y\r\n"), 400},
        {get("/", "Content-Length: 1\r\n") + "x", 400},
        {"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
        {"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\nx", 400},
        {"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST /verify HTTP/1.1\r\nHost: x\r\n\r\n", 411},
        {"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n", 413},
        {"POST /verify HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", 417},
        {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n", 431},
        {"POST /verify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
        {"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
        {"PUT / HTTP/1.1\r\nHost: x\r\n\r\n", 405},
        {"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405},
        {"GET / HTTP/1.0\r\n\r\n", 505},
        {"GET / HTTP/2.0\r\n\r\n", 505},
    };
    static_assert(std::size(cases) >= 30);
    for (const auto& one : cases) {
        CAPTURE(one.request.substr(0, 80));
        const std::string said = server.say(one.request);
        CHECK(said.starts_with(fmt::format("HTTP/1.1 {} ", one.status)));
        CHECK(count(said, "Content-Length: ") == 1);
        CHECK(count(said, "Connection: close\r\n") == 1);
    }
    CHECK(server.say(get("/")).starts_with("HTTP/1.1 200 OK"));
}

TEST_CASE("server: peers that say nothing, or begin and do not end, are closed within ten seconds; others are served meanwhile") {
    Server server;
    std::vector<std::unique_ptr<net::ClientSocket>> slow;
    for (int i = 0; i < 60; ++i) {
        slow.push_back(std::make_unique<net::ClientSocket>(server.port));
        if (i % 3 == 1) slow.back()->send("GET / HT");
        if (i % 3 == 2) slow.back()->send("POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nabc");
    }
    CHECK(server.say(get("/api/blocks/tip/height")).ends_with("102"));
    // A byte now and then is no progress.
    for (int second = 0; second < 10; ++second) {
        for (auto& client : slow)
            if (&client - slow.data() < 20 && (&client - slow.data()) % 3 != 0) static_cast<void>(client->send_some("a"));
        server.clock.advance_ms(1'000);
        bus::Timer turn(server.loop, [] {});
        turn.once(1);
        event_base_loop(server.loop.base(), EVLOOP_ONCE);
    }
    CHECK(net::run_until(server.loop, [&] {
        std::size_t closed = 0;
        for (auto& client : slow) closed += client->poll_closed() ? 1 : 0;
        return closed == slow.size();
    }));
}

TEST_CASE("server: a source that asks too often hears 429, one that has rested is served") {
    Server server(10);
    std::string requests;
    for (std::uint32_t i = 0; i < 10 * ExplorerService::kBurstSeconds; ++i) requests += get("/api/blocks/tip/height", "");
    const std::string said = server.say(requests + get("/"));
    CHECK(count(said, "HTTP/1.1 200 OK") == 50);
    CHECK(count(said, "HTTP/1.1 429 Too Many Requests") == 1);
    CHECK(said.find("Retry-After") != std::string::npos);
    CHECK(server.say(get("/")).starts_with("HTTP/1.1 429"));
    server.clock.advance_ms(200);
    CHECK(server.say(get("/")).starts_with("HTTP/1.1 200"));
}

TEST_CASE("server: what had to be made counts by its size") {
    Server server(10);
    const explorer::Index& index = server.service->index();
    const std::string last = chain::hash_text(index.tx(index.block(102).first_tx).txid);
    const std::string list = "/api/address/" + chain::encode_address(t::issuer().script).value() + "/txs/chain/";
    for (unsigned i = 0; i < 8; ++i) {
        std::string spelt = last;  // in capitals and not: another path each time
        for (std::size_t at = spelt.size(), bit = 1; at-- > 0 && bit < 8;)
            if (spelt[at] >= 'a') spelt[at] = static_cast<char>((i & bit) != 0 ? spelt[at] - 32 : spelt[at]), bit *= 2;
        const std::string said = server.say(get(list + spelt));
        CHECK(said.starts_with("HTTP/1.1 200"));
        CHECK(said.size() > kBytesOfRequest);
    }
    std::string more;
    for (int i = 0; i < 50; ++i) more += get("/api/blocks/tip/height", "");
    CHECK(count(server.say(more + get("/")), "HTTP/1.1 200") <= 50 - 2 * 8);
}

TEST_CASE("server: receipts are few at a time, from one source and from all") {
    Server server(1'000);
    const auto ask = [&] { return server.say("POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"); };
    for (int i = 0; i < 10; ++i) CHECK(ask().starts_with("HTTP/1.1 422"));
    CHECK(ask().starts_with("HTTP/1.1 429"));
    CHECK(server.say(get("/verify")).starts_with("HTTP/1.1 200"));
}

TEST_CASE("server: a peer that asks and does not read is closed, not kept in memory") {
    Server server;
    net::ClientSocket client(server.port);
    std::string requests;
    for (int i = 0; i < 20; ++i) requests += get("/blocks", "");
    for (int i = 0; i < 200; ++i) {
        static_cast<void>(client.send_some(requests));
        bus::Timer turn(server.loop, [] {});
        turn.once(1);
        event_base_loop(server.loop.base(), EVLOOP_ONCE);
    }
    CHECK(net::run_until(server.loop, [&] { return client.send_some("x") == 0; }));
    CHECK(server.say(get("/")).starts_with("HTTP/1.1 200"));
}

// In a child, since there is no way back.
TEST_CASE("server: once it is confined the process makes no socket, program, signal or file, and still serves") {
    Server server;
    net::ClientSocket client(server.port);
    const pid_t child = ::fork();
    if (child == 0) {
        if (!confine_process()) ::_exit(1);
        if (::socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EPERM) ::_exit(2);
        if (::socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM) ::_exit(3);
        if (::execl("/bin/true", "true", static_cast<char*>(nullptr)) == 0 || errno != EPERM) ::_exit(4);
        if (::kill(::getppid(), 0) == 0 || ::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0) == 0 || errno != EPERM) ::_exit(6);
        if (::open((server.file.string() + ".new").c_str(), O_CREAT | O_WRONLY, 0600) >= 0 || ::unlink(server.file.c_str()) == 0) ::_exit(7);
        if (::open(server.file.c_str(), O_RDONLY) < 0 || ::syscall(SYS_tgkill, ::getpid(), ::getpid(), 0) != 0) ::_exit(8);
        event_reinit(server.loop.base());
        client.send(get("/"));
        ::_exit(net::run_until(server.loop, [&] { return client.poll_closed(); }) && client.received().starts_with("HTTP/1.1 200") ? 0 : 5);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
