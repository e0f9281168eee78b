#include "net/connections.hpp"

#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "util/log.hpp"

namespace giro::net {

namespace {
constexpr int kBacklog = 1024;
constexpr int kKeepAliveAfter_s = 10;
constexpr unsigned kUnacknowledgedMax_ms = 10'000;
constexpr unsigned kListenFlags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;

void set_option(int fd, int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
}

// A message and its answer are one segment each: there is nothing to control, and what a system's default may do beyond
// reno's bookkeeping (BBR models the path and paces each segment by a timer) costs a tenth of the gate's time. Accepted
// sockets have it from their listener. Where a system forbids it, its default stays.
void keep_congestion_control_simple(int fd) {
    constexpr std::string_view kReno = "reno";
    ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kReno.data(), static_cast<socklen_t>(kReno.size()));
}

// Finds out about a host that vanished.
void watch_by_tcp(int fd) {
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveAfter_s);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(kUnacknowledgedMax_ms));
}

std::uint16_t bound_port(evconnlistener* listener) {
    Address address;
    address.size = sizeof address.storage;
    ASSERT(::getsockname(evconnlistener_get_fd(listener), address.get(), &address.size) == 0);
    if (address.storage.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address.storage, sizeof v6);
        return ntohs(v6.sin6_port);
    }
    sockaddr_in v4{};
    std::memcpy(&v4, &address.storage, sizeof v4);
    return ntohs(v4.sin_port);
}
}  // namespace

struct Connections::Listener {
    Connections& owner;
    ListenOptions options;
    evconnlistener* handle = nullptr;
    bool resting = false;  // out of descriptors: accepts again at the next sweep
    std::size_t connections = 0;
    std::uint32_t accepts_left = 0;           // in this second
    std::map<Source, std::size_t> by_source;  // only sources that have a connection
    std::map<Source, std::uint32_t> accepts_of_source;  // in this second; at most accepts_per_second_max sources

    Listener(Connections& o, ListenOptions opts)
        : owner(o), options(std::move(opts)), accepts_left(options.accepts_per_second_max) {}
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() {
        if (handle != nullptr) evconnlistener_free(handle);
    }
    static void accepted(evconnlistener*, int fd, sockaddr* from, int size, void* self) {
        Address address;
        std::memcpy(&address.storage, from, std::min(static_cast<std::size_t>(size), sizeof address.storage));
        address.size = static_cast<socklen_t>(size);
        auto* listener = static_cast<Listener*>(self);
        listener->owner.accept(*listener, fd, address);
    }
    static void failed(evconnlistener*, void* self) {
        auto* listener = static_cast<Listener*>(self);
        listener->owner.accept_failed(*listener);
    }
};

Connections::Connections(bus::Loop& loop, const Clock& clock, Limits limits)
    : m_loop(loop),
      m_clock(clock),
      m_limits(limits),
      m_sweeper(loop, [this] { sweep(); }),
      m_read_buffer(kReadBytes),
      m_self(std::make_shared<Connections*>(this)) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    m_sweeper.every(kSweepInterval_ms);
}

Connections::~Connections() {
    *m_self = nullptr;
}

Result<std::uint16_t> Connections::listen(ListenOptions options) {
    ASSERT(options.make != nullptr);
    const auto address = parse_address(options.host, options.port);
    if (!address)
        return fail(Failure::Kind::config,
                    fmt::format("{} = \"{}\": not a numeric address", options.setting, options.host));
    auto listener = std::make_unique<Listener>(*this, std::move(options));
    listener->handle = evconnlistener_new_bind(base(), &Listener::accepted, listener.get(), kListenFlags, kBacklog,
                                               address->get(), static_cast<int>(address->size));
    if (listener->handle == nullptr) {
        const int error = errno;
        return fail(
            Failure::Kind::config,
            fmt::format("cannot listen on {}: {}; {}", to_text(*address), std::strerror(error),
                        error == EADDRINUSE ? fmt::format("stop what holds that port or change {} in etc/giro.toml",
                                                          listener->options.setting)
                                            : fmt::format("check {} in etc/giro.toml", listener->options.setting)));
    }
    keep_congestion_control_simple(evconnlistener_get_fd(listener->handle));
    evconnlistener_set_error_cb(listener->handle, &Listener::failed);
    const std::uint16_t port = bound_port(listener->handle);
    m_listeners.push_back(std::move(listener));
    return port;
}

// Who connects again and again, with whatever outcome, leaves the others half of the second's handshakes.
bool Connections::may_accept_again(const Listener& listener, const Source& source) {
    const auto found = listener.accepts_of_source.find(source);
    const std::uint32_t half = std::max(listener.options.accepts_per_second_max / 2, 1U);
    return found == listener.accepts_of_source.end() || found->second < half;
}

// In this order: the whole box, this door, this second, this source in this second, this source.
bool Connections::admit(Listener& listener, const Source& source) {
    if (!listener.options.standing && m_accepted_now >= m_limits.connections_max) return false;
    if (listener.connections >= listener.options.connections_max) return false;
    if (listener.accepts_left == 0 || !may_accept_again(listener, source)) return false;
    const auto found = listener.by_source.find(source);
    return (found == listener.by_source.end() ? 0 : found->second) < listener.options.per_source_max;
}

void Connections::accept(Listener& listener, int fd, const Address& from) {
    const Source source = source_of(from);
    if (!admit(listener, source)) {
        ++m_counters.refused;
        ::close(fd);
        return;
    }
    ++m_counters.accepted;
    if (!listener.options.standing) ++m_accepted_now;
    ++listener.connections;
    ++listener.by_source[source];
    --listener.accepts_left;
    if (listener.options.accepts_per_second_max != UINT32_MAX) ++listener.accepts_of_source[source];
    ssl_st* tls = listener.options.tls == nullptr ? nullptr : listener.options.tls->new_session();
    if (listener.options.standing) watch_by_tcp(fd);
    Connection& connection = add(fd, tls, false, from, listener.options.make, {&listener, source});
    if (tls == nullptr) return connection.become_open();
    connection.watch_reading();
}

// Nearly always no descriptor left. The listening socket stays readable: without a rest the loop would spin.
void Connections::accept_failed(Listener& listener) {
    log::warn("{}: accept failed: {}; pausing for a second", listener.options.setting, std::strerror(errno));
    evconnlistener_disable(listener.handle);
    listener.resting = true;
}

Connection& Connections::add(int fd, ssl_st* tls, bool connecting, const Address& peer, const MakeProtocol& make,
                             const Origin& origin) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    using State = Connection::State;
    const State state = connecting ? State::connecting : State::handshaking;
    const ConnectionId id = m_next++;
    const bool standing = connecting || origin.listener->options.standing;
    Entry entry{std::unique_ptr<Connection>(new Connection(*this, id, peer, fd, tls, state, standing, make(id))), origin};
    return *m_open.emplace(id, std::move(entry)).first->second.connection;
}

Result<ConnectionId> Connections::connect(const std::string& host, std::uint16_t port, const MakeProtocol& make,
                                          const ClientTls* tls) {
    const auto address = parse_address(host, port);
    if (!address) return fail(Failure::Kind::config, fmt::format("\"{}\" is not a numeric address", host));
    const int fd = ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(Failure::Kind::try_again,
                    fmt::format("no socket for {}: {}", to_text(*address), std::strerror(errno)));
    keep_congestion_control_simple(fd);
    watch_by_tcp(fd);
    // Whatever connect() says at once (refused, no route, done), the socket becomes writable and SO_ERROR tells.
    [[maybe_unused]] const int later = ::connect(fd, address->get(), address->size);
    Connection& connection = add(fd, tls == nullptr ? nullptr : tls->new_session(), true, *address, make, {});
    connection.watch_writing();
    return connection.id();
}

Connection* Connections::find(ConnectionId id) noexcept {
    const auto found = m_open.find(id);
    return found == m_open.end() ? nullptr : found->second.connection.get();
}

bool Connections::holds(const Connection& connection) const noexcept {
    return connection.m_paused || (m_held && !connection.m_standing);
}

void Connections::hold_reading(bool held) {
    if (m_held == held) return;
    m_held = held;
    for (auto& [id, entry] : m_open) entry.connection->watch_reading();
}

void Connections::sweep() {
    for (const auto& listener : m_listeners) {
        listener->accepts_left = listener->options.accepts_per_second_max;
        listener->accepts_of_source.clear();
        if (listener->resting) evconnlistener_enable(listener->handle);
        listener->resting = false;
    }
    std::vector<Connection*> all;  // a protocol's tick may close or open connections
    all.reserve(m_open.size());
    for (auto& [id, entry] : m_open) all.push_back(entry.connection.get());
    for (Connection* connection : all) connection->check_deadlines();
}

void Connections::flush_later(Connection& connection) {
    if (connection.m_flush_queued) return;
    connection.m_flush_queued = true;
    m_to_flush.push_back(&connection);
    end_turn_later();
}

void Connections::closed(Connection& connection, CloseReason reason) {
    ++m_counters.closed[static_cast<std::size_t>(reason)];
    const auto found = m_open.find(connection.id());
    ASSERT(found != m_open.end());
    forget(found->second.origin);
    m_dead.push_back(std::move(found->second.connection));
    m_open.erase(found);
    end_turn_later();
}

void Connections::forget(const Origin& origin) {
    if (origin.listener == nullptr) return;
    if (!origin.listener->options.standing) --m_accepted_now;
    --origin.listener->connections;
    const auto found = origin.listener->by_source.find(origin.source);
    ASSERT(found != origin.listener->by_source.end());
    if (--found->second == 0) origin.listener->by_source.erase(found);
}

void Connections::end_turn_later() {
    if (m_end_of_turn_pending) return;
    m_end_of_turn_pending = true;
    m_loop.defer([self = m_self] {
        if (*self != nullptr) (*self)->end_turn();
    });
}

void Connections::end_turn() {
    m_end_of_turn_pending = false;
    std::vector<Connection*> to_flush;
    to_flush.swap(m_to_flush);
    for (Connection* connection : to_flush) {
        connection->m_flush_queued = false;
        connection->flush();
    }
    if (!m_to_flush.empty())
        return;  // callbacks queued more, perhaps on connections closed since: they stay for that turn
    to_flush.clear();
    m_to_flush.swap(to_flush);  // keeps the memory
    m_dead.clear();
}

}  // namespace giro::net
