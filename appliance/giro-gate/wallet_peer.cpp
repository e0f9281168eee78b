#include "wallet_peer.hpp"

#include "wallet/order.hpp"
#include "wallet_json.hpp"

namespace giro::gate {

namespace {
using Kind = bus::WalletRequest::Kind;
struct Route {
    std::string_view path;
    Kind kind;
};
constexpr Route kRoutes[] = {{"/v1/order", Kind::order}, {"/v1/query", Kind::query}};

// Whether it is signed is the switch's to judge, like all else in it.
bool is_registration(Kind kind, Bytes body) {
    if (kind != Kind::query) return false;
    const auto query = wallet::decode_query(body);
    return query && query->query.kind == wallet::QueryKind::register_wallet;
}
}  // namespace

// Once the switch was asked the answer is the switch's: what the wallet sends after that is not looked at.
std::size_t WalletPeer::received(net::Connection& connection, Bytes bytes) {
    if (m_state != State::reading) return 0;
    switch (m_reader.feed(bytes)) {
        case net::HttpRequestReader::State::reading:
            return 0;
        case net::HttpRequestReader::State::complete:
            ask(connection);
            return 1;
        case net::HttpRequestReader::State::refused:
            refuse(connection, net::http_status(m_reader.error()), net::to_string(m_reader.error()));
            return 1;
    }
    return 0;
}

void WalletPeer::ask(net::Connection& connection) {
    const Route* route = nullptr;
    for (const Route& r : kRoutes)
        if (r.path == m_reader.path()) route = &r;
    if (route == nullptr) return refuse(connection, 404, "no such path");
    const auto body = read_wallet_request(route->kind, m_reader.body());
    if (!body) return refuse(connection, 400, to_string(body.error()));
    if (is_registration(route->kind, *body) &&
        !m_shared.registrations.take(connection.source(), m_shared.clock.monotonic_ns()))
        return refuse(connection, 429, "too many new wallets from this address; try again later");
    if (!m_shared.port.takes_new()) return refuse(connection, 503, "too much to do; ask again, the same order is never paid twice");
    m_state = State::asked;
    m_asked_ms = m_shared.clock.monotonic_ns() / 1'000'000;
    m_shared.port.send_wallet({connection.id(), route->kind, *body});
}

void WalletPeer::answer(net::Connection& connection, const bus::WalletReply& reply) {
    if (m_state != State::asked) return m_shared.events.note(Event::reply_misdirected, connection.peer());
    m_shared.port.settled(1);
    respond(connection, 200, wallet_reply_json(reply));
}

void WalletPeer::refuse(net::Connection& connection, int status, std::string_view why) {
    m_shared.events.note(Event::wallet_refused, connection.peer());
    respond(connection, status, wallet_refusal_json(why));
}

void WalletPeer::respond(net::Connection& connection, int status, std::string_view json) {
    m_state = State::answered;
    connection.send(as_bytes(net::http_response(status, json)));
    connection.close_after_sending();
}

void WalletPeer::tick(net::Connection& connection, std::uint64_t now_ms) {
    if (m_state != State::asked || now_ms - m_asked_ms < kWalletAnswer_ms) return;
    m_shared.port.settled(1);
    m_shared.events.note(Event::answers_missing, connection.peer());
    respond(connection, 503, wallet_refusal_json("no answer in time; ask again, the same order is never paid twice"));
}

void WalletPeer::closed(net::Connection& connection, net::CloseReason reason) {
    if (m_state == State::asked) m_shared.port.settled(1);
    m_state = State::answered;
    note_closed(m_shared.events, connection, reason);
}

}  // namespace giro::gate
