#include "appliance/giro/pos_connection.hpp"

#include <event2/event.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "util/bytes.hpp"

namespace giro::pos {

namespace {
constexpr std::uint64_t kBackoffFirstMs = 50;
constexpr std::uint64_t kBackoffMaxMs = 1'000;
constexpr std::size_t kOutBytesMax = 1U << 20;  // a far side that reads nothing is lost

std::string tls_error() {
    char text[256] = "handshake failed";
    const unsigned long code = ERR_get_error();
    if (code != 0) ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return text;
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};
SocketAddress socket_address(const config::Address& address) {
    SocketAddress out;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
    if (inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address.port);
        out.size = sizeof *v4;
    } else if (inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address.port);
        out.size = sizeof *v6;
    }
    return out;
}
}  // namespace

Result<TlsContext> TlsContext::load(const config::Paths& paths) {
    const auto folder = paths.demo() / "terminals";
    return load({folder / "client.pem", folder / "client.key", paths.pub() / "ca.pem"});
}

Result<TlsContext> TlsContext::load(const Files& files) {
    TlsContext out(SSL_CTX_new(TLS_method()));
    ASSERT(out.m_context != nullptr);
    SSL_CTX_set_min_proto_version(out.m_context, TLS1_3_VERSION);
    SSL_CTX_set_verify(out.m_context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_mode(out.m_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(out.m_context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(out.m_context, 0);
    const auto unusable = [](const char* what, const std::filesystem::path& file) {
        ERR_clear_error();
        return fail(Failure::Kind::not_provisioned, fmt::format("cannot use {} as {} (the demo's are made by `giro init`)", file.string(), what));
    };
    if (SSL_CTX_load_verify_locations(out.m_context, files.ca.c_str(), nullptr) != 1) return unusable("a certificate authority", files.ca);
    if (SSL_CTX_use_certificate_chain_file(out.m_context, files.certificate.c_str()) != 1) return unusable("a certificate", files.certificate);
    if (SSL_CTX_use_PrivateKey_file(out.m_context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) return unusable("its key", files.key);
    return out;
}

TlsContext::~TlsContext() {
    if (m_context != nullptr) SSL_CTX_free(m_context);
}

Connection::Connection(bus::Loop& loop, const config::Address& address, SSL_CTX* tls, Listener& listener, const net::Framing& framing)
    : m_loop(loop), m_address(address), m_tls(tls), m_listener(listener), m_framing(framing),
      m_deframer(iso8583::kFrameBytesMax, framing), m_redial(loop, [this] { dial(); }),
      m_backoff_ms(kBackoffFirstMs) {
    dial();
}

Connection::~Connection() {
    if (m_event != nullptr) event_free(m_event);
    if (m_ssl != nullptr) SSL_free(m_ssl);
    if (m_fd >= 0) ::close(m_fd);
}

void Connection::dial() {
    const SocketAddress to = socket_address(m_address);
    if (to.size == 0) {
        m_error = fmt::format("{} is not a numeric address", m_address.host);
        return;  // a second try would find the same
    }
    m_fd = ::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (m_fd < 0) return lose(fmt::format("no socket: {}", std::strerror(errno)));
    const int on = 1;
    ::setsockopt(m_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    constexpr std::string_view kReno = "reno";  // as the gate has it, see net/connections.cpp
    ::setsockopt(m_fd, IPPROTO_TCP, TCP_CONGESTION, kReno.data(), static_cast<socklen_t>(kReno.size()));
    m_state = State::connecting;
    if (::connect(m_fd, reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0 && errno != EINPROGRESS)
        return lose(std::strerror(errno));
    watch(EV_WRITE);
}

void Connection::watch(short what) {
    if (m_event != nullptr && m_watched == what) return;
    if (m_event != nullptr) event_free(m_event);
    m_watched = what;
    // By edges, as the gate watches its plain sockets (net/connection.cpp): the kernel looks at each only once.
    const bool by_edges = m_tls == nullptr && (what & EV_READ) != 0;
    const short how = by_edges ? static_cast<short>(EV_PERSIST | EV_ET | EV_CLOSED) : static_cast<short>(EV_PERSIST);
    m_event = event_new(m_loop.base(), m_fd, static_cast<short>(what | how), &Connection::on_event, this);
    ASSERT(m_event != nullptr && event_add(m_event, nullptr) == 0);
}

void Connection::on_event(int, short what, void* self) { static_cast<Connection*>(self)->handle(what); }

void Connection::handle(short what) {
    if (m_state == State::connecting) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(m_fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return lose(std::strerror(error));
        if (m_tls == nullptr) return opened();
        m_ssl = SSL_new(m_tls);
        ASSERT(m_ssl != nullptr && SSL_set_fd(m_ssl, m_fd) == 1);
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(m_ssl), m_address.host.c_str());  // this box, not just its CA
        m_state = State::handshaking;
    }
    if (m_state == State::handshaking) return handshake();
    if ((what & EV_WRITE) != 0) flush();
    if ((what & EV_CLOSED) != 0) m_box_ended = true;
    if (m_state == State::open && (what & (EV_READ | EV_CLOSED)) != 0) read_all();
}

void Connection::handshake() {
    const int done = SSL_connect(m_ssl);
    if (done == 1) return opened();
    const int error = SSL_get_error(m_ssl, done);
    if (error == SSL_ERROR_WANT_READ) return watch(EV_READ);
    if (error == SSL_ERROR_WANT_WRITE) return watch(EV_WRITE);
    lose(fmt::format("TLS: {}", tls_error()));
}

void Connection::opened() {
    m_state = State::open;
    m_backoff_ms = kBackoffFirstMs;
    m_in_size = 0;
    m_box_ended = false;
    m_deframer = net::Deframer(iso8583::kFrameBytesMax, m_framing);
    watch(EV_READ);
    m_listener.connected();
}

void Connection::lose(std::string why) {
    const bool was_open = m_state == State::open;
    m_error = std::move(why);
    if (m_event != nullptr) event_free(m_event);
    m_event = nullptr;
    if (m_ssl != nullptr) SSL_free(m_ssl);
    m_ssl = nullptr;
    if (m_fd >= 0) ::close(m_fd);
    m_fd = -1;
    m_out.clear();
    m_in_size = 0;
    m_state = State::waiting;
    m_redial.once(m_backoff_ms);
    m_backoff_ms = std::min(2 * m_backoff_ms, kBackoffMaxMs);
    if (was_open) m_listener.disconnected();
}

long Connection::read_some(MutableBytes into) {
    if (m_ssl != nullptr) {
        const int got = SSL_read(m_ssl, into.data(), static_cast<int>(into.size()));
        if (got > 0) return got;
        const int error = SSL_get_error(m_ssl, got);
        ERR_clear_error();
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
    const ssize_t got = ::recv(m_fd, into.data(), into.size(), 0);
    if (got > 0) return got;
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

long Connection::write_some(Bytes from) {
    if (m_ssl != nullptr) {
        const int put = SSL_write(m_ssl, from.data(), static_cast<int>(from.size()));
        if (put > 0) return put;
        const int error = SSL_get_error(m_ssl, put);
        ERR_clear_error();
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
    const ssize_t put = ::send(m_fd, from.data(), from.size(), MSG_NOSIGNAL);
    if (put > 0) return put;
    return put < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

void Connection::read_all() {
    for (;;) {
        const MutableBytes room = MutableBytes(m_in).subspan(m_in_size);
        const long got = read_some(room);
        if (got < 0) return lose("the box closed the connection");
        if (got == 0) return;
        m_in_size += static_cast<std::size_t>(got);
        if (!deliver() || m_state != State::open) return;
        if (m_box_ended) continue;
        // A read that left room took all there was; over TLS a second record may lie in OpenSSL's own buffer.
        if (static_cast<std::size_t>(got) < room.size() && (m_ssl == nullptr || SSL_pending(m_ssl) == 0)) return;
    }
}

// Hands out the whole messages in m_in and moves the rest to its front. False: the connection is gone.
bool Connection::deliver() {
    if (m_framing != net::Framing{}) return deliver_framed();
    std::size_t at = 0;
    while (m_in_size - at >= kLengthBytes) {
        const std::size_t size = load_be<std::uint16_t>(m_in.data() + at);
        if (size > iso8583::kFrameBytesMax) {
            lose(fmt::format("a message of {} bytes came in; at most {} are taken", size, iso8583::kFrameBytesMax));
            return false;
        }
        if (m_in_size - at - kLengthBytes < size) break;
        at += kLengthBytes;
        if (size != 0) m_listener.received(Bytes(m_in).subspan(at, size));
        else ++m_keep_alives;
        if (m_state != State::open) return false;
        at += size;
    }
    if (at != 0 && at != m_in_size) std::memmove(m_in.data(), m_in.data() + at, m_in_size - at);
    m_in_size -= at;
    return true;
}

bool Connection::deliver_framed() {
    const Buffer chunk(m_in.begin(), m_in.begin() + static_cast<std::ptrdiff_t>(m_in_size));
    m_in_size = 0;
    const auto verdict = m_deframer.feed(chunk, [this](Bytes message) {
        if (!message.empty()) m_listener.received(message);
        else ++m_keep_alives;
        return m_state == State::open;
    });
    if (verdict == net::Deframer::Verdict::ok) return true;
    if (verdict != net::Deframer::Verdict::stopped) lose("what came in does not stand in the configured framing");
    return false;
}

Buffer Connection::framed(Bytes frame) const {
    const Bytes message = frame.subspan(kLengthBytes);
    const net::Frame around = net::frame_of(m_framing, message);
    Buffer whole(around.head.begin(), around.head.begin() + static_cast<std::ptrdiff_t>(around.head_bytes));
    whole.insert(whole.end(), message.begin(), message.end());
    whole.insert(whole.end(), around.tail.begin(), around.tail.begin() + static_cast<std::ptrdiff_t>(around.tail_bytes));
    return whole;
}

void Connection::send(Bytes frame) {
    if (m_state != State::open) return;
    if (m_framing == net::Framing{}) return write(frame);
    write(framed(frame));
}

void Connection::send_half(Bytes frame) {
    if (m_state != State::open) return;
    const Buffer whole = framed(frame);
    write(Bytes(whole).first(whole.size() / 2));
    hang_up();
}

// Noticed by the read event that follows.
void Connection::hang_up() {
    if (m_state == State::open) ::shutdown(m_fd, SHUT_RDWR);
}

// A failed write is left to the read event that follows it: so send() never calls the listener back.
void Connection::write(Bytes frame) {
    std::size_t done = 0;
    if (m_out.empty()) {
        const long put = write_some(frame);
        if (put < 0) {
            ::shutdown(m_fd, SHUT_RDWR);
            return;
        }
        done = static_cast<std::size_t>(put);
    }
    if (done == frame.size()) return;
    if (m_out.size() + frame.size() > kOutBytesMax) {
        ::shutdown(m_fd, SHUT_RDWR);
        return;
    }
    m_out.insert(m_out.end(), frame.begin() + static_cast<std::ptrdiff_t>(done), frame.end());
    watch(EV_READ | EV_WRITE);
}

void Connection::flush() {
    if (!m_out.empty()) {
        const long put = write_some(m_out);
        if (put < 0) return lose("the box closed the connection");
        m_out.erase(m_out.begin(), m_out.begin() + put);
    }
    if (m_out.empty()) watch(EV_READ);
}

}  // namespace giro::pos
