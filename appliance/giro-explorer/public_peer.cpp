#include "appliance/giro-explorer/public_peer.hpp"

namespace giro::appliance {

namespace {
constexpr std::string_view kRefusalFields =
    "Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'; sandbox\r\n";
}  // namespace

std::size_t PublicPeer::received(net::Connection& connection, Bytes bytes) {
    using State = net::HttpRequestReader::State;
    const std::size_t before = m_served;
    for (State state = m_reader.feed(bytes); state != State::reading; state = m_reader.next()) {
        if (state == State::refused) {
            refuse(connection, net::http_status(m_reader.error()), net::to_string(m_reader.error()));
            break;
        }
        if (serve(connection) == Next::close) break;
    }
    return m_served - before;
}

PublicPeer::Next PublicPeer::serve(net::Connection& connection) {
    if (connection.waiting() > kWaitingBytesMax) {
        connection.close(net::CloseReason::output_full);
        return Next::close;
    }
    if (!may_ask(connection)) return Next::close;
    const std::uint64_t began_ns = m_door.clock.monotonic_ns();
    const explorer::Reply reply = reply_of();
    charge(connection, reply, began_ns);
    const bool body = m_reader.method() != net::HttpMethod::head;
    if (reply.body->size() >= kLargeBytes && !m_door.large.take(0, m_door.clock.monotonic_ns())) {
        refuse(connection, 503, "too many large answers at once; try again later");
        return Next::close;
    }
    const bool keep = ++m_served < kRequestsMax && !m_reader.wants_close();
    const std::string head = net::http_head(reply.status, reply.fields, reply.body->size(), keep);
    connection.send(as_bytes(head), body ? as_bytes(*reply.body) : Bytes());
    if (keep) return connection.is_open() ? Next::serve_on : Next::close;
    connection.close_after_sending();
    return Next::close;
}

bool PublicPeer::may_ask(net::Connection& connection) {
    const std::uint64_t now_ns = m_door.clock.monotonic_ns();
    if (m_door.limited && !m_door.requests.take(connection.source(), now_ns)) {
        refuse(connection, 429, "too many requests from this address; try again later");
        return false;
    }
    if (m_reader.method() != net::HttpMethod::post) return true;
    // A receipt's check reads the whole chain: the one thing here that costs more than an answer.
    if (now_ns >= m_door.receipts_from_ns && (!m_door.limited || m_door.receipts.take(connection.source(), now_ns)) && m_door.all_receipts.take(0, now_ns)) return true;
    refuse(connection, 429, "too many receipts at once; try again later");
    return false;
}

// What was more work than a page is paid for by later requests.
void PublicPeer::charge(net::Connection& connection, const explorer::Reply& reply, std::uint64_t began_ns) {
    const std::uint64_t now_ns = m_door.clock.monotonic_ns();
    if (m_reader.method() == net::HttpMethod::post) m_door.receipts_from_ns = now_ns + kReceiptsRest * (now_ns - began_ns);
    if (!m_door.limited) return;
    for (std::size_t paid = kBytesOfRequest; paid <= reply.made_bytes; paid += kBytesOfRequest)
        if (!m_door.requests.take(connection.source(), now_ns)) return;
}

explorer::Reply PublicPeer::reply_of() const {
    explorer::Asked asked;
    asked.post = m_reader.method() == net::HttpMethod::post;
    asked.path = m_reader.path();
    asked.query = m_reader.query();
    asked.content_type = m_reader.header("content-type").value_or("");
    asked.if_none_match = m_reader.header("if-none-match").value_or("");
    asked.accept_encoding = m_reader.header("accept-encoding").value_or("");
    asked.body = as_text(m_reader.body());
    return m_door.site.answer(asked);
}

void PublicPeer::refuse(net::Connection& connection, int status, std::string_view why) {
    std::string fields(kRefusalFields);
    if (status == 429 || status == 503) fields += "Retry-After: 2\r\n";
    if (status == 405) fields += "Allow: GET, HEAD, POST\r\n";
    const std::string head = net::http_head(status, fields, why.size() + 1, false);
    connection.send(as_bytes(head), as_bytes(std::string(why) + "\n"));
    connection.close_after_sending();
}

}  // namespace giro::appliance
