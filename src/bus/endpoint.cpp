#include "bus/endpoint.hpp"

#include <event2/event.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "bus/address.hpp"
#include "bus/stream.hpp"
#include "util/log.hpp"

namespace giro::bus {

namespace {
constexpr std::size_t kScratchBytes = std::size_t{256} << 10;  // more than the kernel keeps for a connection: one read has all
constexpr std::size_t kFlushBytes = std::size_t{1} << 20;      // a batch this large leaves before the turn ends
constexpr std::size_t kSpareBytesMax = 2 * kFlushBytes;        // more memory is not kept for the next
constexpr std::uint64_t kReconnect_ms = 20;
constexpr std::uint64_t kReconnectMax_ms = 500;
constexpr std::uint64_t kRest_ms = 1000;  // until it is looked again whether there are descriptors
constexpr std::size_t kKeptUnseen = std::size_t{1} << 20;  // a peer for whom less is kept is not counted up with the others
static_assert(kFlushBytes + kRecordHeaderBytes + kRecordBodyBytesMax + kSizeBytes <= kUnsentBytesMax);
}  // namespace

Context::Context() : m_scratch(kScratchBytes) {}

// --- both ends ----------------------------------------------------------------------------------------------------

struct Endpoint::Peer {
    Peer(Endpoint& endpoint, PeerId number) : owner(endpoint), id(number) {}
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() { disconnect(*this); }
    Endpoint& owner;
    PeerId id;
    int fd = -1;
    event* readable = nullptr;
    event* writable = nullptr;
    Inbox in;
    Outbox out;
    bool shut_out = false;
    bool heard = false;   // a message has come over this connection
    bool warned = false;  // the log says already that it sends nonsense
    bool broken = false;  // to be ended, once nothing of it is being handed over
};

Endpoint::Endpoint(Loop& loop, Context& context, std::filesystem::path path, Handlers handlers)
    : m_loop(loop), m_path(std::move(path)), m_context(context), m_handlers(std::move(handlers)) {}

Endpoint::~Endpoint() {
    for (auto& [id, batch] : m_outgoing) wipe(batch);
}

Endpoint::Peer& Endpoint::add_peer(PeerId id) {
    return *m_peers.insert_or_assign(id, std::make_unique<Peer>(*this, id)).first->second;
}

Endpoint::Peer* Endpoint::find_peer(PeerId id) noexcept {
    const auto found = m_peers.find(id);
    return found == m_peers.end() ? nullptr : found->second.get();
}

void Endpoint::remove_peer(PeerId id) {
    if (const auto batch = m_outgoing.find(id); batch != m_outgoing.end()) wipe(batch->second);
    m_outgoing.erase(id);
    m_peers.erase(id);
}

void Endpoint::connected(Peer& peer, int fd) {
    peer.fd = fd;
    peer.readable = event_new(m_loop.base(), fd, EV_READ | EV_PERSIST, &Endpoint::on_readable, &peer);
    peer.writable = event_new(m_loop.base(), fd, EV_WRITE, &Endpoint::on_writable, &peer);
    ASSERT(peer.readable != nullptr && peer.writable != nullptr && event_add(peer.readable, nullptr) == 0);
    peer.heard = peer.warned = peer.broken = false;
    peer.out.start_again();
    if (!peer.out.empty()) on_writable(fd, EV_WRITE, &peer);
}

void Endpoint::disconnect(Peer& peer) noexcept {
    if (peer.fd < 0) return;
    event_free(peer.readable);
    event_free(peer.writable);
    unix_socket::close(peer.fd);
    peer.readable = peer.writable = nullptr;
    peer.fd = -1;
    peer.in.clear();
}

void Endpoint::on_readable(int, short, void* peer) {
    static_cast<Peer*>(peer)->owner.read(*static_cast<Peer*>(peer));
}

void Endpoint::on_writable(int, short, void* raw) {
    Peer& peer = *static_cast<Peer*>(raw);
    if (!peer.out.flush(peer.fd)) return peer.owner.ended(peer);
    if (!peer.out.empty()) event_add(peer.writable, nullptr);
}

// One read a wake, so that timers and other connections get their turn: the event is level-triggered.
void Endpoint::read(Peer& peer) {
    bool taken = false;
    const auto came = peer.in.read(peer.fd, m_context.scratch(), [&](Bytes batch) {
        taken = true;
        deliver(peer, batch);
    });
    peer.heard = peer.heard || taken;
    if (taken && m_handlers.drained) m_handlers.drained();
    if (came == Inbox::Read::wrong) malformed(peer, "a connection that carries no messages was closed");
    const bool too_much = peer.in.kept() > kKeptUnseen && kept() > kKeptBytesMax;
    if (too_much) log::warn("{}: too much is kept of messages that do not end; a connection was closed", m_path.string());
    if (came != Inbox::Read::goes_on || too_much || peer.broken) ended(peer);
}

std::size_t Endpoint::kept() const noexcept {
    std::size_t sum = 0;
    for (const auto& [id, peer] : m_peers) sum += peer->in.kept() + peer->out.kept();
    return sum;
}

bool Endpoint::end_one_shut_out() {
    const auto found = std::ranges::find_if(m_peers, [](const auto& one) { return one.second->shut_out; });
    if (found == m_peers.end()) return false;
    ended(*found->second);
    return true;
}

void Endpoint::deliver(Peer& peer, Bytes batch) {
    RecordReader reader(batch);
    while (const auto record = reader.next()) {
        if (peer.shut_out || peer.broken) return;
        m_handlers.record(peer.id, *record);
    }
    if (reader.ok()) return;
    malformed(peer, "a batch that does not parse was dropped");
    if (!m_handlers.malformed) peer.broken = true;
}

void Endpoint::malformed(Peer& peer, std::string_view what) {
    if (peer.shut_out || peer.broken) return;
    if (!std::exchange(peer.warned, true)) log::warn("{}: {}", m_path.string(), what);
    if (m_handlers.malformed) m_handlers.malformed(peer.id);
}

void Endpoint::queue(PeerId id, const Record& record) {
    const Peer* peer = find_peer(id);
    if (peer == nullptr || peer->shut_out) return;
    Buffer& batch = m_outgoing[id];
    if (batch.capacity() == 0) batch.swap(m_spare);
    append_record(batch, record);
    if (batch.size() >= kFlushBytes) flush_peer(id, batch);
    if (m_flush_pending) return;
    m_flush_pending = true;
    m_loop.defer([this] {
        m_flush_pending = false;
        flush();
    });
}

void Endpoint::flush() {
    for (auto& [id, batch] : m_outgoing) {
        flush_peer(id, batch);
        if (m_spare.capacity() < batch.capacity() && batch.capacity() <= kSpareBytesMax) m_spare.swap(batch);
    }
    m_outgoing.clear();  // peers come and go
}

void Endpoint::flush_peer(PeerId id, Buffer& batch) {
    if (batch.empty()) return;
    if (Peer* peer = find_peer(id); peer != nullptr && !peer->shut_out) {
        const bool room = peer->out.kept() < kKeptUnseen || kept() < kKeptBytesMax;
        if (!room || !peer->out.send(peer->fd, batch)) ++m_dropped;
        if (!peer->out.empty() && peer->fd >= 0) event_add(peer->writable, nullptr);
    }
    wipe(batch);
    batch.clear();
}

// --- the server ---------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Server>> Server::bind(Loop& loop, Context& context, const std::filesystem::path& path, Handlers handlers) {
    auto address = checked_address(path);
    if (!address) return tl::unexpected(address.error());
    std::unique_ptr<Server> server(new Server(loop, context, *address, std::move(handlers)));
    server->m_listener = unix_socket::listen_at(*address);
    if (server->m_listener < 0)
        return fail(Failure::Kind::refused, fmt::format("cannot bind {}: {}", address->string(), std::strerror(errno)));
    server->m_rest = std::make_unique<Timer>(loop, [self = server.get()] { self->watch_listener(); });
    server->m_knock = event_new(loop.base(), server->m_listener, EV_READ | EV_PERSIST, &Server::on_knock, server.get());
    ASSERT(server->m_knock != nullptr && event_add(server->m_knock, nullptr) == 0);
    return server;
}

Server::~Server() {
    if (m_knock != nullptr) event_free(m_knock);
    if (m_listener >= 0) unix_socket::close_listener(m_listener, m_path);
}

void Server::on_knock(int, short, void* self) { static_cast<Server*>(self)->accept_all(); }

// Beyond the bound they wait in the kernel until another goes.
void Server::accept_all() {
    while (peers() < kPeersMax || end_one_shut_out()) {
        const int fd = unix_socket::accept_one(m_listener);
        if (fd >= 0) {
            while (find_peer(++m_last_peer) != nullptr) {}
            connected(add_peer(m_last_peer), fd);
            continue;
        }
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
        log::warn("{}: cannot accept a connection: {}", m_path.string(), std::strerror(errno));
        event_del(m_knock);
        return m_rest->once(kRest_ms);
    }
    log::warn("{}: no more than {} connections", m_path.string(), peers());
    event_del(m_knock);
}

void Server::watch_listener() { event_add(m_knock, nullptr); }

void Server::ended(Peer& peer) {
    remove_peer(peer.id);
    watch_listener();
}

void Server::close_peer(PeerId id) {
    Peer* peer = find_peer(id);
    if (peer == nullptr) return;
    peer->shut_out = true;
    peer->out.clear();
}

// --- the client ---------------------------------------------------------------------------------------------------

Client::Client(Loop& loop, Context& context, std::filesystem::path path, Handlers handlers)
    : Endpoint(loop, context, std::move(path), std::move(handlers)),
      m_retry(loop, [this] { try_to_connect(); }),
      m_retry_ms(kReconnect_ms) {
    add_peer(kServer);
}

Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::connect(Loop& loop, Context& context, const std::filesystem::path& path, Handlers handlers) {
    auto address = checked_address(path);
    if (!address) return tl::unexpected(address.error());
    std::unique_ptr<Client> client(new Client(loop, context, *address, std::move(handlers)));
    client->try_to_connect();
    return client;
}

void Client::try_to_connect() {
    const int fd = unix_socket::connect_to(m_path);
    if (fd < 0) {
        m_retry.once(m_retry_ms);
        m_retry_ms = std::min(2 * m_retry_ms, kReconnectMax_ms);
        return;
    }
    connected(*find_peer(kServer), fd);
}

// A server that says nothing before it closes is not asked as often as one that was there.
void Client::ended(Peer& peer) {
    m_retry_ms = peer.heard ? kReconnect_ms : std::min(2 * m_retry_ms, kReconnectMax_ms);
    disconnect(peer);
    m_retry.once(m_retry_ms);
}

}  // namespace giro::bus
