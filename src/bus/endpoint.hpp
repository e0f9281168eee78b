// The two ends of a Unix-domain ZeroMQ connection: Server (ROUTER, bound) and Client (DEALER, connected).
// Both batch: what is sent in one turn of the loop leaves as one message per peer. Both drain everything readable per
// wake and then call `drained` once, which is where a program acts on what it gathered.
//
// The path of an endpoint is its caller's identity: run/<server>.<caller>, in a folder that only the two may enter.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "bus/loop.hpp"
#include "bus/record.hpp"
#include "giro/result.hpp"

namespace giro::bus {

// The process's ZeroMQ context: one I/O thread. Destroy after every endpoint.
class Context {
  public:
    Context();
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    [[nodiscard]] void* handle() noexcept { return m_handle; }

  private:
    void* m_handle;
};

using PeerId = std::uint32_t;  // ROUTER's own number for a connected client; never reused while it is connected

struct Handlers {
    std::function<void(PeerId, const Record&)> record;  // the record's body is valid during the call only
    std::function<void()> drained;                      // optional; after the last record of a wake
    std::function<void(PeerId)> malformed;              // optional; a batch of this peer did not parse and was dropped
};

// A ZeroMQ socket on the loop; the common part of Server and Client.
//
// Batches may hold card data: they are overwritten here once they were handed over or taken in. libzmq's own buffers are
// beyond reach: 8,192 bytes per connection and direction at each end, of which a message overwrites as much as it is long.
// So a connection that was written to gets a filler after kFiller_ms, which takes up all of both.
class Endpoint {
  public:
    virtual ~Endpoint();
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;
    // Batches that could not leave because the other side's queue is full and were dropped.
    [[nodiscard]] std::uint64_t dropped() const noexcept { return m_dropped; }
    // What was sent leaves now, rather than at the end of the turn: for whoever goes on to something long, while the
    // other side could be at work already.
    void flush();

  protected:
    Endpoint(Loop& loop, Context& context, std::string address, Handlers handlers);
    Result<void> open(int socket_type, bool bind);
    void close() noexcept;
    void queue(PeerId peer, const Record& record);
    void shut_out(PeerId peer);
    bool is_router() const noexcept { return m_router; }
    std::string m_address;

  private:
    Loop& m_loop;
    Context& m_context;
    Handlers m_handlers;
    void* m_socket = nullptr;
    event* m_readable = nullptr;
    bool m_router = false;
    bool m_flush_pending = false;
    std::uint64_t m_dropped = 0;
    std::map<PeerId, Buffer> m_outgoing;
    Buffer m_spare;  // empty: memory of a batch that has left, for the next
    std::set<PeerId> m_written_to;  // since the last filler
    Timer m_filler;
    std::set<PeerId> m_shut_out;  // at most kShutOutMax, the latest
    static void readable(int, short, void* self);
    void drain();
    bool receive_one();
    void deliver(PeerId peer, Bytes batch);
    void flush_peer(PeerId peer, Buffer& batch);
    [[nodiscard]] bool send_batch(PeerId peer, Bytes batch);
    void send_fillers();
    void wake_if_readable();
};

class Server final : public Endpoint {
  public:
    // Failure when the path is too long for a Unix socket (107 bytes) or cannot be bound.
    [[nodiscard]] static Result<std::unique_ptr<Server>> bind(Loop&, Context&, const std::filesystem::path&, Handlers);
    void send(PeerId peer, const Record& record) { queue(peer, record); }
    // Nothing more is taken from or sent to this peer: what happens to a caller that broke the rules. It has to
    // connect anew. (ZeroMQ 4.3 cannot cut one ROUTER connection, and rebinding an ipc path races with its own unlink.)
    void close_peer(PeerId peer);

  private:
    using Endpoint::Endpoint;
};

class Client final : public Endpoint {
  public:
    // Connects now or later: ZeroMQ keeps trying, and keeps what was sent meanwhile, up to its bound.
    [[nodiscard]] static Result<std::unique_ptr<Client>> connect(Loop&, Context&, const std::filesystem::path&, Handlers);
    void send(const Record& record) { queue(0, record); }

  private:
    using Endpoint::Endpoint;
};

// For the command line and for programs that may wait: one request, one reply, no loop.
class SyncClient {
  public:
    [[nodiscard]] static Result<SyncClient> connect(const std::filesystem::path& path);
    SyncClient(SyncClient&& other) noexcept;
    SyncClient& operator=(SyncClient&&) = delete;
    ~SyncClient();

    struct Reply {
        Status status = Status::ok;
        Buffer body;
    };
    // Sends and waits. Failure::try_again when no answer came in time.
    [[nodiscard]] Result<Reply> call(std::uint16_t type, Bytes body, std::uint64_t timeout_ms = 5000);

  private:
    SyncClient(std::unique_ptr<Context> context, void* socket, std::string address);
    std::unique_ptr<Context> m_context;
    void* m_socket;
    std::string m_address;
    std::uint64_t m_next = 1;
};

}  // namespace giro::bus
