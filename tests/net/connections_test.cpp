#include "net/connections.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <tuple>

#include "fixture.hpp"
#include "net/framed.hpp"

namespace {
using namespace giro;
using namespace giro::net;
using namespace std::string_literals;

struct Seen {
    int opened = 0;
    std::size_t chunks = 0;
    std::vector<std::string> frames;
    bool too_large = false;
    std::optional<CloseReason> closed;
};

// Echoes frames; "stop" asks for a close after sending, "flood" sends more than anybody may owe.
class Echo final : public FramedProtocol {
  public:
    Echo(const Clock& clock, Seen& seen) : FramedProtocol(clock, 100), m_seen(seen) {}
    void opened(Connection&) override { ++m_seen.opened; }
    void closed(Connection&, CloseReason reason) override { m_seen.closed = reason; }
    [[nodiscard]] std::size_t received(Connection& connection, Bytes bytes) override {
        ++m_seen.chunks;
        return FramedProtocol::received(connection, bytes);
    }

  private:
    void frame(Connection& connection, Bytes frame) override {
        m_seen.frames.emplace_back(as_text(frame));
        if (as_text(frame) == "flood")
            for (int i = 0; i < 10'000 && connection.is_open(); ++i) send_frame(connection, Buffer(1000));
        send_frame(connection, frame);
        if (as_text(frame) == "stop") connection.close_after_sending();
    }
    void frame_too_large(Connection&) override { m_seen.too_large = true; }
    Seen& m_seen;
};

struct Fixture {
    bus::Loop loop;
    ManualClock clock;
    Seen seen;
    std::unique_ptr<Connections> connections;
    std::uint16_t port = 0;

    explicit Fixture(Limits limits = {}, std::size_t per_listener = SIZE_MAX, std::size_t per_source = SIZE_MAX)
        : connections(std::make_unique<Connections>(loop, clock, limits)) {
        ListenOptions options;
        options.host = "127.0.0.1";
        options.setting = "gate.terminals";
        options.connections_max = per_listener;
        options.per_source_max = per_source;
        options.make = [this](ConnectionId) { return std::make_unique<Echo>(clock, seen); };
        const auto bound = connections->listen(std::move(options));
        REQUIRE(bound.has_value());
        port = *bound;
    }
    bool until(const std::function<bool()>& done) { return run_until(loop, done); }
    // The peer has closed, and what it sent before that has arrived.
    bool closes(ClientSocket& client) {
        return until([&] { return client.poll_closed(); });
    }
    // Time passes, and the deadlines are looked at.
    void pass_ms(std::uint64_t ms) {
        clock.advance_ms(ms);
        connections->sweep();
    }
};
}  // namespace

TEST_CASE("connections: frames go in and answers come out, however they were cut") {
    Fixture f;
    ClientSocket client(f.port);
    client.send("\0\3a"s);
    CHECK(f.until([&] { return f.seen.opened == 1; }));
    client.send("bc\0\1x\0"s);
    CHECK(f.until([&] { return client.received() == "\0\3abc\0\1x"s; }));
    client.send("\2yz"s);
    CHECK(f.until([&] { return f.seen.frames.size() == 3; }));
    client.close();
    CHECK(f.until([&] { return f.seen.closed.has_value(); }));
    CHECK(f.seen.closed == CloseReason::peer_closed);
    CHECK(f.connections->size() == 0);
}

TEST_CASE("connections: a peer's last bytes and its end, come at once, are both noticed; so is a reset") {
    for (const bool reset : {false, true}) {
        Fixture f;
        ClientSocket client(f.port);
        CHECK(f.until([&] { return f.seen.opened == 1; }));
        // The loop stands still: both will be there when it looks. No answer to them that would be reset.
        client.send("\0\3ab"s);
        const linger hard{1, 0};
        if (reset) REQUIRE(::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
        client.close();
        // Of a reset the kernel may keep the bytes or throw them away; the next look at deadlines is late enough.
        CHECK(f.until([&] {
            if (reset) f.connections->sweep();
            return f.seen.closed.has_value();
        }));
        CHECK(f.seen.closed == CloseReason::peer_closed);
        if (!reset) CHECK(f.seen.chunks == 1);
    }
}

TEST_CASE("connections: a length over the maximum closes") {
    Fixture f;
    ClientSocket client(f.port);
    client.send("\0\x65"s);
    CHECK(f.closes(client));
    CHECK(f.seen.too_large);
    CHECK(f.seen.closed == CloseReason::we_closed);
    CHECK(f.seen.frames.empty());
}

TEST_CASE("connections: a keep-alive is answered once a second") {
    Fixture f;
    ClientSocket client(f.port);
    client.send("\0\0\0\0\0\0\0\1x"s);
    CHECK(f.until([&] { return client.received() == "\0\0\0\1x"s; }));
    f.clock.advance_ms(Framing{}.keep_alive_ms);
    client.send("\0\0\0\0\0\1y"s);
    CHECK(f.until([&] { return client.received() == "\0\0\0\1x\0\0\0\1y"s; }));
}

TEST_CASE("connections: closing after sending delivers everything, also with bytes of the peer unread") {
    Fixture f;
    ClientSocket client(f.port);
    client.send("\0\4stop"s + std::string(20'000, '\0'));
    CHECK(f.until([&] { return client.received() == "\0\4stop"s; }));
    client.close();
    CHECK(f.until([&] { return f.seen.closed.has_value(); }));
    CHECK(f.seen.frames == std::vector<std::string>{"stop"});
}

TEST_CASE("connections: who does not say goodbye is closed all the same") {
    Fixture f;
    ClientSocket client(f.port);
    client.send("\0\4stop"s);
    CHECK(f.until([&] { return client.received() == "\0\4stop"s; }));
    f.pass_ms(kGoodbye_ms - 1);
    CHECK_FALSE(f.seen.closed.has_value());
    f.pass_ms(1);
    CHECK(f.seen.closed == CloseReason::we_closed);
}

TEST_CASE("connections: a frame begun must be complete in time, and trickled bytes don't help") {
    Fixture f;
    ClientSocket client(f.port);
    client.send("\0\1a\0\5h"s);
    CHECK(f.until([&] { return f.seen.frames.size() == 1; }));
    f.pass_ms(6'000);
    client.send("e");
    CHECK(f.until([&] { return f.seen.chunks == 2; }));
    f.pass_ms(3'999);
    CHECK_FALSE(f.seen.closed.has_value());
    f.pass_ms(1);
    CHECK(f.seen.closed == CloseReason::slow_peer);
}

TEST_CASE("connections: silence is allowed for the idle timeout and no longer") {
    Fixture f;
    ClientSocket client(f.port);
    client.send("\0\1a"s);
    CHECK(f.until([&] { return f.seen.frames.size() == 1; }));
    f.pass_ms(299'999);
    CHECK_FALSE(f.seen.closed.has_value());
    f.pass_ms(1);
    CHECK(f.seen.closed == CloseReason::idle);
    CHECK(f.closes(client));
}

// Found by the overload bench: what a sweep read itself was "later than now", and its connection idle for too long.
TEST_CASE("connections: what comes while deadlines are looked at makes nobody late") {
    Fixture f;
    ClientSocket client(f.port);
    CHECK(f.until([&] { return f.seen.opened == 1; }));
    f.clock.advance_by_each_look_ms(1);
    for (const auto& bytes : {"\0\1a"s, "\0\2a"s}) {  // a whole message; one that is begun
        client.send(bytes);
        const std::size_t chunks = f.seen.chunks;
        CHECK(f.until([&] {
            f.connections->sweep();
            return f.seen.chunks > chunks || f.seen.closed.has_value();
        }));
        CHECK_FALSE(f.seen.closed.has_value());
    }
    CHECK(f.seen.frames.size() == 1);
}

TEST_CASE("connections: a peer that does not read its answers is dropped at the bound") {
    Limits limits;
    limits.output_bytes_max = 100'000;
    Fixture f(limits);
    ClientSocket client(f.port);
    client.send("\0\5flood"s);
    CHECK(f.until([&] { return f.seen.closed.has_value(); }));
    CHECK(f.seen.closed == CloseReason::output_full);
}

TEST_CASE("connections: over the bound of the box, of the listener or of the source a connection is closed unread") {
    Limits two;
    two.connections_max = 2;
    const auto refused_third = [](Fixture& f) {
        ClientSocket a(f.port);
        ClientSocket b(f.port);
        CHECK(f.until([&] { return f.seen.opened == 2; }));
        ClientSocket c(f.port);
        CHECK(f.closes(c));
        CHECK(f.connections->counters().refused == 1);
        CHECK(f.seen.opened == 2);
        a.close();
        CHECK(f.until([&] { return f.connections->size() == 1; }));
        ClientSocket d(f.port);  // there is room again
        CHECK(f.until([&] { return f.seen.opened == 3; }));
    };
    Fixture box(two);
    refused_third(box);
    Fixture listener({}, 2);
    refused_third(listener);
    Fixture source({}, SIZE_MAX, 2);
    refused_third(source);
}

TEST_CASE("connections: one source does not take all the connections of a second") {
    Fixture f;
    ListenOptions options;
    options.host = "127.0.0.1";
    options.setting = "gate.wallets";
    options.accepts_per_second_max = 8;
    options.per_source_max = 100;
    options.make = [&f](ConnectionId) { return std::make_unique<Echo>(f.clock, f.seen); };
    const auto port = f.connections->listen(std::move(options));
    REQUIRE(port.has_value());
    std::vector<std::unique_ptr<ClientSocket>> stranger;  // from 127.0.0.1; a TLS handshake need not even be begun
    for (int i = 0; i < 8; ++i) stranger.push_back(std::make_unique<ClientSocket>(*port));
    REQUIRE(f.until([&] { return f.connections->counters().accepted + f.connections->counters().refused == 8; }));
    const std::uint64_t accepted = f.connections->counters().accepted;
    const int other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in from{}, to{};
    from.sin_family = to.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(*port);
    REQUIRE(::bind(other, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0);
    REQUIRE(::connect(other, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    CHECK(f.until([&] { return f.connections->counters().accepted == accepted + 1; }));
    ::close(other);
}

TEST_CASE("connections: held reading leaves bytes with the peer and its deadlines stand still") {
    Fixture f;
    ClientSocket client(f.port);
    client.send("\0\1a\0"s);
    CHECK(f.until([&] { return f.seen.frames.size() == 1; }));
    f.connections->hold_reading(true);
    client.send("\1b"s);
    f.pass_ms(400'000);
    event_base_loop(f.loop.base(), EVLOOP_NONBLOCK);
    CHECK(f.seen.frames.size() == 1);
    CHECK_FALSE(f.seen.closed.has_value());
    f.connections->hold_reading(false);
    CHECK(f.until([&] { return f.seen.frames.size() == 2; }));
}

TEST_CASE("connections: a peer whose bytes never end has its turn, and then timers and others have theirs") {
    Fixture f;
    ClientSocket client(f.port);
    CHECK(f.until([&] { return f.seen.opened == 1; }));
    std::atomic<bool> stop = false;
    std::thread peer([&] {
        const std::string keep_alives(4U << 20, '\0');
        while (!stop) std::ignore = client.send_some(keep_alives);
    });
    for (int turn = 0; turn < 20; ++turn) {
        const std::size_t before = f.seen.chunks;
        event_base_loop(f.loop.base(), EVLOOP_ONCE);
        CHECK(f.seen.chunks - before <= kReadsPerWakeMax);
    }
    stop = true;
    peer.join();
    CHECK(f.seen.chunks > kReadsPerWakeMax);
}

TEST_CASE("connections: ids count up and a closed one is not found again") {
    Fixture f;
    std::vector<ConnectionId> ids;
    for (int i = 0; i < 3; ++i) {
        ClientSocket client(f.port);
        CHECK(f.until([&] { return f.connections->size() == 1; }));
        ids.push_back(static_cast<ConnectionId>(i + 1));
        CHECK(f.connections->find(ids.back()) != nullptr);
        client.close();
        CHECK(f.until([&] { return f.connections->size() == 0; }));
        CHECK(f.connections->find(ids.back()) == nullptr);
    }
}

TEST_CASE("connections: a port in use is one line that names address and setting") {
    Fixture f;
    ListenOptions options;
    options.host = "127.0.0.1";
    options.port = f.port;
    options.setting = "gate.wallets";
    options.make = [&](ConnectionId) { return std::make_unique<Echo>(f.clock, f.seen); };
    const auto second = f.connections->listen(std::move(options));
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().exit_code() == 2);
    CHECK(second.error().what.find("127.0.0.1:" + std::to_string(f.port)) != std::string::npos);
    CHECK(second.error().what.find("gate.wallets") != std::string::npos);
    CHECK(second.error().what.find('\n') == std::string::npos);
}

TEST_CASE("connections: connecting out reports success, refusal and a bad address") {
    Fixture f;
    Seen out;
    const auto make = [&](ConnectionId) { return std::make_unique<Echo>(f.clock, out); };
    REQUIRE(f.connections->connect("127.0.0.1", f.port, make).has_value());
    CHECK(f.until([&] { return out.opened == 1 && f.seen.opened == 1; }));
    f.connections->hold_reading(true);
    f.pass_ms(400'000);
    CHECK_FALSE(out.closed.has_value());  // a quiet link stays
    f.connections->hold_reading(false);

    Seen refused;
    std::uint16_t free_port = 0;
    {
        Fixture gone;
        free_port = gone.port;
    }
    REQUIRE(
        f.connections
            ->connect("127.0.0.1", free_port, [&](ConnectionId) { return std::make_unique<Echo>(f.clock, refused); })
            .has_value());
    CHECK(f.until([&] { return refused.closed.has_value(); }));
    CHECK(refused.closed == CloseReason::connect_failed);
    CHECK(refused.opened == 0);
    CHECK_FALSE(f.connections->connect("bank.example", 1, make).has_value());
}

TEST_CASE("address: an IPv6 source is its /64, and IPv4 is the same on either kind of socket") {
    const auto source = [](const char* host) { return source_of(*parse_address(host, 1)); };
    CHECK(source("2001:db8:1:2::1") == source("2001:db8:1:2:ffff::9"));
    CHECK(source("2001:db8:1:2::1") != source("2001:db8:1:3::1"));
    CHECK(source("192.0.2.1") == source("::ffff:192.0.2.1"));
    CHECK(source("192.0.2.1") != source("192.0.2.2"));
    CHECK(to_text(*parse_address("::1", 80)) == "[::1]:80");
    CHECK_FALSE(parse_address("localhost", 80).has_value());
}
