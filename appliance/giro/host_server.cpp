#include "appliance/giro/host_server.hpp"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "appliance/giro/pos_connection.hpp"
#include "net/deframer.hpp"
#include "util/failpoint.hpp"
#include "util/log.hpp"

namespace giro::host {

namespace {
constexpr std::size_t kOutBytesMax = 4U << 20;  // a peer that reads nothing hears no more
constexpr std::size_t kDelayedMax = 100'000;    // answers that wait; beyond it none is given
constexpr std::uint64_t kMillisecond_ns = 1'000'000, kProgressEvery_ms = 500;
}  // namespace

// A connection by its number, whoever made it.
class Server::Peer {
  public:
    virtual ~Peer() = default;
    virtual void send(Bytes frame) = 0;       // with two bytes of length
    virtual void send_half(Bytes frame) = 0;  // then it ends
    // Not from within take(), which returns false instead.
    virtual void hang_up() = 0;
};

class Server::Accepted final : public Peer {
  public:
    Accepted(Server& server, std::uint64_t id, evutil_socket_t fd)
        : m_server(server), m_id(id), m_buffer(buffer_of(server, fd)), m_deframer(iso8583::kFrameBytesMax, server.m_options.framing) {
        ASSERT(m_buffer != nullptr);
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        bufferevent_setcb(m_buffer, &Accepted::readable, nullptr, &Accepted::ended, this);
        bufferevent_enable(m_buffer, EV_READ | EV_WRITE);
    }
    ~Accepted() override { bufferevent_free(m_buffer); }
    Accepted(const Accepted&) = delete;
    Accepted& operator=(const Accepted&) = delete;

    void send(Bytes frame) override { write(frame, false); }
    void send_half(Bytes frame) override {
        write(frame, true);
        bufferevent_disable(m_buffer, EV_READ);
        bufferevent_setcb(m_buffer, nullptr, &Accepted::drained, &Accepted::ended, this);
    }
    void hang_up() override { m_server.remove(m_id); }

  private:
    static bufferevent* buffer_of(Server& server, evutil_socket_t fd) {
        if (server.m_tls == nullptr) return bufferevent_socket_new(server.m_loop.base(), fd, BEV_OPT_CLOSE_ON_FREE);
        SSL* session = SSL_new(server.m_tls);  // the buffer's
        ASSERT(session != nullptr);
        return bufferevent_openssl_socket_new(server.m_loop.base(), fd, session, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    }
    void write(Bytes frame, bool half) {
        if (evbuffer_get_length(bufferevent_get_output(m_buffer)) + frame.size() > kOutBytesMax) return;
        Bytes message = frame.subspan(pos::kLengthBytes);
        const net::Frame around = net::frame_of(m_server.m_options.framing, message);
        if (half) message = message.first(message.size() / 2);
        bufferevent_write(m_buffer, around.head.data(), around.head_bytes);
        bufferevent_write(m_buffer, message.data(), message.size());
        if (!half) bufferevent_write(m_buffer, around.tail.data(), around.tail_bytes);
    }
    static void readable(bufferevent* buffer, void* self) {
        auto& peer = *static_cast<Accepted*>(self);
        evbuffer* in = bufferevent_get_input(buffer);
        Buffer bytes(evbuffer_get_length(in));
        evbuffer_remove(in, bytes.data(), bytes.size());
        bool good = true;
        const auto verdict = peer.m_deframer.feed(bytes, [&](Bytes message) {
            if (!message.empty()) good = peer.m_server.take(peer.m_id, message);  // empty: a keep-alive
            return good;
        });
        if (good && verdict != net::Deframer::Verdict::ok) log::info("a message over the size limit or out of its framing came; closed");
        if (!good || verdict != net::Deframer::Verdict::ok) peer.m_server.remove(peer.m_id);
    }
    static void drained(bufferevent*, void* self) { static_cast<Accepted*>(self)->hang_up(); }
    static void ended(bufferevent* buffer, short what, void* self) {
        if ((what & BEV_EVENT_CONNECTED) != 0) return;  // the TLS handshake is over
        const unsigned long error = bufferevent_get_openssl_error(buffer);
        if (error != 0) log::info("TLS: {}; closed", ERR_reason_error_string(error) == nullptr ? "the handshake failed" : ERR_reason_error_string(error));
        else log::info("a switch hung up");
        static_cast<Accepted*>(self)->hang_up();
    }

    Server& m_server;
    const std::uint64_t m_id;
    bufferevent* m_buffer;
    net::Deframer m_deframer;
};

class Server::Dialled final : public Peer, private pos::Connection::Listener {
  public:
    Dialled(Server& server, std::uint64_t id, const config::Address& address, ssl_ctx_st* tls)
        : m_server(server), m_id(id), m_connection(server.m_loop, address, tls, *this, server.m_options.framing) {}
    void send(Bytes frame) override { m_connection.send(frame); }
    void send_half(Bytes frame) override { m_connection.send_half(frame); }
    void hang_up() override { m_connection.hang_up(); }

  private:
    void connected() override { log::info("connected to the switch"); }
    void disconnected() override { log::info("the switch hung up: {}", m_connection.last_error()); }
    void received(Bytes message) override {
        if (!m_server.take(m_id, message)) m_connection.hang_up();
    }

    Server& m_server;
    const std::uint64_t m_id;
    pos::Connection m_connection;
};

Server::Server(Issuer& issuer, Options options)
    : m_issuer(issuer),
      m_options(std::move(options)),
      m_started_ns(m_clock.monotonic_ns()),
      m_delayed_timer(m_loop, [this] { send_due(); }),
      m_disconnects(m_loop, [this] { hang_up_all(); }),
      m_progress(m_loop, [this] { m_options.progress(static_cast<double>(m_clock.monotonic_ns() - m_started_ns) / 1e9); }) {}

Server::~Server() {
    m_peers.clear();
    if (m_listener != nullptr) evconnlistener_free(m_listener);
}

Result<void> Server::listen(const config::Address& address, ssl_ctx_st* tls) {
    m_tls = tls;
    sockaddr_storage storage{};
    int size = sizeof storage;
    const bool v6 = address.host.find(':') != std::string::npos;
    const std::string text = v6 ? fmt::format("[{}]:{}", address.host, address.port) : fmt::format("{}:{}", address.host, address.port);
    if (evutil_parse_sockaddr_port(text.c_str(), reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return fail(Failure::Kind::config, fmt::format("'{}' is not a numeric address and port", text));
    m_listener = evconnlistener_new_bind(m_loop.base(), &Server::accepted, this,
                                         LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1,
                                         reinterpret_cast<sockaddr*>(&storage), size);
    if (m_listener == nullptr) return fail(Failure::Kind::try_again, fmt::format("cannot listen on {}: {}", text, std::strerror(errno)));
    log::info("host listens on {}", text);
    return {};
}

void Server::connect(const config::Address& address, std::size_t connections, ssl_ctx_st* tls) {
    for (std::size_t i = 0; i < connections; ++i) {
        const std::uint64_t id = ++m_last_peer;
        m_peers[id] = std::make_unique<Dialled>(*this, id, address, tls);
    }
}

Result<void> Server::run() {
    m_loop.handle_stop_signals();
    if (m_options.disconnect_each_s != 0) m_disconnects.every(m_options.disconnect_each_s * 1'000);
    if (m_options.progress) m_progress.every(kProgressEvery_ms);
    m_loop.run();
    send_ready();
    if (m_failure) return tl::unexpected(*m_failure);
    return {};
}

void Server::accepted(evconnlistener*, int fd, sockaddr*, int, void* self) {
    auto& server = *static_cast<Server*>(self);
    const std::uint64_t id = ++server.m_last_peer;
    server.m_peers[id] = std::make_unique<Accepted>(server, id, fd);
    log::info("a switch connected");
}

bool Server::take(std::uint64_t peer, Bytes message) {
    GIRO_FAILPOINT("host.message.taken");
    const std::uint64_t now = m_clock.monotonic_ns();
    Issuer::Answered answered = m_issuer.handle(message, now - m_started_ns);
    if (answered.seen && m_options.keep) {
        m_options.keep(*answered.seen);
        m_unkept = true;
        finish_later();
    }
    if (!answered.understood) log::info("a message came that is no request of the dialect; closed");
    if (!answered.understood || answered.conduct.hang_up) return false;
    if (answered.frame.empty()) return true;
    for (unsigned copy = 0; copy < answered.conduct.copies; ++copy) {
        if (answered.conduct.delay_ns == 0 && !answered.conduct.half) m_ready.push_back({peer, answered.frame, false});
        else if (m_delayed.size() < kDelayedMax) m_delayed.emplace(now + answered.conduct.delay_ns, Reply{peer, answered.frame, answered.conduct.half});
    }
    if (!m_ready.empty()) finish_later();
    if (!m_delayed.empty()) wake();
    return true;
}

void Server::finish_later() {
    if (m_finish_pending) return;
    m_finish_pending = true;
    m_loop.defer([this] {
        m_finish_pending = false;
        send_ready();
    });
}

// False: nothing may be answered any more.
bool Server::keep_all() {
    if (m_failure) return false;
    if (!std::exchange(m_unkept, false) || !m_options.kept) return true;
    GIRO_FAILPOINT("host.state.before");
    const bool kept = m_options.kept();
    GIRO_FAILPOINT("host.state.written");
    if (kept) return true;
    m_failure = Failure{Failure::Kind::try_again, "cannot write the --state file; stopped before answering"};
    m_loop.stop();
    return false;
}

void Server::send_ready() {
    if (!keep_all()) return m_ready.clear();
    for (const Reply& reply : m_ready) send(reply);
    m_ready.clear();
}

void Server::send(const Reply& reply) {
    const auto found = m_peers.find(reply.peer);
    if (found == m_peers.end()) return;  // hung up meanwhile
    if (reply.half) found->second->send_half(reply.frame);
    else found->second->send(reply.frame);
    GIRO_FAILPOINT("host.answer.sent");
}

void Server::wake() {
    const std::uint64_t now = m_clock.monotonic_ns(), due = m_delayed.begin()->first;
    m_delayed_timer.once(due <= now ? 0 : (due - now) / kMillisecond_ns + 1);
}

void Server::send_due() {
    if (!keep_all()) return;
    const std::uint64_t now = m_clock.monotonic_ns();
    while (!m_delayed.empty() && m_delayed.begin()->first <= now) {
        const auto due = m_delayed.extract(m_delayed.begin());
        send(due.mapped());
    }
    if (!m_delayed.empty()) wake();
}

void Server::hang_up_all() {
    std::vector<std::uint64_t> all;
    for (const auto& [id, peer] : m_peers) all.push_back(id);
    for (const std::uint64_t id : all)
        if (const auto found = m_peers.find(id); found != m_peers.end()) found->second->hang_up();
}

void Server::remove(std::uint64_t peer) { m_peers.erase(peer); }

}  // namespace giro::host
