#include <doctest/doctest.h>

#include <optional>

#include "net/connections.hpp"
#include "net/framed.hpp"
#include "tls_client.hpp"

namespace {
using namespace giro;
using namespace giro::net;
using namespace std::string_literals;

class Echo final : public FramedProtocol {
  public:
    Echo(const Clock& clock, std::optional<CloseReason>& closed) : FramedProtocol(clock, 60'000), m_closed(closed) {}
    void closed(Connection&, CloseReason reason) override { m_closed = reason; }

  private:
    void frame(Connection& connection, Bytes frame) override { send_frame(connection, frame); }
    std::optional<CloseReason>& m_closed;
};

struct Fixture {
    bus::Loop loop;
    ManualClock clock;
    Identity ca = make_ca("Giro test CA");
    Identity server = make_identity(ca, "giro", "serverAuth");
    TestSigner signer{server.key.get()};
    std::unique_ptr<ServerTls> tls;
    std::optional<CloseReason> closed;
    Connections connections{loop, clock, {}};
    std::uint16_t port = 0;

    explicit Fixture(bool client_certificates) {
        auto made = ServerTls::create({server.pem(), client_certificates ? ca.pem() : ""}, signer);
        REQUIRE(made.has_value());
        tls = std::move(*made);
        ListenOptions options;
        options.host = "127.0.0.1";
        options.setting = "gate.terminals_tls";
        options.tls = tls.get();
        options.make = [this](ConnectionId) { return std::make_unique<Echo>(clock, closed); };
        port = *connections.listen(std::move(options));
    }
    bool until_closed() {
        return run_until(loop, [&] { return closed.has_value(); });
    }
};
}  // namespace

TEST_CASE("tls: a terminal with a certificate is served, and the server's signature comes from the signer") {
    Fixture f(true);
    const Identity terminal = make_identity(f.ca, "terminal", "clientAuth");
    TlsClient client(f.loop, f.port, {&f.ca, &terminal});
    REQUIRE(client.handshake());
    CHECK(client.version() == "TLSv1.3"s);
    CHECK(f.signer.calls == 1);
    client.send("\0\5hello"s);
    CHECK(client.receive(7));
    CHECK(client.received() == "\0\5hello"s);
    CHECK_FALSE(client.resumable());
}

TEST_CASE("tls: frames larger than a record come through whole") {
    Fixture f(false);
    TlsClient client(f.loop, f.port, {&f.ca});
    REQUIRE(client.handshake());
    std::string frame = "\xea\x60"s;  // 60,000
    for (int i = 0; i < 60'000; ++i) frame.push_back(static_cast<char>(i));
    for (std::size_t at = 0; at < frame.size(); at += 10'000) client.send(std::string_view(frame).substr(at, 10'000));
    CHECK(client.receive(frame.size()));
    CHECK(client.received() == frame);
}

TEST_CASE("tls: a terminal without a certificate, or with one of another CA or purpose, is refused") {
    const auto refused = [](Fixture& f, const Identity* shown) {
        TlsClient client(f.loop, f.port, {&f.ca, shown});
        static_cast<void>(client.handshake());  // TLS 1.3: the client is done before the server has judged
        CHECK_FALSE(client.receive(1));
        CHECK(f.until_closed());
        CHECK(f.closed == CloseReason::tls_refused);
    };
    Fixture none(true);
    refused(none, nullptr);
    Fixture stranger(true);
    const Identity other_ca = make_ca("Somebody else");
    const Identity foreign = make_identity(other_ca, "terminal", "clientAuth");
    refused(stranger, &foreign);
    Fixture purpose(true);
    const Identity server_certificate = make_identity(purpose.ca, "terminal", "serverAuth");
    refused(purpose, &server_certificate);
}

TEST_CASE("tls: without client certificates anybody may connect") {
    Fixture f(false);
    TlsClient client(f.loop, f.port, {&f.ca});
    CHECK(client.handshake());
}

TEST_CASE("tls: TLS 1.2 is refused") {
    Fixture f(false);
    TlsClient client(f.loop, f.port, {&f.ca, nullptr, TLS1_2_VERSION});
    CHECK_FALSE(client.handshake());
    CHECK(f.until_closed());
    CHECK(f.closed == CloseReason::tls_refused);
    CHECK(f.signer.calls == 0);
}

TEST_CASE("tls: bytes that are no TLS are refused") {
    Fixture f(true);
    ClientSocket client(f.port);
    client.send("\0\5hello, this is not a handshake"s);
    CHECK(f.until_closed());
    CHECK(f.closed == CloseReason::tls_refused);
}

TEST_CASE("tls: a signer that refuses fails this handshake and no other") {
    Fixture f(false);
    f.signer.refuses = true;
    {
        TlsClient client(f.loop, f.port, {&f.ca});
        CHECK_FALSE(client.handshake());
        CHECK(f.until_closed());
        CHECK(f.closed == CloseReason::tls_refused);
    }
    f.signer.refuses = false;
    TlsClient again(f.loop, f.port, {&f.ca});
    CHECK(again.handshake());
}

TEST_CASE("tls: a handshake that is not finished in time is closed") {
    Fixture f(true);
    ClientSocket client(f.port);
    client.send("\x16\x03");
    CHECK(run_until(f.loop, [&] { return f.connections.size() == 1; }));
    f.clock.advance_ms(10'000);
    f.connections.sweep();
    CHECK(f.closed == CloseReason::slow_peer);
}

TEST_CASE("tls: a certificate that does not parse or is not for P-256 stops the start") {
    Fixture f(false);
    const Identity p384 = make_identity(f.ca, "giro", "serverAuth", "P-384");
    CHECK_FALSE(ServerTls::create({"no certificate", ""}, f.signer).has_value());
    CHECK_FALSE(ServerTls::create({p384.pem(), ""}, f.signer).has_value());
    const auto bad_ca = ServerTls::create({f.server.pem(), "no certificate"}, f.signer);
    REQUIRE_FALSE(bad_ca.has_value());
    CHECK(bad_ca.error().exit_code() == 2);
}
