#include "bus/endpoint.hpp"

#include <event2/event.h>
#include <sys/stat.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <fmt/format.h>

#include "util/bytes.hpp"
#include "util/log.hpp"
#include "util/secret.hpp"

namespace giro::bus {

namespace {
constexpr int kQueueMessagesMax = 4096;         // per direction and peer; then the sender is told to wait
constexpr int kDrainMessagesMax = 64;           // per wake, so that timers and other sockets get their turn
constexpr std::size_t kFlushBytes = 1U << 20;   // a batch this large leaves before the turn ends
constexpr std::size_t kUnixPathBytesMax = 107;  // sockaddr_un.sun_path less its zero
constexpr std::size_t kShutOutMax = 10'000;
constexpr int kReconnectMs = 20;
constexpr int kReconnectMaxMs = 500;
constexpr std::size_t kRoutingIdBytes = 5;  // libzmq's own routing ids: a zero byte and 32 bits
constexpr std::uint64_t kFiller_ms = 1000;
// libzmq's in_batch_size and out_batch_size. A filler is that long on the wire, whatever comes with it: what of the buffer
// other messages take up before it, its end overwrites in the next turn.
constexpr std::size_t kLibraryBufferBytes = 8192;
constexpr std::size_t kLongHeaderBytes = 9;  // ZMTP 3.1: flags, and a size of 64 bits
constexpr std::size_t kFillerBodyBytes = kLibraryBufferBytes - kLongHeaderBytes - kRecordHeaderBytes;

// Owns a zmq_msg_t for the time of one receive.
class Message {
  public:
    Message() { zmq_msg_init(&m_message); }
    // A small message lies in libzmq's receive buffer itself, which is used again.
    ~Message() {
        const std::size_t size = zmq_msg_size(&m_message);
        if (size != 0) wipe({static_cast<std::byte*>(zmq_msg_data(&m_message)), size});
        zmq_msg_close(&m_message);
    }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;
    [[nodiscard]] bool receive(void* socket) {
        int got = 0;
        do got = zmq_msg_recv(&m_message, socket, ZMQ_DONTWAIT);
        while (got < 0 && errno == EINTR);
        return got >= 0;
    }
    [[nodiscard]] Bytes bytes() {
        return {static_cast<const std::byte*>(zmq_msg_data(&m_message)), zmq_msg_size(&m_message)};
    }
    [[nodiscard]] bool more() { return zmq_msg_more(&m_message) != 0; }

  private:
    zmq_msg_t m_message;
};

void set_option(void* socket, int option, int value) { ASSERT(zmq_setsockopt(socket, option, &value, sizeof value) == 0); }

int get_events(void* socket) {
    int events = 0;
    std::size_t size = sizeof events;
    ASSERT(zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0);
    return events;
}

void set_common_options(void* socket) {
    set_option(socket, ZMQ_LINGER, 200);
    set_option(socket, ZMQ_SNDHWM, kQueueMessagesMax);
    set_option(socket, ZMQ_RCVHWM, kQueueMessagesMax);
    set_option(socket, ZMQ_RECONNECT_IVL, kReconnectMs);
    set_option(socket, ZMQ_RECONNECT_IVL_MAX, kReconnectMaxMs);
    const std::int64_t bytes_max = kBatchBytesMax;
    ASSERT(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &bytes_max, sizeof bytes_max) == 0);
}

Result<std::string> ipc_address(const std::filesystem::path& path) {
    const std::string text = std::filesystem::absolute(path).string();
    if (text.size() > kUnixPathBytesMax)
        return fail(Failure::Kind::config,
                    fmt::format("{}: longer than the {} bytes a Unix socket allows; use a shorter --dir", text, kUnixPathBytesMax));
    return "ipc://" + text;
}
}  // namespace

Context::Context() : m_handle(zmq_ctx_new()) {
    ASSERT(m_handle != nullptr);
    zmq_ctx_set(m_handle, ZMQ_IO_THREADS, 1);
}

Context::~Context() { zmq_ctx_term(m_handle); }

Endpoint::Endpoint(Loop& loop, Context& context, std::string address, Handlers handlers)
    : m_address(std::move(address)), m_loop(loop), m_context(context), m_handlers(std::move(handlers)),
      m_filler(loop, [this] { send_fillers(); }) {}

Endpoint::~Endpoint() { close(); }

Result<void> Endpoint::open(int socket_type, bool bind) {
    m_router = socket_type == ZMQ_ROUTER;
    m_socket = zmq_socket(m_context.handle(), socket_type);
    ASSERT(m_socket != nullptr);
    set_common_options(m_socket);
    if ((bind ? zmq_bind : zmq_connect)(m_socket, m_address.c_str()) != 0) {
        const std::string why = zmq_strerror(errno);
        close();
        return fail(Failure::Kind::refused, fmt::format("cannot {} {}: {}", bind ? "bind" : "connect", m_address, why));
    }
    int fd = -1;
    std::size_t size = sizeof fd;
    ASSERT(zmq_getsockopt(m_socket, ZMQ_FD, &fd, &size) == 0);
    m_readable = event_new(m_loop.base(), fd, EV_READ | EV_PERSIST, &Endpoint::readable, this);
    ASSERT(m_readable != nullptr && event_add(m_readable, nullptr) == 0);
    wake_if_readable();
    return {};
}

void Endpoint::close() noexcept {
    if (m_readable != nullptr) event_free(m_readable);
    if (m_socket != nullptr) zmq_close(m_socket);
    m_readable = nullptr;
    m_socket = nullptr;
}

void Endpoint::readable(int, short, void* self) { static_cast<Endpoint*>(self)->drain(); }

// ZMQ_FD is edge-triggered: after a send the state has to be asked for, or a wake is lost, since a send may have taken
// the signal of what had come meanwhile. A receive that finds nothing has looked for itself.
void Endpoint::wake_if_readable() {
    if (m_socket != nullptr && (get_events(m_socket) & ZMQ_POLLIN) != 0) event_active(m_readable, EV_READ, 0);
}

void Endpoint::drain() {
    int received = 0;
    bool more = true;
    while (received < kDrainMessagesMax && (more = receive_one())) ++received;
    if (received > 0 && m_handlers.drained) m_handlers.drained();
    if (more) wake_if_readable();
}

bool Endpoint::receive_one() {
    if (m_socket == nullptr) return false;
    PeerId peer = 0;
    bool known = true;
    Message part;
    if (!part.receive(m_socket)) return false;
    if (m_router) {
        known = part.bytes().size() == kRoutingIdBytes;  // a client that chose its own id is none of ours
        if (known) peer = load_be<std::uint32_t>(part.bytes().data() + 1);
        if (!part.more() || !part.receive(m_socket)) return true;
    }
    const bool single = !part.more();
    if (single && known) deliver(peer, part.bytes());
    while (part.more() && part.receive(m_socket)) {}
    return true;
}

void Endpoint::shut_out(PeerId peer) {
    // Peer ids only grow, so the smallest is the longest gone.
    if (m_shut_out.size() >= kShutOutMax) m_shut_out.erase(m_shut_out.begin());
    m_shut_out.insert(peer);
    m_outgoing.erase(peer);
}

void Endpoint::deliver(PeerId peer, Bytes batch) {
    RecordReader reader(batch);
    while (const auto record = reader.next()) {
        if (m_router && m_shut_out.contains(peer)) return;
        if (record->type == kFillerType) continue;
        m_handlers.record(peer, *record);
    }
    if (!reader.ok()) {
        log::warn("{}: a batch that does not parse was dropped", m_address);
        if (m_handlers.malformed) m_handlers.malformed(peer);
    }
}

void Endpoint::queue(PeerId peer, const Record& record) {
    if (m_router && m_shut_out.contains(peer)) return;
    Buffer& batch = m_outgoing[peer];
    if (batch.capacity() == 0) batch.swap(m_spare);
    append_record(batch, record);
    if (batch.size() >= kFlushBytes) {
        flush_peer(peer, batch);
        wake_if_readable();
    }
    if (m_flush_pending) return;
    m_flush_pending = true;
    m_loop.defer([this] {
        m_flush_pending = false;
        flush();
    });
}

void Endpoint::flush() {
    bool sent = false;
    for (auto& [peer, batch] : m_outgoing) {
        sent = sent || !batch.empty();
        flush_peer(peer, batch);
        if (m_router && m_spare.capacity() < batch.capacity() && batch.capacity() <= 2 * kFlushBytes) m_spare.swap(batch);
    }
    if (m_router) m_outgoing.clear();  // peers come and go
    if (sent) wake_if_readable();
}

void Endpoint::flush_peer(PeerId peer, Buffer& batch) {
    if (batch.empty() || m_socket == nullptr) return;
    if (!send_batch(peer, batch)) ++m_dropped;
    wipe(batch);
    batch.clear();
    if (m_written_to.empty()) m_filler.once(kFiller_ms);
    m_written_to.insert(peer);
}

bool Endpoint::send_batch(PeerId peer, Bytes batch) {
    if (m_router) {
        std::byte id[kRoutingIdBytes]{};
        store_be(id + 1, peer);
        if (zmq_send(m_socket, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return false;
    }
    return zmq_send(m_socket, batch.data(), batch.size(), ZMQ_DONTWAIT) >= 0;
}

void Endpoint::send_fillers() {
    static const Buffer kNothing(kFillerBodyBytes);
    Buffer filler;
    append_record(filler, {kFillerType, Status::ok, 0, kNothing});
    // One that cannot leave is not missed: the connection is gone, or its queue is full of messages.
    for (const PeerId peer : std::exchange(m_written_to, {}))
        if (m_socket != nullptr) static_cast<void>(send_batch(peer, filler));
    wake_if_readable();
}

Result<std::unique_ptr<Server>> Server::bind(Loop& loop, Context& context, const std::filesystem::path& path, Handlers handlers) {
    auto address = ipc_address(path);
    if (!address) return tl::unexpected(address.error());
    std::unique_ptr<Server> server(new Server(loop, context, *address, std::move(handlers)));
    if (auto opened = server->open(ZMQ_ROUTER, true); !opened) return tl::unexpected(opened.error());
    return server;
}

void Server::close_peer(PeerId peer) { shut_out(peer); }

Result<std::unique_ptr<Client>> Client::connect(Loop& loop, Context& context, const std::filesystem::path& path, Handlers handlers) {
    auto address = ipc_address(path);
    if (!address) return tl::unexpected(address.error());
    std::unique_ptr<Client> client(new Client(loop, context, *address, std::move(handlers)));
    if (auto opened = client->open(ZMQ_DEALER, false); !opened) return tl::unexpected(opened.error());
    return client;
}

Result<SyncClient> SyncClient::connect(const std::filesystem::path& path) {
    auto address = ipc_address(path);
    if (!address) return tl::unexpected(address.error());
    auto context = std::make_unique<Context>();
    void* socket = zmq_socket(context->handle(), ZMQ_DEALER);
    ASSERT(socket != nullptr);
    set_common_options(socket);
    if (zmq_connect(socket, address->c_str()) != 0) {
        zmq_close(socket);
        return fail(Failure::Kind::refused, fmt::format("cannot connect {}: {}", *address, zmq_strerror(errno)));
    }
    return SyncClient(std::move(context), socket, *address);
}

SyncClient::SyncClient(std::unique_ptr<Context> context, void* socket, std::string address)
    : m_context(std::move(context)), m_socket(socket), m_address(std::move(address)) {}

SyncClient::SyncClient(SyncClient&& other) noexcept
    : m_context(std::move(other.m_context)), m_socket(other.m_socket), m_address(std::move(other.m_address)), m_next(other.m_next) {
    other.m_socket = nullptr;
}

SyncClient::~SyncClient() {
    if (m_socket == nullptr) return;
    set_option(m_socket, ZMQ_LINGER, 0);
    zmq_close(m_socket);
}

Result<SyncClient::Reply> SyncClient::call(std::uint16_t type, Bytes body, std::uint64_t timeout_ms) {
    using Steady = std::chrono::steady_clock;
    const auto unanswered = [&] {
        return fail(Failure::Kind::try_again, fmt::format("no answer from {} within {} ms; is the box up? (giro status)", m_address, timeout_ms));
    };
    const std::uint64_t correlation = m_next++;
    Buffer batch;
    append_record(batch, {type, Status::ok, correlation, body});
    const auto deadline = Steady::now() + std::chrono::milliseconds(timeout_ms);
    if (zmq_send(m_socket, batch.data(), batch.size(), ZMQ_DONTWAIT) < 0) return unanswered();
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
        if (left <= 0) return unanswered();
        zmq_pollitem_t item{m_socket, 0, ZMQ_POLLIN, 0};
        if (zmq_poll(&item, 1, left) <= 0) continue;
        Message message;
        if (!message.receive(m_socket)) continue;
        RecordReader reader(message.bytes());
        while (const auto record = reader.next()) {
            if (record->correlation != correlation || record->type != type) continue;  // an earlier call that timed out
            return Reply{record->status, Buffer(record->body.begin(), record->body.end())};
        }
    }
}

}  // namespace giro::bus
