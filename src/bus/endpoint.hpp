// The two ends of a connection over a Unix-domain socket: Server (listens) and Client (connects, again and again).
// Both batch: what is sent in one turn of the loop leaves as one message per peer. Both take everything that has come per
// wake and then call `drained` once, which is where a program acts on what it gathered.
//
// A program has no other thread for this: a send goes to the kernel and wakes the other side, once. What the kernel does
// not take waits here (stream.hpp). What was on its way when either side died may be lost.
//
// The path of an endpoint is its caller's identity: run/<server>.<caller>, in a folder that only the two may enter.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "bus/loop.hpp"
#include "bus/record.hpp"
#include "giro/result.hpp"

namespace giro::bus {

// What the endpoints of a process share: the memory that they read into. Destroy after every endpoint.
class Context {
  public:
    Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    [[nodiscard]] MutableBytes scratch() noexcept { return m_scratch; }

  private:
    Buffer m_scratch;
};

inline constexpr std::size_t kPeersMax = 256;  // of one server; who finds no place waits until another goes
// Of messages that came in part or are unsent, for all peers of an endpoint: who goes beyond it loses his connection or message.
inline constexpr std::size_t kKeptBytesMax = std::size_t{64} << 20;

using PeerId = std::uint32_t;  // the server's number for a connected client; never used again

// They may send, flush and close peers, and do not destroy the endpoint.
struct Handlers {
    std::function<void(PeerId, const Record&)> record;  // the record's body is valid during the call only
    std::function<void()> drained;                      // optional; after the last record of a wake
    // Optional; a batch of this peer did not parse and was dropped, or it sent what is no message and its connection ends.
    // Without it, the connection ends in the first case, too.
    std::function<void(PeerId)> malformed;
};

// The common part of Server and Client.
class Endpoint {
  public:
    virtual ~Endpoint();
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;
    // Batches that could not leave because too much waits for the other side, and were dropped.
    [[nodiscard]] std::uint64_t dropped() const noexcept { return m_dropped; }
    // What was sent leaves now, rather than at the end of the turn: for whoever goes on to something long, while the
    // other side could be at work already.
    void flush();

  protected:
    struct Peer;
    Endpoint(Loop& loop, Context& context, std::filesystem::path path, Handlers handlers);
    void queue(PeerId peer, const Record& record);
    Peer& add_peer(PeerId id);
    [[nodiscard]] Peer* find_peer(PeerId id) noexcept;
    [[nodiscard]] std::size_t peers() const noexcept { return m_peers.size(); }
    void remove_peer(PeerId id);
    // Begins to read from `fd`, which it owns from now on; what waits for the peer leaves.
    void connected(Peer& peer, int fd);
    // Closes the connection; what waits for the peer stays.
    static void disconnect(Peer& peer) noexcept;
    virtual void ended(Peer& peer) = 0;  // the other side has closed, takes no more, or sent what is no message
    // Makes room by ending the oldest connection that was shut out. False: there is none.
    [[nodiscard]] bool end_one_shut_out();
    Loop& m_loop;
    const std::filesystem::path m_path;

  private:
    Context& m_context;
    Handlers m_handlers;
    bool m_flush_pending = false;
    std::uint64_t m_dropped = 0;
    std::map<PeerId, std::unique_ptr<Peer>> m_peers;
    std::map<PeerId, Buffer> m_outgoing;
    Buffer m_spare;  // empty: memory of a batch that has left, for the next
    static void on_readable(int, short, void* peer);
    static void on_writable(int, short, void* peer);
    void read(Peer& peer);
    void malformed(Peer& peer, std::string_view what);
    [[nodiscard]] std::size_t kept() const noexcept;
    void deliver(Peer& peer, Bytes batch);
    void flush_peer(PeerId id, Buffer& batch);
};

class Server final : public Endpoint {
  public:
    ~Server() override;
    // Failure when the path is too long for a Unix socket (107 bytes) or cannot be bound.
    [[nodiscard]] static Result<std::unique_ptr<Server>> bind(Loop&, Context&, const std::filesystem::path&, Handlers);
    void send(PeerId peer, const Record& record) { queue(peer, record); }
    // Nothing more is taken from or sent to this peer: what happens to a caller that broke the rules. It has to
    // connect anew; its connection stays until it does, so that it does not do so by itself.
    void close_peer(PeerId peer);

  private:
    using Endpoint::Endpoint;
    static void on_knock(int, short, void* self);
    void accept_all();
    void watch_listener();
    void ended(Peer& peer) override;
    int m_listener = -1;
    event* m_knock = nullptr;
    std::unique_ptr<Timer> m_rest;  // while there is no descriptor for another connection
    PeerId m_last_peer = 0;
};

class Client final : public Endpoint {
  public:
    ~Client() override;
    // Connects now or later: it keeps trying, and keeps what was sent meanwhile, up to its bound.
    [[nodiscard]] static Result<std::unique_ptr<Client>> connect(Loop&, Context&, const std::filesystem::path&, Handlers);
    void send(const Record& record) { queue(kServer, record); }

  private:
    static constexpr PeerId kServer = 0;
    Client(Loop& loop, Context& context, std::filesystem::path path, Handlers handlers);
    void ended(Peer& peer) override;
    void try_to_connect();
    Timer m_retry;
    std::uint64_t m_retry_ms;
};

// For the command line and for programs that may wait: one request, one reply, no loop.
class SyncClient {
  public:
    // Connects at the first call. Failure when the path is too long for a Unix socket.
    [[nodiscard]] static Result<SyncClient> connect(const std::filesystem::path& path);
    SyncClient(SyncClient&& other) noexcept;
    SyncClient& operator=(SyncClient&&) = delete;
    ~SyncClient();

    struct Reply {
        Status status = Status::ok;
        Buffer body;
    };
    // Sends and waits. Failure::try_again when no answer came in time, or the other side went away with the request.
    [[nodiscard]] Result<Reply> call(std::uint16_t type, Bytes body, std::uint64_t timeout_ms = 5000);

  private:
    struct Connection;
    SyncClient(std::unique_ptr<Connection> connection, std::filesystem::path path);
    std::unique_ptr<Connection> m_connection;
    std::filesystem::path m_path;
    std::uint64_t m_next = 1;
};

}  // namespace giro::bus
