#include "tests/sim/os/network.hpp"

#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "giro/result.hpp"

using namespace giro;
using namespace giro::sim;

namespace giro::sim {

namespace {
constexpr std::size_t kSocketBufferBytes = std::size_t{256} << 10;
constexpr std::uint64_t kRetransmit_ns = 200 * kMillisecond;
constexpr std::uint64_t kPartitionPoll_ns = 50 * kMillisecond;
constexpr std::uint16_t kFirstFreePort = 50'000;

World& world() {
    return *World::now();
}

NetworkFaults g_faults;
std::map<std::string, AcceptActor> g_served;
std::set<Stream*> g_streams;
std::uint16_t g_next_source = 20'000;

struct Socket;
}  // namespace

// Bytes under way in one direction.
struct Direction {
    Buffer bytes;
    bool ending = false;  // after the bytes, the end
    bool planned = false;
};

class Stream : public std::enable_shared_from_this<Stream> {
  public:
    std::string address;  // of the side that was connected to
    Socket* socket = nullptr;
    StreamEvents actor;
    bool actor_open = false;
    bool broken = false;  // by cut(); a socket that is accepted later hears of it then
    Direction to_socket, to_actor;

    Stream() { g_streams.insert(this); }
    ~Stream() { g_streams.erase(this); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    void plan(bool to_actor_side);
    void deliver(bool to_actor_side);
    void actor_closed();
    void cut();
};

namespace {
struct Socket final : Descriptor {
    int fd = -1;
    Process* owner = nullptr;
    std::uint64_t life = 0;
    std::shared_ptr<Stream> stream;
    std::string peer;
    Buffer in;
    bool connected = false;
    bool refused = false;
    bool ended = false;  // the other side's end was reached
    bool reset = false;
    [[nodiscard]] bool readable() const override { return !in.empty() || ended || reset; }
    [[nodiscard]] bool writable() const override { return connected || refused || reset; }
};

Socket* find_socket(int fd) {
    return dynamic_cast<Socket*>(find_descriptor(fd));
}

bool ghost(const Socket& s) {
    return !s.owner->alive || s.owner->incarnation != s.life;
}

std::string text_of(const sockaddr* address) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    char host[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return fmt::format("{}:{}", host, ntohs(v4.sin_port));
}

sockaddr_in address_of(const std::string& text) {
    sockaddr_in v4{};
    const auto colon = text.rfind(':');
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
    inet_pton(AF_INET, text.substr(0, colon).c_str(), &v4.sin_addr);
    return v4;
}

int copy_address(const std::string& text, sockaddr* out, socklen_t* size) {
    const sockaddr_in v4 = address_of(text);
    std::memcpy(out, &v4, std::min<std::size_t>(*size, sizeof v4));
    *size = sizeof v4;
    return 0;
}

Socket* new_socket() {
    auto* s = new Socket;
    s->owner = world().current();
    ASSERT(s->owner != nullptr);
    s->life = s->owner->incarnation;
    s->fd = add_descriptor(s);
    return s;
}

std::uint64_t delay() {
    std::uint64_t ns = 20 * kMicrosecond + world().random.below(g_faults.latency_max_ns);
    if (g_faults.loss_percent != 0 && world().random.below(100) < g_faults.loss_percent) {
        ns += kRetransmit_ns + world().random.below(kRetransmit_ns);
        ++g_faults.delayed;
    }
    return ns;
}
}  // namespace

void Stream::plan(bool to_actor_side) {
    Direction& d = to_actor_side ? to_actor : to_socket;
    if (d.planned || (d.bytes.empty() && !d.ending)) return;
    d.planned = true;
    world().at(delay(), [self = shared_from_this(), to_actor_side] { self->deliver(to_actor_side); });
}

void Stream::deliver(bool to_actor_side) {
    Direction& d = to_actor_side ? to_actor : to_socket;
    d.planned = false;
    if (g_faults.partitioned.contains(address)) {
        d.planned = true;
        world().at(kPartitionPoll_ns, [self = shared_from_this(), to_actor_side] { self->deliver(to_actor_side); });
        return;
    }
    if (to_actor_side ? !actor_open : socket == nullptr) return;
    // In pieces: now and then only the first part.
    const std::size_t size =
        d.bytes.empty() || !world().random.one_in(4) ? d.bytes.size() : 1 + world().random.below(d.bytes.size());
    Buffer piece(d.bytes.begin(), d.bytes.begin() + static_cast<std::ptrdiff_t>(size));
    d.bytes.erase(d.bytes.begin(), d.bytes.begin() + static_cast<std::ptrdiff_t>(size));
    world().mix(size);
    const bool end = d.ending && d.bytes.empty();
    const auto self = shared_from_this();
    if (to_actor_side) {
        if (!piece.empty() && actor.received) actor.received(piece);
        if (end) actor_closed();
    } else if (!ghost(*socket)) {
        socket->in.insert(socket->in.end(), piece.begin(), piece.end());
        socket->ended = socket->ended || end;
        descriptor_changed(socket->fd);
    }
    if (end) d.ending = false;
    plan(to_actor_side);
}

void Stream::actor_closed() {
    if (!actor_open) return;
    actor_open = false;
    const auto closed = std::move(actor.closed);
    actor = {};
    if (closed) closed();
}

void Stream::cut() {
    const auto self = shared_from_this();
    to_actor = to_socket = {};
    broken = true;
    if (socket != nullptr && !socket->reset) {
        socket->reset = true;
        socket->in.clear();
        descriptor_changed(socket->fd);
    }
    world().at(0, [self] { self->actor_closed(); });
}

void ActorStream::send(Bytes bytes) {
    if (!open()) return;
    auto& out = m_stream->to_socket.bytes;
    out.insert(out.end(), bytes.begin(), bytes.end());
    m_stream->plan(false);
}

void ActorStream::close() {
    if (m_stream == nullptr) return;
    m_stream->to_socket.ending = true;
    m_stream->actor_open = false;
    m_stream->actor = {};
    m_stream->plan(false);
}

void ActorStream::cut() {
    if (m_stream == nullptr) return;
    ++g_faults.cut;
    m_stream->cut();
}

bool ActorStream::open() const {
    return m_stream != nullptr && m_stream->actor_open && m_stream->socket != nullptr;
}
}  // namespace giro::sim

// --- listeners of the product ----------------------------------------------------------------------------------------

struct evconnlistener final : Descriptor {
    int fd = -1;
    std::string address;
    evconnlistener_cb callback = nullptr;
    void* argument = nullptr;
    event* wake = nullptr;
    bool enabled = true;
    std::deque<std::shared_ptr<Stream>> waiting;
    [[nodiscard]] bool readable() const override { return enabled && !waiting.empty(); }
    static void accept_all(int, short, void* self);
};

namespace {
std::map<std::string, evconnlistener*> g_listeners;
std::uint16_t g_next_free_port = kFirstFreePort;
}  // namespace

void evconnlistener::accept_all(int, short, void* raw) {
    auto& self = *static_cast<evconnlistener*>(raw);
    while (self.enabled && !self.waiting.empty()) {
        const auto stream = self.waiting.front();
        self.waiting.pop_front();
        Socket* s = new_socket();
        s->stream = stream;
        s->peer = fmt::format("127.0.0.1:{}", g_next_source++);
        if (g_next_source < 20'000) g_next_source = 20'000;
        s->connected = true;
        stream->socket = s;
        s->reset = stream->broken;
        stream->plan(false);  // an end that came before
        world().at(delay(), [stream] {
            if (stream->actor_open && stream->actor.opened) stream->actor.opened();
        });
        sockaddr_in from = address_of(s->peer);
        self.callback(&self, s->fd, reinterpret_cast<sockaddr*>(&from), sizeof from, self.argument);
    }
}

namespace giro::sim {
NetworkFaults& network_faults() {
    return g_faults;
}

void reset_network() {
    ASSERT(g_streams.empty() && g_listeners.empty());
    g_served.clear();
    g_faults = {};
    g_next_source = 20'000;
    g_next_free_port = kFirstFreePort;
}

void serve_at(const std::string& address, AcceptActor accept) {
    g_served[address] = std::move(accept);
}

std::shared_ptr<ActorStream> connect_to(const std::string& address, StreamEvents events) {
    auto stream = std::make_shared<Stream>();
    auto end = std::make_shared<ActorStream>(stream);
    stream->address = address;
    stream->actor = std::move(events);
    stream->actor_open = true;
    world().at(delay(), [stream, address] {
        const auto listener = g_listeners.find(address);
        if (listener == g_listeners.end() || g_faults.partitioned.contains(address)) return stream->actor_closed();
        listener->second->waiting.push_back(stream);
        descriptor_changed(listener->second->fd);
    });
    return end;
}

void cut_all(const std::string& address) {
    std::vector<std::shared_ptr<Stream>> all;
    for (Stream* s : g_streams)
        if (s->address == address) all.push_back(s->shared_from_this());
    // In an order that is the same in every run: that of the sockets.
    std::ranges::sort(all, {}, [](const auto& s) { return s->socket == nullptr ? -1 : s->socket->fd; });
    for (const auto& s : all) {
        ++g_faults.cut;
        s->cut();
    }
}
}  // namespace giro::sim

extern "C" {
evconnlistener* evconnlistener_new_bind(event_base* base, evconnlistener_cb callback, void* argument, unsigned, int,
                                        const sockaddr* address, int) {
    std::string text = text_of(address);
    if (text.ends_with(":0")) text = text.substr(0, text.size() - 1) + std::to_string(g_next_free_port++);
    if (g_listeners.contains(text)) {
        errno = EADDRINUSE;
        return nullptr;
    }
    auto* listener = new evconnlistener;
    listener->fd = add_descriptor(listener);
    listener->address = text;
    listener->callback = callback;
    listener->argument = argument;
    g_listeners[text] = listener;
    listener->wake = event_new(base, listener->fd, EV_READ | EV_PERSIST, &evconnlistener::accept_all, listener);
    event_add(listener->wake, nullptr);
    return listener;
}
void evconnlistener_free(evconnlistener* listener) {
    g_listeners.erase(listener->address);
    for (const auto& stream : listener->waiting) world().at(0, [stream] { stream->actor_closed(); });
    event_free(listener->wake);
    remove_descriptor(listener->fd);
    delete listener;
}
evutil_socket_t evconnlistener_get_fd(evconnlistener* listener) {
    return listener->fd;
}
void evconnlistener_set_error_cb(evconnlistener*, evconnlistener_errorcb) {}
int evconnlistener_enable(evconnlistener* listener) {
    listener->enabled = true;
    descriptor_changed(listener->fd);
    return 0;
}
int evconnlistener_disable(evconnlistener* listener) {
    listener->enabled = false;
    return 0;
}

// --- sockets ---------------------------------------------------------------------------------------------------------

int socket(int domain, int type, int protocol) noexcept {
    if (World::now() == nullptr || World::now()->current() == nullptr)
        return static_cast<int>(::syscall(SYS_socket, domain, type, protocol));
    return new_socket()->fd;
}

int connect(int fd, const sockaddr* address, socklen_t size) {
    Socket* s = find_socket(fd);
    if (s == nullptr) return static_cast<int>(::syscall(SYS_connect, fd, address, size));
    auto stream = std::make_shared<Stream>();
    stream->address = text_of(address);
    stream->socket = s;
    s->stream = stream;
    s->peer = stream->address;
    world().at(delay(), [stream] {
        if (stream->socket == nullptr) return;
        const auto served = g_served.find(stream->address);
        if (served == g_served.end() || !served->second || g_faults.partitioned.contains(stream->address)) {
            stream->socket->refused = true;
            return descriptor_changed(stream->socket->fd);
        }
        auto end = std::make_shared<ActorStream>(stream);
        stream->actor_open = true;
        stream->socket->connected = true;
        stream->actor = served->second(end);
        descriptor_changed(stream->socket->fd);
        if (stream->actor.opened) stream->actor.opened();
    });
    errno = EINPROGRESS;
    return -1;
}

int getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept {
    const Socket* s = find_socket(fd);
    if (s == nullptr) return static_cast<int>(::syscall(SYS_getsockopt, fd, level, name, value, size));
    const int error = s->refused ? ECONNREFUSED : s->reset ? ECONNRESET : 0;
    std::memcpy(value, &error, sizeof error);
    return 0;
}

int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
    if (fd >= kFirstDescriptor) return 0;
    return static_cast<int>(::syscall(SYS_setsockopt, fd, level, name, value, size));
}

int getpeername(int fd, sockaddr* address, socklen_t* size) noexcept {
    const Socket* s = find_socket(fd);
    if (s != nullptr && s->connected) return copy_address(s->peer, address, size);
    errno = ENOTCONN;
    return -1;
}

int getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
    if (const auto* listener = dynamic_cast<evconnlistener*>(find_descriptor(fd)))
        return copy_address(listener->address, address, size);
    return static_cast<int>(::syscall(SYS_getsockname, fd, address, size));
}

ssize_t recv(int fd, void* out, size_t size, int flags) {
    Socket* s = find_socket(fd);
    if (s == nullptr) return ::syscall(SYS_recvfrom, fd, out, size, flags, nullptr, nullptr);
    if (s->reset) {
        errno = ECONNRESET;
        return -1;
    }
    if (s->in.empty()) {
        if (s->ended) return 0;
        errno = EAGAIN;
        return -1;
    }
    const std::size_t n = std::min(size, s->in.size());
    std::memcpy(out, s->in.data(), n);
    s->in.erase(s->in.begin(), s->in.begin() + static_cast<std::ptrdiff_t>(n));
    return static_cast<ssize_t>(n);
}

ssize_t send(int fd, const void* data, size_t size, int flags) {
    Socket* s = find_socket(fd);
    if (s == nullptr) return ::syscall(SYS_sendto, fd, data, size, flags, nullptr, 0);
    if (ghost(*s)) return static_cast<ssize_t>(size);
    if (s->reset || !s->connected) {
        errno = EPIPE;
        return -1;
    }
    Buffer& out = s->stream->to_actor.bytes;
    if (out.size() >= kSocketBufferBytes) {
        errno = EAGAIN;
        return -1;
    }
    const std::size_t n = std::min(size, kSocketBufferBytes - out.size());
    const auto* bytes = static_cast<const std::byte*>(data);
    out.insert(out.end(), bytes, bytes + n);
    s->stream->plan(true);
    return static_cast<ssize_t>(n);
}

int shutdown(int fd, int how) noexcept {
    Socket* s = find_socket(fd);
    if (s == nullptr) return static_cast<int>(::syscall(SYS_shutdown, fd, how));
    if (s->stream != nullptr && !ghost(*s)) {
        s->stream->to_actor.ending = true;
        s->stream->plan(true);
    }
    return 0;
}

int close(int fd) {
    if (fd < kFirstDescriptor) return static_cast<int>(::syscall(SYS_close, fd));
    Socket* s = find_socket(fd);
    if (s == nullptr) return 0;
    if (const auto stream = s->stream; stream != nullptr) {
        stream->socket = nullptr;
        stream->to_socket = {};
        if (ghost(*s)) {  // killed: the system resets what was open
            stream->to_actor.bytes.resize(world().random.below(stream->to_actor.bytes.size() + 1));
        }
        stream->to_actor.ending = true;
        stream->plan(true);
    }
    remove_descriptor(fd);
    delete s;
    return 0;
}
}
