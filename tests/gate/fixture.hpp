// A gate in this process with everything around it on one loop: a switch that does what the test says (a test double,
// on the real bus), terminals and wallets on real loopback sockets.
#pragma once

#include <doctest/doctest.h>

#include "box.hpp"
#include "bus/messages.hpp"
#include "iso8583/request.hpp"
#include "tests/net/tls_client.hpp"
#include "util/environment.hpp"

namespace giro::gate {

// Keeps what it was sent; answers when told to.
class FakeSwitch {
  public:
    FakeSwitch(bus::Loop& loop, bus::Context& context, const std::filesystem::path& path) {
        bus::Handlers handlers;
        handlers.record = [this](bus::PeerId peer, const bus::Record& record) { received(peer, record); };
        auto bound = bus::Server::bind(loop, context, path, std::move(handlers));
        ASSERT(bound.has_value());
        m_server = std::move(*bound);
    }
    struct Seen {
        std::uint64_t connection = 0;
        PaymentRequest::Source source = PaymentRequest::Source::terminal;
        Mti mti = 0;
        std::uint16_t link = 0;
        std::uint32_t stan = 0;
        ResponseCode response_code;
        Buffer raw;
        std::uint8_t dialect = 0;
    };
    struct SeenWallet {
        std::uint64_t connection = 0;
        bus::WalletRequest::Kind kind = bus::WalletRequest::Kind::order;
        Buffer body;
    };
    std::vector<Seen> requests;
    std::vector<SeenWallet> wallet_requests;
    std::vector<bus::LinkState> link_states;
    int closings = 0;     // the gate said that it will end
    bool echoes = false;  // every request comes back as its answer
    bool decides = true;  // says at once that it has decided it
    std::vector<iso8583::Dialect> dialects{dialect()};

    void answer(std::uint64_t connection, Bytes frame, bool close_after = false) {
        send(bus::MessageType::frame_out, bus::FrameOut{connection, close_after, frame});
    }
    template <typename Message>
    void send(bus::MessageType type, const Message& message) {
        Buffer body;
        bus::encode(body, message);
        send_raw(static_cast<std::uint16_t>(type), body);
    }
    void send_raw(std::uint16_t type, Bytes body) { m_server->send(m_peer, {type, bus::Status::ok, 0, body}); }

  private:
    void received(bus::PeerId peer, const bus::Record& record) {
        m_peer = peer;
        switch (static_cast<bus::MessageType>(record.type)) {
            case bus::MessageType::payment_request:
                return payment(record.body);
            case bus::MessageType::link_state:
                return link_states.push_back(*bus::decode_link_state(record.body));
            case bus::MessageType::wallet_request: {
                const auto w = bus::decode_wallet_request(record.body);
                REQUIRE(w.has_value());
                return wallet_requests.push_back({w->connection, w->kind, Buffer(w->body.begin(), w->body.end())});
            }
            case bus::MessageType::closing:
                return void(++closings);
            default:
                FAIL("a record that only the switch may send");
        }
    }
    void payment(Bytes body) {
        auto r = bus::decode_payment_request(body);
        REQUIRE(r.has_value());
        static iso8583::Message message;  // the fields are read again, as the switch does
        REQUIRE(r->dialect < dialects.size());
        const iso8583::Dialect& spoken = dialects[r->dialect];
        REQUIRE(iso8583::unpack(spoken, r->raw, message).has_value());
        REQUIRE(iso8583::to_request(spoken, r->raw, message, *r));
        requests.push_back({r->connection, r->source, r->mti, r->link, r->stan, r->response_code,
                            Buffer(r->raw.begin(), r->raw.end()), r->dialect});
        if (decides && r->source == PaymentRequest::Source::terminal) send(bus::MessageType::decided, bus::Decided{r->received_ns});
        if (echoes) answer(r->connection, r->raw);
    }
    std::unique_ptr<bus::Server> m_server;
    bus::PeerId m_peer = 0;
};

struct Fixture {
    TemporaryFolder folder;
    bus::Loop loop;
    bus::Context context;
    net::ManualClock clock;
    SystemRandom random;
    EventLog events{clock};
    net::Identity ca = net::make_ca("Giro test CA");
    net::Identity server = net::make_identity(ca, "giro", "serverAuth,clientAuth");
    net::TestSigner signer{server.key.get()};
    FakeSwitch fake_switch{loop, context, folder.path() / "switch.gate"};
    config::Config config = test_config();
    std::unique_ptr<Gate> gate;

    std::map<std::uint16_t, std::string> host_ca_pem;

    explicit Fixture(std::vector<config::Link> links = {}, std::vector<config::Port> ports = {}, std::map<std::uint16_t, std::string> host_ca = {})
        : host_ca_pem(std::move(host_ca)) {
        config.links = std::move(links);
        config.ports = std::move(ports);
        fake_switch.dialects.clear();
        for (const auto& name : config::dialects_of(config)) fake_switch.dialects.push_back(name.empty() ? dialect() : shipped(name));
        auto opened = open();
        REQUIRE(opened.has_value());
        gate = std::move(*opened);
    }
    [[nodiscard]] Result<std::unique_ptr<Gate>> open() {
        return Gate::open(loop, context, clock, random, signer, events,
                          {config, folder.path() / "switch.gate", server.pem(), ca.pem(), fake_switch.dialects, host_ca_pem});
    }
    [[nodiscard]] bool until(const std::function<bool()>& done) { return net::run_until(loop, done); }
    [[nodiscard]] bool closes(net::ClientSocket& client) {
        return until([&] { return client.poll_closed(); });
    }
};

}  // namespace giro::gate
