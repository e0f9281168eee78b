#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "appliance/giro-gate/wallet_json.hpp"
#include "appliance/giro-gate/wallet_peer.hpp"
#include "fixture.hpp"
#include "util/bytes.hpp"
#include "wallet/order.hpp"

namespace {
using namespace giro;
using namespace giro::gate;
using Kind = bus::WalletRequest::Kind;

Buffer counting(std::size_t size) {
    Buffer out(size);
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i);
    return out;
}
const Buffer kOrder = counting(wallet::kSignedOrderBytes);
const Buffer kQuery = counting(wallet::kSignedQueryBytes);

std::string post(std::string_view path, std::string_view body) {
    return fmt::format("POST {} HTTP/1.1\r\nHost: giro\r\nContent-Length: {}\r\n\r\n{}", path, body.size(), body);
}
std::string order_request() {
    return post("/v1/order", fmt::format("{{\"order\":\"{}\"}}", to_hex(kOrder)));
}

struct Response {
    std::string head;
    nlohmann::json body;
};
Response response(const std::string& text) {
    const std::size_t end = text.find("\r\n\r\n");
    REQUIRE(end != std::string::npos);
    return {text.substr(0, end), nlohmann::json::parse(text.substr(end + 4))};
}
}  // namespace

TEST_CASE("wallet door: an order reaches the switch and its decision the wallet") {
    Fixture f;
    net::TlsClient wallet(f.loop, f.gate->ports().wallets, {&f.ca});
    REQUIRE(wallet.handshake());
    wallet.send(order_request());
    CHECK(f.until([&] { return f.fake_switch.wallet_requests.size() == 1; }));
    const auto& seen = f.fake_switch.wallet_requests[0];
    CHECK(seen.kind == Kind::order);
    CHECK(seen.body == kOrder);
    bus::WalletReply reply;
    reply.connection = seen.connection;
    reply.response_code = ResponseCode("51");
    reply.rrn = Rrn("632616004711");
    reply.balance = {123, 963};
    reply.why = as_bytes("not enough \xff");
    f.fake_switch.send(bus::MessageType::wallet_reply, reply);
    const Response got = response(wallet.receive_all());
    CHECK(got.head.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(got.body["response_code"] == "51");
    CHECK(got.body["rrn"] == "632616004711");
    CHECK(got.body["auth_code"] == "");
    CHECK(got.body["balance"] == 123);
    CHECK(got.body["currency"] == 963);
    CHECK(got.body["why"] == "not enough \xef\xbf\xbd");
    CHECK(f.gate->flow().in_flight() == 0);
}

TEST_CASE("wallet door: one address registers a hundred new wallets at once, then hears 429; balances are not counted") {
    Fixture f;
    wallet::SignedQuery query;
    query.query.kind = wallet::QueryKind::register_wallet;
    query.query.pubkey[0] = std::byte{2};
    // What the gate answers by itself; empty when it asks the switch.
    const auto ask = [&] {
        const std::size_t asked = f.fake_switch.wallet_requests.size();
        const std::uint64_t refused = f.events.count(Event::wallet_refused);
        net::TlsClient client(f.loop, f.gate->ports().wallets, {&f.ca});
        REQUIRE(client.handshake());
        client.send(post("/v1/query", fmt::format("{{\"query\":\"{}\"}}", to_hex(wallet::encode_query(query)))));
        CHECK(f.until([&] { return f.fake_switch.wallet_requests.size() > asked || f.events.count(Event::wallet_refused) > refused; }));
        return f.fake_switch.wallet_requests.size() > asked ? std::string() : response(client.receive_all()).head;
    };
    for (int i = 0; i < 100; ++i) CHECK(ask() == "");
    CHECK(ask().starts_with("HTTP/1.1 429"));
    query.query.kind = wallet::QueryKind::balance;
    CHECK(ask() == "");
}

TEST_CASE("wallet door: a query is a request of its own kind") {
    Fixture f;
    net::TlsClient wallet(f.loop, f.gate->ports().wallets, {&f.ca});
    REQUIRE(wallet.handshake());
    wallet.send(post("/v1/query", fmt::format("{{\"query\":\"{}\"}}", to_hex(kQuery))));
    CHECK(f.until([&] { return f.fake_switch.wallet_requests.size() == 1; }));
    CHECK(f.fake_switch.wallet_requests[0].kind == Kind::query);
    CHECK(f.fake_switch.wallet_requests[0].body == kQuery);
}

TEST_CASE("wallet door: what is malformed is refused and never reaches the switch") {
    Fixture f;
    const std::pair<std::string, std::string_view> cases[] = {
        {"GET /v1/order HTTP/1.1\r\n", "HTTP/1.1 405"},
        {post("/v1/other", "{}"), "HTTP/1.1 404"},
        {post("/v1/order", "no json"), "HTTP/1.1 400"},
        {post("/v1/order", std::string(8'000, '[')), "HTTP/1.1 400"},
        {post("/v1/order", "{\"query\":\"00\"}"), "HTTP/1.1 400"},
        {post("/v1/order", "{\"order\":\"00\"}") + "x", "HTTP/1.1 400"},
        {"POST /v1/order HTTP/1.1\r\nContent-Length: 9999\r\n\r\n", "HTTP/1.1 413"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.first);
        net::TlsClient wallet(f.loop, f.gate->ports().wallets, {&f.ca});
        REQUIRE(wallet.handshake());
        wallet.send(one.first);
        const Response got = response(wallet.receive_all());
        CHECK(got.head.starts_with(one.second));
        CHECK(got.body["why"].is_string());
    }
    CHECK(f.fake_switch.wallet_requests.empty());
    CHECK(f.events.count(Event::wallet_refused) == std::size(cases));
}

TEST_CASE("wallet door: without an answer of the switch it says 503 after five seconds, and a late answer is dropped") {
    Fixture f;
    net::TlsClient wallet(f.loop, f.gate->ports().wallets, {&f.ca});
    REQUIRE(wallet.handshake());
    wallet.send(order_request());
    CHECK(f.until([&] { return f.fake_switch.wallet_requests.size() == 1; }));
    f.clock.advance_ms(kWalletAnswer_ms);
    CHECK(response(wallet.receive_all()).head.starts_with("HTTP/1.1 503"));
    CHECK(f.gate->flow().in_flight() == 0);
    bus::WalletReply late;
    late.connection = f.fake_switch.wallet_requests[0].connection;
    f.fake_switch.send(bus::MessageType::wallet_reply, late);
    CHECK(
        f.until([&] { return f.events.count(Event::reply_for_gone) + f.events.count(Event::reply_misdirected) == 1; }));
}

TEST_CASE("wallet door: where the switch is behind it says 503 at once, and the switch hears nothing") {
    Fixture f;
    f.fake_switch.decides = false;
    net::ClientSocket terminal(f.gate->ports().terminals);
    terminal.send(framed(purchase()));
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    f.clock.advance_ms(3ULL * f.config.gate.wait_max_ms);
    terminal.send(framed(purchase()));  // one may find out
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 2; }));
    net::TlsClient wallet(f.loop, f.gate->ports().wallets, {&f.ca});
    REQUIRE(wallet.handshake());
    wallet.send(order_request());
    CHECK(response(wallet.receive_all()).head.starts_with("HTTP/1.1 503"));
    CHECK(f.fake_switch.wallet_requests.empty());
}

TEST_CASE("wallet door: a request that is not finished in ten seconds is closed, however it trickles") {
    Fixture f;
    net::TlsClient wallet(f.loop, f.gate->ports().wallets, {&f.ca});
    REQUIRE(wallet.handshake());
    f.clock.advance_ms(9'000);
    wallet.send("POST /v1/or");
    f.clock.advance_ms(1'000);
    CHECK(wallet.receive_all().empty());
    CHECK(f.events.count(Event::peer_dropped) == 1);
}

TEST_CASE("wallet json: every way to be wrong has its name") {
    const auto error = [](Kind kind, std::string_view json) {
        const auto read = read_wallet_request(kind, as_bytes(json));
        REQUIRE_FALSE(read.has_value());
        return read.error();
    };
    CHECK(error(Kind::order, "") == JsonError::not_an_object);
    CHECK(error(Kind::order, "[1]") == JsonError::not_an_object);
    CHECK(error(Kind::order, "{\"order\":") == JsonError::not_an_object);
    CHECK(error(Kind::order, "{\"query\":\"00\"}") == JsonError::no_member);
    CHECK(error(Kind::order, "{\"order\":1}") == JsonError::no_member);
    CHECK(error(Kind::order, "{\"order\":\"0g\"}") == JsonError::not_hex);
    CHECK(error(Kind::order, "{\"order\":\"00\"}") == JsonError::wrong_size);
    CHECK(error(Kind::query, fmt::format("{{\"query\":\"{}\"}}", to_hex(kOrder))) == JsonError::wrong_size);
}
