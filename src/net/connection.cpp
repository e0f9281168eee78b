#include "net/connection.hpp"

#include <event2/event.h>
#include <sys/socket.h>

#include "net/connections.hpp"
#include "util/secret.hpp"

namespace giro::net {

namespace {
constexpr std::size_t kCompactBytes = 16U << 10;       // a larger output buffer is given back once empty
constexpr std::size_t kTlsRecordBytesMax = 16U << 10;  // RFC 8446 5.1: 2^14 bytes of plaintext

// A plain socket is watched by its edges: by level the kernel looks at each socket a second time, to find out that it has
// been emptied. It says with an edge that the peer has ended, which a short read does not show. TLS reads record by record
// and stays with the level.
short edges(bool tls) {
    return tls ? short{0} : static_cast<short>(EV_ET);
}
short reading(bool tls) {
    return static_cast<short>(EV_READ | EV_PERSIST | edges(tls) | (tls ? 0 : EV_CLOSED));
}
}  // namespace

std::string_view to_string(CloseReason reason) noexcept {
    switch (reason) {
        case CloseReason::peer_closed:
            return "the peer closed";
        case CloseReason::we_closed:
            return "closed here";
        case CloseReason::idle:
            return "idle for too long";
        case CloseReason::slow_peer:
            return "a message was begun and not completed in time";
        case CloseReason::output_full:
            return "the peer does not read its answers";
        case CloseReason::tls_refused:
            return "the TLS handshake failed";
        case CloseReason::connect_failed:
            return "could not connect";
    }
    return "?";
}

Connection::Connection(Connections& owner, ConnectionId id, const Address& peer, int fd, ssl_st* tls, State state,
                       bool standing, std::unique_ptr<Protocol> protocol)
    : m_owner(owner),
      m_id(id),
      m_peer(to_text(peer)),
      m_source(source_of(peer)),
      m_fd(fd),
      m_stream(fd, tls),
      m_state(state),
      m_standing(standing),
      m_read_event(event_new(owner.base(), fd, reading(tls != nullptr), &Connection::on_readable, this)),
      m_write_event(event_new(owner.base(), fd, static_cast<short>(EV_WRITE | edges(tls != nullptr)), &Connection::on_writable, this)),
      m_heard_ms(owner.now_ms()),
      m_begun_ms(m_heard_ms),
      m_protocol(std::move(protocol)) {
    ASSERT(m_read_event != nullptr && m_write_event != nullptr);
}

Connection::~Connection() {
    if (m_read_event != nullptr) event_free(m_read_event);
    if (m_write_event != nullptr) event_free(m_write_event);
}

void Connection::on_readable(int, short what, void* self) {
    auto* connection = static_cast<Connection*>(self);
    connection->m_peer_ended = connection->m_peer_ended || (what & EV_CLOSED) != 0;
    connection->readable();
}
void Connection::on_writable(int, short, void* self) {
    static_cast<Connection*>(self)->writable();
}

void Connection::readable() {
    if (m_state == State::handshaking) shake_hands();
    if (m_state == State::open || m_state == State::finishing) read_all();
}

void Connection::writable() {
    if (m_state == State::connecting) return finish_connecting();
    if (m_state == State::handshaking) return shake_hands();
    if (m_state == State::open || m_state == State::finishing) flush();
}

void Connection::finish_connecting() {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(m_fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
        return close(CloseReason::connect_failed);
    sockaddr_storage peer{};
    size = sizeof peer;  // a connect() that failed at once leaves no SO_ERROR, but no peer either
    if (::getpeername(m_fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return close(CloseReason::connect_failed);
    if (!m_stream.is_tls()) return become_open();
    m_state = State::handshaking;
    m_begun_ms = m_owner.now_ms();
    watch_reading();
    shake_hands();
}

void Connection::shake_hands() {
    switch (m_stream.handshake()) {
        case Stream::Status::ok:
            return become_open();
        case Stream::Status::wants_read:
            return;
        case Stream::Status::wants_write:
            return watch_writing();
        case Stream::Status::ended:
        case Stream::Status::failed:
            return close(CloseReason::tls_refused);
    }
}

// A protocol that wants a message at once (HTTP) keeps the deadline that began with the connection.
void Connection::become_open() {
    m_state = State::open;
    m_protocol->opened(*this);
    if (m_state != State::open) return;
    if (!m_protocol->mid_message()) m_begun_ms = 0;
    watch_reading();
}

// Stopping early loses nothing: OpenSSL without read-ahead takes one record at a time from the socket, which the buffer
// always holds, so no bytes hide in it, and its event is level-triggered; the others come by here again.
void Connection::read_all() {
    static_assert(kReadBytes >= kTlsRecordBytesMax);
    const MutableBytes buffer = m_owner.read_buffer();
    for (int i = 0; i < kReadsPerWakeMax; ++i)
        if (!take(m_stream.read(buffer), buffer)) return;
    if (m_stream.is_tls()) return;
    // Watched anew, what is left shows itself in the loop's next pass. (Activated by event_active() it would be read in this one,
    // before any timer and anybody else: a peer that never stops sending would stop the program.)
    ASSERT(event_del(m_read_event) == 0 && event_add(m_read_event, nullptr) == 0);
}

// Handles one read; true when there may be more.
bool Connection::take(Stream::Moved moved, MutableBytes buffer) {
    switch (moved.status) {
        case Stream::Status::ok:
            break;
        case Stream::Status::wants_read:
            return false;
        case Stream::Status::wants_write:
            watch_writing();
            return false;
        case Stream::Status::ended:
        case Stream::Status::failed:
            close(CloseReason::peer_closed);
            return false;
    }
    if (m_state == State::open) deliver(buffer.first(moved.bytes));
    wipe(buffer.first(moved.bytes));  // shared by all connections, and kept
    if (m_state == State::closed || (m_state == State::open && m_owner.holds(*this))) return false;
    return m_stream.is_tls() || m_peer_ended || moved.bytes == buffer.size();  // a short read from a plain socket has emptied it
}

void Connection::deliver(Bytes bytes) {
    m_heard_ms = m_owner.now_ms();
    const std::size_t completed = m_protocol->received(*this, bytes);
    if (m_state != State::open) return;  // closing has a deadline of its own
    if (!m_protocol->mid_message())
        m_begun_ms = 0;
    else if (completed > 0 || m_begun_ms == 0)
        m_begun_ms = m_heard_ms;
}

void Connection::send(Bytes head, Bytes body) {
    if (m_state == State::closed || m_state == State::finishing) return;
    if (m_out.size() - m_out_sent + head.size() + body.size() > m_owner.limits().output_bytes_max)
        return close(CloseReason::output_full);
    m_out.insert(m_out.end(), head.begin(), head.end());
    m_out.insert(m_out.end(), body.begin(), body.end());
    m_owner.flush_later(*this);
}

void Connection::flush() {
    if (m_state != State::open && m_state != State::finishing) return;  // not yet, or no more
    while (m_out_sent < m_out.size()) {
        const Stream::Moved moved = m_stream.write(Bytes(m_out).subspan(m_out_sent));
        if (moved.status == Stream::Status::wants_write) return watch_writing();
        if (moved.status == Stream::Status::wants_read) return;  // the next read comes by here again
        if (moved.status != Stream::Status::ok) return close(CloseReason::peer_closed);
        m_out_sent += moved.bytes;
    }
    wipe(m_out);
    m_out.clear();
    m_out_sent = 0;
    if (m_out.capacity() > kCompactBytes) m_out.shrink_to_fit();
    if (m_state != State::finishing || m_said_goodbye) return;
    m_said_goodbye = true;
    m_stream.end_writing();
}

void Connection::close_after_sending() {
    if (m_state != State::open) return close(CloseReason::we_closed);
    m_state = State::finishing;
    m_begun_ms = m_owner.now_ms();
    watch_reading();
    m_owner.flush_later(*this);
}

void Connection::close(CloseReason reason) {
    if (m_state == State::closed) return;
    m_state = State::closed;
    event_free(m_read_event);
    event_free(m_write_event);
    m_read_event = nullptr;
    m_write_event = nullptr;
    if (reason != CloseReason::peer_closed) m_stream.end_writing();
    m_stream.close();
    m_protocol->closed(*this, reason);
    m_owner.closed(*this, reason);
}

void Connection::pause_reading(bool paused) {
    if (m_paused == paused) return;
    m_paused = paused;
    watch_reading();
}

// Takes the read event to what state and holds ask for.
void Connection::watch_reading() {
    if (m_state == State::closed || m_state == State::connecting) return;
    const bool wanted = m_state != State::open || !m_owner.holds(*this);
    if (!wanted) {
        event_del(m_read_event);
        return;
    }
    if (event_pending(m_read_event, EV_READ, nullptr) != 0) return;
    forgive();
    ASSERT(event_add(m_read_event, nullptr) == 0);
}

void Connection::watch_writing() {
    ASSERT(event_add(m_write_event, nullptr) == 0);
}

// What passed while nothing was read is not the peer's fault.
void Connection::forgive() {
    m_heard_ms = m_owner.now_ms();
    if (m_begun_ms != 0) m_begun_ms = m_heard_ms;
}

void Connection::check_deadlines() {
    const Limits& limits = m_owner.limits();
    // By the clock as it is each time: what is read below, or by a connection looked at before, is later than the sweep's beginning.
    const auto passed = [this](std::uint64_t since, std::uint64_t allowed) { return m_owner.now_ms() - since >= allowed; };
    switch (m_state) {
        case State::closed:
            return;
        case State::connecting:
            if (passed(m_begun_ms, limits.slow_peer_ms)) close(CloseReason::connect_failed);
            return;
        case State::finishing:
            if (passed(m_begun_ms, kGoodbye_ms)) close(CloseReason::we_closed);
            return;
        case State::handshaking:
            if (passed(m_begun_ms, limits.slow_peer_ms)) close(CloseReason::slow_peer);
            return;
        case State::open:
            break;
    }
    m_protocol->tick(*this, m_owner.now_ms());
    if (m_state != State::open || m_owner.holds(*this)) return;
    // A reset that came in one edge with the last bytes shows itself by reading only.
    if (!m_stream.is_tls() && !passed(m_heard_ms, 2 * kSweepInterval_ms)) read_all();
    if (m_state != State::open) return;
    if (m_begun_ms != 0 && passed(m_begun_ms, limits.slow_peer_ms)) return close(CloseReason::slow_peer);
    if (!m_standing && passed(m_heard_ms, limits.idle_timeout_ms)) close(CloseReason::idle);
}

}  // namespace giro::net
