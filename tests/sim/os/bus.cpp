// The bus's sockets over the World: what src/bus/unix_socket.hpp asks of the system. A connection never reorders and
// never loses a byte in the middle; it takes and gives any number of bytes at a time, is slow or held up, and when a
// program is killed it breaks off at any byte.
#include "tests/sim/os/bus.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "bus/unix_socket.hpp"
#include "giro/result.hpp"

using namespace giro;
using namespace giro::sim;

namespace {
constexpr std::size_t kSocketBufferBytes = std::size_t{208} << 10;  // Linux's own default
constexpr std::uint64_t kPartitionPoll_ns = 20 * kMillisecond;
constexpr std::uint32_t kPieceOneIn = 8;  // of so many reads, writes and deliveries one does only a part

World& world() {
    return *World::now();
}
BusFaults g_faults;

struct End;

// A connection: its client is end 0, its server end 1.
struct Pair {
    struct Way {  // to the end of the same number
        Buffer bytes;
        bool ending = false;  // after the bytes, the end
        bool planned = false;
    };
    std::string path;
    std::array<End*, 2> ends{};
    std::array<bool, 2> closed{};
    std::array<Way, 2> ways;
};

struct Socket : Descriptor {
    int fd = -1;
    Process* owner = world().current();
    std::uint64_t life = 0;
    bool waited_for = false;
    Socket() {
        ASSERT(owner != nullptr);
        life = owner->incarnation;
        fd = add_descriptor(this);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() override { remove_descriptor(fd); }
    [[nodiscard]] bool ghost() const { return !owner->alive || owner->incarnation != life; }
    void changed() {
        if (waited_for) world().wake(*owner);
        descriptor_changed(fd);
    }
};

struct End final : Socket {
    std::shared_ptr<Pair> pair;
    std::size_t number = 0;
    Buffer in;
    bool ended = false;
    [[nodiscard]] std::size_t other() const { return 1 - number; }
    [[nodiscard]] std::size_t room() const {
        const End* to = pair->ends[other()];
        const std::size_t used = pair->ways[other()].bytes.size() + (to == nullptr ? 0 : to->in.size());
        return used >= kSocketBufferBytes ? 0 : kSocketBufferBytes - used;
    }
    [[nodiscard]] bool readable() const override { return !in.empty() || ended; }
    [[nodiscard]] bool writable() const override { return room() > 0 || pair->closed[other()]; }
};

struct Listener final : Socket {
    std::string path;
    std::deque<std::shared_ptr<Pair>> waiting;
    [[nodiscard]] bool readable() const override { return !waiting.empty(); }
};

std::map<std::string, Listener*> g_bound;

End* find_end(int fd) {
    return dynamic_cast<End*>(find_descriptor(fd));
}

std::uint64_t latency() {
    std::uint64_t ns = 5 * kMicrosecond + world().random.below(60 * kMicrosecond);
    if (g_faults.slow_one_in != 0 && world().random.one_in(g_faults.slow_one_in)) {
        ns += world().random.below(g_faults.slow_max_ns);
        ++g_faults.slowed;
    }
    return ns;
}

// All of it, or now and then a part.
std::size_t piece(std::size_t bytes) {
    return bytes > 1 && world().random.one_in(kPieceOneIn) ? 1 + world().random.below(bytes) : bytes;
}

void deliver(const std::shared_ptr<Pair>& pair, std::size_t to);

void plan(const std::shared_ptr<Pair>& pair, std::size_t to, std::uint64_t after_ns) {
    Pair::Way& way = pair->ways[to];
    if (way.planned || (way.bytes.empty() && !way.ending)) return;
    way.planned = true;
    world().at(after_ns, [pair, to] { deliver(pair, to); });
}

bool partitioned(const Pair& pair) {
    return std::ranges::any_of(g_faults.partitioned,
                               [&](const std::string& name) { return pair.path.ends_with(name); });
}

void deliver(const std::shared_ptr<Pair>& pair, std::size_t to) {
    Pair::Way& way = pair->ways[to];
    way.planned = false;
    if (partitioned(*pair)) return plan(pair, to, kPartitionPoll_ns);
    End* end = pair->ends[to];
    if (end == nullptr) return;  // not accepted yet, or closed
    const auto size = static_cast<std::ptrdiff_t>(piece(way.bytes.size()));
    end->in.insert(end->in.end(), way.bytes.begin(), way.bytes.begin() + size);
    way.bytes.erase(way.bytes.begin(), way.bytes.begin() + size);
    world().mix(static_cast<std::uint64_t>(size) * 2 + to);
    if (way.ending && way.bytes.empty()) {
        way.ending = false;
        end->ended = true;
    }
    plan(pair, to, latency());
    end->changed();
}

End* make_end(const std::shared_ptr<Pair>& pair, std::size_t number) {
    auto* end = new End;
    end->pair = pair;
    end->number = number;
    pair->ends[number] = end;
    return end;
}

// End `of` is no more: the other one reads what is on its way and then the end.
void close_end(const std::shared_ptr<Pair>& pair, std::size_t of) {
    pair->ends[of] = nullptr;
    pair->closed[of] = true;
    pair->ways[of] = {};
    pair->ways[1 - of].ending = true;
    plan(pair, 1 - of, latency());
    if (End* other = pair->ends[1 - of]; other != nullptr) other->changed();
}

// At the listener, if there still is one.
void knock(const std::shared_ptr<Pair>& pair) {
    const auto listener = g_bound.find(pair->path);
    if (listener == g_bound.end()) return close_end(pair, 1);
    listener->second->waiting.push_back(pair);
    listener->second->changed();
}
}  // namespace

namespace giro::sim {
BusFaults& bus_faults() {
    return g_faults;
}
void reset_bus() {
    ASSERT(g_bound.empty());
    g_faults = {};
}
}  // namespace giro::sim

namespace giro::bus::unix_socket {

int listen_at(const std::filesystem::path& path) noexcept {
    auto* listener = new Listener;
    listener->path = path.string();
    g_bound[listener->path] = listener;
    return listener->fd;
}

int connect_to(const std::filesystem::path& path) noexcept {
    const Process* self = world().current();
    ASSERT(self != nullptr);
    errno = ECONNREFUSED;
    if (!self->alive || !g_bound.contains(path.string())) return -1;
    auto pair = std::make_shared<Pair>();
    pair->path = path.string();
    world().at(latency(), [pair] { knock(pair); });
    return make_end(pair, 0)->fd;
}

int accept_one(int fd) noexcept {
    auto* listener = dynamic_cast<Listener*>(find_descriptor(fd));
    errno = EAGAIN;
    if (listener == nullptr || listener->ghost() || listener->waiting.empty()) return -1;
    const auto pair = std::move(listener->waiting.front());
    listener->waiting.pop_front();
    const End* end = make_end(pair, 1);
    plan(pair, 1, latency());
    return end->fd;
}

Moved read(int fd, MutableBytes into) noexcept {
    End* end = find_end(fd);
    if (end == nullptr || end->ghost()) return {Moved::Status::blocked, 0};
    if (end->in.empty()) return {end->ended ? Moved::Status::ended : Moved::Status::blocked, 0};
    const std::size_t size = piece(std::min(into.size(), end->in.size()));
    std::memcpy(into.data(), end->in.data(), size);
    end->in.erase(end->in.begin(), end->in.begin() + static_cast<std::ptrdiff_t>(size));
    if (End* other = end->pair->ends[end->other()]; other != nullptr) other->changed();
    return {Moved::Status::ok, size};
}

Moved write(int fd, Bytes head, Bytes body) noexcept {
    End* end = find_end(fd);
    Buffer all(head.begin(), head.end());
    all.insert(all.end(), body.begin(), body.end());
    if (end == nullptr || end->ghost()) return {Moved::Status::ok, all.size()};
    if (end->pair->closed[end->other()]) return {Moved::Status::ended, 0};
    const std::size_t size = piece(std::min(all.size(), end->room()));
    if (size == 0) return {Moved::Status::blocked, 0};
    Buffer& out = end->pair->ways[end->other()].bytes;
    out.insert(out.end(), all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size));
    plan(end->pair, end->other(), latency());
    return {Moved::Status::ok, size};
}

void wait(int fd, Until what, std::uint64_t timeout_ms) noexcept {
    const std::uint64_t deadline_ns = world().time_ns() + timeout_ms * kMillisecond;
    const auto ready = [&](const End& end) { return what == Until::readable ? end.readable() : end.writable(); };
    End* end = find_end(fd);
    if (end == nullptr) return world().block(deadline_ns);
    if (end->ghost() || ready(*end)) return;
    end->waited_for = true;
    world().block(deadline_ns);
    end->waited_for = false;
}

void close(int fd) noexcept {
    End* end = find_end(fd);
    if (end == nullptr) return;
    // Killed: with a part of what it had to say, cut off at any byte.
    if (Buffer& out = end->pair->ways[end->other()].bytes; end->ghost() && !out.empty())
        out.resize(world().random.below(out.size() + 1));
    close_end(end->pair, end->number);
    delete end;
}

void close_listener(int fd, const std::filesystem::path& path) noexcept {
    auto* listener = dynamic_cast<Listener*>(find_descriptor(fd));
    if (listener == nullptr) return;
    if (const auto bound = g_bound.find(path.string()); bound != g_bound.end() && bound->second == listener)
        g_bound.erase(bound);
    for (const auto& pair : listener->waiting) close_end(pair, 1);
    delete listener;
}

}  // namespace giro::bus::unix_socket
