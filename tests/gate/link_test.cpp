// The gate's links with hosts on real loopback sockets: several connections, both directions, TLS on both sides.
#include "fixture.hpp"

#include "net/framed.hpp"

using namespace giro;
using namespace giro::gate;

namespace {

std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    ::close(fd);
    return ntohs(address.sin_port);
}

// A host on a loop of its own, which is turned inside the gate's waits.
class Host {
  public:
    bus::Loop loop;
    std::map<net::ConnectionId, std::vector<std::string>> open;  // what came on each

    void listen(std::uint16_t port, const net::ServerTls* tls = nullptr) {
        net::ListenOptions options;
        options.host = "127.0.0.1";
        options.port = port;
        options.setting = "host";
        options.tls = tls;
        options.make = [this](net::ConnectionId) { return std::make_unique<Peer>(*this); };
        REQUIRE(sockets().listen(std::move(options)).has_value());
    }
    void connect(std::uint16_t port, const net::ClientTls* tls = nullptr) {
        REQUIRE(sockets().connect("127.0.0.1", port, [this](net::ConnectionId) { return std::make_unique<Peer>(*this); }, tls).has_value());
    }
    void die() {
        m_sockets.reset();
        open.clear();
    }
    void send(net::ConnectionId id, Bytes frame) { net::send_frame(*sockets().find(id), frame); }
    void close(net::ConnectionId id) { sockets().find(id)->close(); }
    [[nodiscard]] std::size_t frames() const {
        std::size_t sum = 0;
        for (const auto& [id, of_one] : open) sum += of_one.size();
        return sum;
    }
    int closed = 0;

  private:
    class Peer final : public net::FramedProtocol {
      public:
        explicit Peer(Host& host) : FramedProtocol(host.m_clock, iso8583::kFrameBytesMax), m_host(host) {}
        void opened(net::Connection& connection) override { m_host.open[connection.id()]; }
        void closed(net::Connection& connection, net::CloseReason) override {
            m_host.open.erase(connection.id());
            ++m_host.closed;
        }

      private:
        void frame(net::Connection& connection, Bytes frame) override { m_host.open[connection.id()].emplace_back(as_text(frame)); }
        Host& m_host;
    };
    net::Connections& sockets() {
        if (!m_sockets) m_sockets = std::make_unique<net::Connections>(loop, m_clock, net::Limits{});
        return *m_sockets;
    }
    net::ManualClock m_clock;
    std::unique_ptr<net::Connections> m_sockets;
};

config::Link link_to(std::vector<std::uint16_t> ports, config::LinkMode mode = config::LinkMode::shared) {
    config::Link link;
    link.name = "bank";
    link.participant = 3;
    for (const std::uint16_t port : ports) link.addresses.push_back({"127.0.0.1", port});
    link.mode = mode;
    return link;
}

config::Link link_from_host(std::uint16_t connections) {
    config::Link link = link_to({0});
    link.inbound = true;
    link.connections = connections;
    return link;
}

struct LinkFixture : Fixture {
    std::vector<Host*> hosts;
    LinkFixture(config::Link link, std::vector<Host*> around, std::map<std::uint16_t, std::string> authorities = {})
        : Fixture({std::move(link)}, {}, std::move(authorities)), hosts(std::move(around)) {}
    [[nodiscard]] bool until(const std::function<bool()>& done) {
        return Fixture::until([&] {
            for (Host* host : hosts) event_base_loop(host->loop.base(), EVLOOP_NONBLOCK);
            return done();
        });
    }
    [[nodiscard]] bool connected(std::size_t connections) {
        return until([&] { return !fake_switch.link_states.empty() && fake_switch.link_states.back().connections == connections; });
    }
    void send(const char* frame, std::uint64_t connection = 0) {
        fake_switch.send(bus::MessageType::link_frame_out, bus::LinkFrameOut{0, as_bytes(frame), connection});
    }
    [[nodiscard]] std::uint16_t port() const { return gate->ports().links.at(0); }
};

// A bank with an authority of its own, and the certificates that each side shows.
struct Bank {
    net::Identity ca = net::make_ca("Bank CA");
    net::Identity host = net::make_identity(ca, "host.bank", "serverAuth,clientAuth");
    net::TestSigner signer{host.key.get()};
    [[nodiscard]] std::unique_ptr<net::ServerTls> server(const LinkFixture& box, const char* client = "giro") {
        return std::move(*net::ServerTls::create({host.pem(), box.ca.pem(), client}, signer));
    }
    [[nodiscard]] std::unique_ptr<net::ClientTls> client(const LinkFixture& box) {
        return std::move(*net::ClientTls::create({host.pem(), box.ca.pem(), "giro"}, signer));
    }
};

Buffer echo_request() {
    iso8583::Message m;
    fill_echo(m);
    Buffer out(iso8583::kFrameBytesMax);
    out.resize(*iso8583::pack(dialect(), m, out));
    return out;
}
}  // namespace

TEST_CASE("gate link: frames go over all connections to all addresses in turn; one that breaks is made again, and the link stays") {
    Host a, b;
    const std::uint16_t to_a = free_port(), to_b = free_port();
    a.listen(to_a);
    b.listen(to_b);
    config::Link link = link_to({to_a, to_b});
    link.connections = 2;
    LinkFixture f(link, {&a, &b});
    REQUIRE(f.connected(4));
    for (int i = 0; i < 8; ++i) f.send("payment");
    REQUIRE(f.until([&] { return a.frames() + b.frames() == 8; }));
    for (const Host* host : {&a, &b})
        for (const auto& [id, frames] : host->open) CHECK(frames.size() == 2);
    a.close(a.open.begin()->first);
    REQUIRE(f.connected(3));
    REQUIRE(f.connected(4));
    b.die();
    REQUIRE(f.connected(2));
    CHECK(f.events.count(Event::link_down) == 0);
    CHECK(f.events.count(Event::link_up) == 1);
    f.send("payment");
    REQUIRE(f.until([&] { return a.frames() >= 1; }));
    a.die();
    REQUIRE(f.connected(0));
    CHECK(f.events.count(Event::link_down) == 1);
}

TEST_CASE("gate link: with a primary address the others stand by, until it is gone or silent, and again when it is back") {
    Host first, second;
    const std::uint16_t to_first = free_port(), to_second = free_port();
    first.listen(to_first);
    second.listen(to_second);
    LinkFixture f(link_to({to_first, to_second}, config::LinkMode::primary), {&first, &second});
    REQUIRE(f.connected(2));
    f.send("1");
    f.send("2");
    REQUIRE(f.until([&] { return first.frames() == 2; }));
    CHECK(second.frames() == 0);
    f.clock.advance_ms(1'600);  // and not a word from it
    f.send("3");
    REQUIRE(f.until([&] { return second.frames() == 1; }));
    first.send(first.open.begin()->first, echo_request());
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    f.send("4");
    REQUIRE(f.until([&] { return first.frames() == 3; }));
    first.die();
    REQUIRE(f.connected(1));
    f.send("5");
    REQUIRE(f.until([&] { return second.frames() == 2; }));
    first.listen(to_first);
    REQUIRE(f.connected(2));
    f.send("6");
    REQUIRE(f.until([&] { return first.frames() == 1; }));
}

TEST_CASE("gate link: of several connections one that is silent for ten seconds is made anew") {
    Host a, b;
    const std::uint16_t to_a = free_port(), to_b = free_port();
    a.listen(to_a);
    b.listen(to_b);
    LinkFixture f(link_to({to_a, to_b}), {&a, &b});
    REQUIRE(f.connected(2));
    f.send("1");
    f.send("2");
    REQUIRE(f.until([&] { return a.frames() + b.frames() == 2; }));
    b.send(b.open.begin()->first, echo_request());
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    f.clock.advance_ms(10'000);
    REQUIRE(f.until([&] { return a.closed == 1; }));
    CHECK(b.closed == 0);
    CHECK(f.connected(2));
}

TEST_CASE("gate link: what the switch answers to a host goes where the host asked; when that is gone, anywhere") {
    Host host;
    const std::uint16_t port = free_port();
    host.listen(port);
    config::Link link = link_to({port});
    link.connections = 3;
    LinkFixture f(link, {&host});
    REQUIRE(f.connected(3));
    for (auto& [id, frames] : host.open) host.send(id, echo_request());
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 3; }));
    CHECK(f.fake_switch.requests[0].mti == 0x0800);
    CHECK(f.fake_switch.requests[0].link == 0);
    for (const auto& request : f.fake_switch.requests) f.send("answer", request.connection);
    REQUIRE(f.until([&] { return host.frames() == 3; }));
    for (auto& [id, frames] : host.open) CHECK(frames.size() == 1);
    f.send("late", 999'999);
    REQUIRE(f.until([&] { return host.frames() == 4; }));
}

TEST_CASE("gate link: a host may connect to the box, as often as its link says") {
    Host host;
    LinkFixture f(link_from_host(2), {&host});
    REQUIRE(f.port() != 0);
    host.connect(f.port());
    host.connect(f.port());
    REQUIRE(f.connected(2));
    host.connect(f.port());
    REQUIRE(f.until([&] { return host.closed == 1; }));
    CHECK(f.gate->link(0).connections() == 2);
    f.send("1");
    f.send("2");
    REQUIRE(f.until([&] { return host.frames() == 2; }));
    host.send(host.open.begin()->first, echo_request());
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    host.close(host.open.begin()->first);
    REQUIRE(f.connected(1));
    host.connect(f.port());
    REQUIRE(f.connected(2));
    host.die();
    REQUIRE(f.connected(0));
    CHECK(f.events.count(Event::link_down) == 1);
}

TEST_CASE("gate link: TLS to a host that shows the right name; each side has seen the other's certificate") {
    Bank bank;
    Host host;
    const std::uint16_t port = free_port();
    config::Link link = link_to({port});
    link.tls = config::LinkTls{"bank.pem", "host.bank"};
    LinkFixture f(link, {&host}, {{0, bank.ca.pem()}});
    const auto tls = bank.server(f);
    host.listen(port, tls.get());
    REQUIRE(f.connected(1));
    f.send("sealed");
    REQUIRE(f.until([&] { return host.frames() == 1; }));
    host.send(host.open.begin()->first, echo_request());
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    CHECK(bank.signer.calls == 1);
    CHECK(f.signer.calls == 1);
}

TEST_CASE("gate link: a host with another name, of another authority, or without TLS is no host of this link") {
    struct Row {
        const char* what;
        const char* expects;
        bool of_bank, plain;
    };
    for (const Row& row : {Row{"another name", "other.bank", true, false}, Row{"another authority", "host.bank", false, false},
                           Row{"no TLS", "host.bank", true, true}}) {
        CAPTURE(row.what);
        Bank bank;
        const Bank stranger;
        Host host;
        const std::uint16_t port = free_port();
        config::Link link = link_to({port});
        link.tls = config::LinkTls{"bank.pem", row.expects};
        LinkFixture f(link, {&host}, {{0, row.of_bank ? bank.ca.pem() : stranger.ca.pem()}});
        const auto tls = bank.server(f);
        host.listen(port, row.plain ? nullptr : tls.get());
        REQUIRE(f.until([&] { return host.closed >= 1; }));  // a plain one sees a frame that is too long
        REQUIRE(f.until([&] { return f.fake_switch.link_states.size() >= 2; }));
        for (const bus::LinkState& state : f.fake_switch.link_states) CHECK(state.connections == 0);
        CHECK(f.events.count(Event::link_up) == 0);
    }
}

TEST_CASE("gate link: over TLS a host may connect to the box by the name in its certificate, a stranger or a terminal may not") {
    Bank bank;
    Host host, stranger;
    config::Link link = link_from_host(1);
    link.tls = config::LinkTls{"bank.pem", "host.bank"};
    LinkFixture f(link, {&host, &stranger}, {{0, bank.ca.pem()}});
    const net::Identity other = net::make_identity(bank.ca, "till.bank", "clientAuth");
    const net::Identity terminal = net::make_identity(f.ca, "host.bank", "clientAuth");
    for (const net::Identity* shown : {&other, &terminal}) {
        net::TestSigner signer(shown->key.get());
        const auto tls = std::move(*net::ClientTls::create({shown->pem(), f.ca.pem(), "giro"}, signer));
        const int before = stranger.closed;
        stranger.connect(f.port(), tls.get());
        REQUIRE(f.until([&] { return stranger.closed == before + 1; }));
        CHECK(f.gate->link(0).connections() == 0);
        stranger.die();
    }
    stranger.connect(f.port());  // plain
    REQUIRE(f.until([&] { return stranger.open.size() == 1; }));
    stranger.send(stranger.open.begin()->first, echo_request());
    REQUIRE(f.until([&] { return stranger.open.empty(); }));
    const auto tls = bank.client(f);
    host.connect(f.port(), tls.get());
    REQUIRE(f.connected(1));
    f.send("sealed");
    REQUIRE(f.until([&] { return host.frames() == 1; }));
    CHECK(f.fake_switch.requests.empty());
}

TEST_CASE("gate link: a host gets in while terminals have every connection that they may") {
    Host host;
    LinkFixture f(link_from_host(1), {&host});
    std::vector<std::unique_ptr<net::ClientSocket>> terminals;
    for (std::uint32_t i = 0; i < f.config.gate.connections_max; ++i)
        terminals.push_back(std::make_unique<net::ClientSocket>(f.gate->ports().terminals));
    REQUIRE(f.until([&] { return f.gate->connections().size() == f.config.gate.connections_max; }));
    host.connect(f.port());
    CHECK(f.connected(1));
}

TEST_CASE("gate link: an authority's file that is no certificate stops the start and names the link") {
    config::Link link = link_to({1});
    link.tls = config::LinkTls{"bank.pem", "host.bank"};
    Fixture f;
    f.config.links = {link};
    f.host_ca_pem = {{0, "no certificate"}};
    f.gate.reset();
    const auto opened = f.open();
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().kind == Failure::Kind::config);
    CHECK(opened.error().what.starts_with("link bank: "));
}
