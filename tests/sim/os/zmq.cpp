// The part of ZeroMQ that the product uses, over the World: ROUTER and DEALER over ipc, whole messages, one queue per
// connection and direction, reconnecting by itself. As with the real one, what was on its way when a process died may
// be lost: of a connection's messages a first part still arrives.
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "giro/result.hpp"
#include "tests/sim/os/bus.hpp"

using namespace giro;
using namespace giro::sim;

namespace {
using Bytes_ = std::vector<std::byte>;

struct Socket;
constexpr std::uint64_t kPartitionPoll_ns = 20 * kMillisecond;

// One direction of a connection.
struct Pipe {
    std::deque<Bytes_> messages;  // on their way
    bool delivering = false;
};

struct Connection {
    std::uint32_t id = 0;      // the server's number for it; 0 while there is none
    Socket* client = nullptr;  // null: closed
    Socket* server = nullptr;  // null: not connected now
    Pipe up, down;
    std::uint64_t stalled_until_ns = 0;
};

struct Received {
    std::uint32_t peer;
    Bytes_ bytes;
};

struct Socket final : Descriptor {
    bool router = false;
    Process* owner = nullptr;
    std::uint64_t life = 0;
    int fd = -1;
    std::string address;
    std::shared_ptr<Connection> connection;                        // DEALER
    std::map<std::uint32_t, std::shared_ptr<Connection>> clients;  // ROUTER
    std::deque<Received> in;
    std::optional<std::uint32_t> sending_to;  // between the two parts
    std::optional<Bytes_> second_part;        // of what is being received
    bool polled = false;
    [[nodiscard]] bool readable() const override { return !in.empty() || second_part.has_value(); }
};

std::map<std::string, Socket*> g_bound;
std::uint32_t g_next_peer = 1;

World& world() {
    return *World::now();
}
BusFaults g_faults;

void arrived(Socket& socket) {
    if (socket.polled && socket.owner != nullptr) world().wake(*socket.owner);
    descriptor_changed(socket.fd);
}

std::uint64_t latency() {
    std::uint64_t ns = 5 * kMicrosecond + world().random.below(60 * kMicrosecond);
    if (g_faults.slow_one_in != 0 && world().random.one_in(g_faults.slow_one_in)) {
        ns += world().random.below(g_faults.slow_max_ns);
        ++g_faults.slowed;
    }
    return ns;
}

void deliver(const std::shared_ptr<Connection>& c, bool up);

bool partitioned(const Socket& end) {
    return std::ranges::any_of(g_faults.partitioned,
                               [&](const std::string& name) { return end.address.ends_with(name); });
}

void plan_delivery(const std::shared_ptr<Connection>& c, bool up) {
    Pipe& pipe = up ? c->up : c->down;
    if (pipe.delivering || pipe.messages.empty()) return;
    pipe.delivering = true;
    world().at(latency(), [c, up] { deliver(c, up); });
}

// Every message that is there now: they were written together.
void deliver(const std::shared_ptr<Connection>& c, bool up) {
    Pipe& pipe = up ? c->up : c->down;
    pipe.delivering = false;
    Socket* const to = up ? c->server : c->client;
    if (to != nullptr && partitioned(*to)) {
        pipe.delivering = true;
        world().at(kPartitionPoll_ns, [c, up] { deliver(c, up); });
        return;
    }
    if (to == nullptr) return;  // a client's waits for a server; a server's for a client that is gone is dropped
    while (!pipe.messages.empty()) {
        world().mix(pipe.messages.front().size() * 2 + (up ? 1 : 0));
        to->in.push_back({c->id, std::move(pipe.messages.front())});
        pipe.messages.pop_front();
    }
    arrived(*to);
}

void try_to_connect(const std::shared_ptr<Connection>& c) {
    if (c->client == nullptr || c->server != nullptr) return;
    const auto bound = g_bound.find(c->client->address);
    if (bound == g_bound.end()) {
        world().at(20 * kMillisecond + world().random.below(100 * kMillisecond), [c] { try_to_connect(c); });
        return;
    }
    c->server = bound->second;
    c->id = g_next_peer++;
    c->server->clients[c->id] = c;
    plan_delivery(c, true);
}

void close_client(Socket& socket) {
    const auto c = std::move(socket.connection);
    if (c == nullptr) return;
    c->client = nullptr;
    c->down.messages.clear();
    const bool clean = socket.owner->alive && socket.owner->incarnation == socket.life;
    // Killed: what lies in the kernel's buffer still arrives, what lies in the library's does not.
    if (!clean && !c->up.messages.empty()) c->up.messages.resize(world().random.below(c->up.messages.size() + 1));
    if (c->server == nullptr) return;
    world().at(kMillisecond, [c] {
        if (c->server != nullptr) c->server->clients.erase(c->id);
        c->server = nullptr;
    });
}

void close_server(Socket& socket) {
    if (!socket.address.empty()) g_bound.erase(socket.address);
    const bool clean = socket.owner->alive && socket.owner->incarnation == socket.life;
    for (auto& [id, c] : socket.clients) {
        c->server = nullptr;
        c->up.messages.clear();  // written to a socket that nobody reads any more
        if (!clean && !c->down.messages.empty())
            c->down.messages.resize(world().random.below(c->down.messages.size() + 1));
        world().at(20 * kMillisecond + world().random.below(50 * kMillisecond), [c = c] {
            c->down.messages.clear();
            try_to_connect(c);
        });
    }
}

bool ghost(const Socket& socket) {
    return !socket.owner->alive || socket.owner->incarnation != socket.life;
}

struct Message {
    Bytes_* bytes;
    bool more;
};
static_assert(sizeof(Message) <= sizeof(zmq_msg_t));
Message& message_of(zmq_msg_t* m) {
    return *reinterpret_cast<Message*>(m);
}
Message& message_of(const zmq_msg_t* m) {
    return message_of(const_cast<zmq_msg_t*>(m));
}
}  // namespace

namespace giro::sim {
BusFaults& bus_faults() {
    return g_faults;
}
void reset_bus() {
    ASSERT(g_bound.empty());
    g_next_peer = 1;
    g_faults = {};
}
}  // namespace giro::sim

extern "C" {
void* zmq_ctx_new(void) {
    return new int(0);
}
int zmq_ctx_set(void*, int, int) {
    return 0;
}
int zmq_ctx_term(void* context) {
    delete static_cast<int*>(context);
    return 0;
}
const char* zmq_strerror(int error) {
    return std::strerror(error);
}

void* zmq_socket(void*, int type) {
    auto* socket = new Socket;
    socket->router = type == ZMQ_ROUTER;
    socket->owner = world().current();
    ASSERT(socket->owner != nullptr);
    socket->life = socket->owner->incarnation;
    socket->fd = add_descriptor(socket);
    return socket;
}

int zmq_bind(void* s, const char* address) {
    auto& socket = *static_cast<Socket*>(s);
    // As ipc does: a path that is in use is taken over.
    g_bound[address] = &socket;
    socket.address = address;
    return 0;
}

int zmq_connect(void* s, const char* address) {
    auto& socket = *static_cast<Socket*>(s);
    socket.address = address;
    socket.connection = std::make_shared<Connection>();
    socket.connection->client = &socket;
    world().at(world().random.below(kMillisecond), [c = socket.connection] { try_to_connect(c); });
    return 0;
}

int zmq_close(void* s) {
    auto* socket = static_cast<Socket*>(s);
    if (socket->router)
        close_server(*socket);
    else
        close_client(*socket);
    remove_descriptor(socket->fd);
    delete socket;
    return 0;
}

int zmq_setsockopt(void*, int, const void*, size_t) {
    return 0;
}

int zmq_getsockopt(void* s, int option, void* value, size_t* size) {
    auto& socket = *static_cast<Socket*>(s);
    ASSERT(*size == sizeof(int) && (option == ZMQ_FD || option == ZMQ_EVENTS));
    const int answer = option == ZMQ_FD ? socket.fd : (socket.readable() ? ZMQ_POLLIN : 0) | ZMQ_POLLOUT;
    std::memcpy(value, &answer, sizeof answer);
    return 0;
}

int zmq_send(void* s, const void* data, size_t size, int flags) {
    auto& socket = *static_cast<Socket*>(s);
    const auto* first = static_cast<const std::byte*>(data);
    if (ghost(socket)) return static_cast<int>(size);
    if (socket.router && !socket.sending_to) {
        ASSERT((flags & ZMQ_SNDMORE) != 0 && size == 5);
        std::uint32_t id = 0;
        for (std::size_t i = 1; i < 5; ++i) id = id << 8 | std::to_integer<std::uint32_t>(first[i]);
        socket.sending_to = id;
        return static_cast<int>(size);
    }
    std::shared_ptr<Connection> c = socket.connection;
    if (socket.router) {
        const auto client = socket.clients.find(*socket.sending_to);
        socket.sending_to.reset();
        if (client == socket.clients.end() || client->second->client == nullptr) return static_cast<int>(size);  // gone
        c = client->second;
    }
    Pipe& pipe = socket.router ? c->down : c->up;
    if (pipe.messages.size() >= kBusQueueMax) {
        errno = EAGAIN;
        return -1;
    }
    pipe.messages.emplace_back(first, first + size);
    if (socket.router || c->server != nullptr) plan_delivery(c, !socket.router);
    return static_cast<int>(size);
}

int zmq_msg_init(zmq_msg_t* m) {
    message_of(m) = {nullptr, false};
    return 0;
}
int zmq_msg_close(zmq_msg_t* m) {
    delete message_of(m).bytes;
    message_of(m).bytes = nullptr;
    return 0;
}
void* zmq_msg_data(zmq_msg_t* m) {
    return message_of(m).bytes->data();
}
size_t zmq_msg_size(const zmq_msg_t* m) {
    return message_of(m).bytes == nullptr ? 0 : message_of(m).bytes->size();
}
int zmq_msg_more(const zmq_msg_t* m) {
    return message_of(m).more ? 1 : 0;
}

int zmq_msg_recv(zmq_msg_t* m, void* s, int) {
    auto& socket = *static_cast<Socket*>(s);
    zmq_msg_close(m);
    if (!socket.readable()) {
        errno = EAGAIN;
        return -1;
    }
    if (socket.second_part) {
        message_of(m) = {new Bytes_(std::move(*socket.second_part)), false};
        socket.second_part.reset();
    } else {
        Received next = std::move(socket.in.front());
        socket.in.pop_front();
        if (socket.router) {
            socket.second_part = std::move(next.bytes);
            Bytes_ id(5);
            for (std::size_t i = 1; i < 5; ++i) id[i] = static_cast<std::byte>(next.peer >> (8 * (4 - i)));
            message_of(m) = {new Bytes_(std::move(id)), true};
        } else {
            message_of(m) = {new Bytes_(std::move(next.bytes)), false};
        }
    }
    return static_cast<int>(zmq_msg_size(m));
}

int zmq_poll(zmq_pollitem_t* items, int count, long timeout_ms) {
    ASSERT(count == 1 && timeout_ms >= 0);
    auto& socket = *static_cast<Socket*>(items->socket);
    if (!socket.readable() && !ghost(socket)) {
        socket.polled = true;
        world().block(world().time_ns() + static_cast<std::uint64_t>(timeout_ms) * kMillisecond);
        socket.polled = false;
    }
    items->revents = socket.readable() ? ZMQ_POLLIN : short{0};
    return socket.readable() ? 1 : 0;
}
}
