// One socket on the loop: reads all that is there per wake, gathers what is sent and writes it once at the end of the
// turn, and closes peers that are slow, silent or do not read. Made and owned by Connections.
#pragma once

#include <memory>
#include <string>

#include "net/address.hpp"
#include "net/protocol.hpp"
#include "net/stream.hpp"

struct event;

namespace giro::net {

class Connections;

class Connection {
  public:
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] ConnectionId id() const noexcept { return m_id; }
    [[nodiscard]] const std::string& peer() const noexcept { return m_peer; }  // "192.0.2.1:40000"
    [[nodiscard]] const Source& source() const noexcept { return m_source; }   // whom it is counted against
    [[nodiscard]] Protocol& protocol() noexcept { return *m_protocol; }
    [[nodiscard]] bool is_open() const noexcept { return m_state == State::open; }

    // Queues bytes; they leave at the end of this turn of the loop, together with whatever else was queued. More than
    // output_bytes_max waiting closes the connection. Without effect once it is closing.
    void send(Bytes bytes) { send({}, bytes); }
    void send(Bytes head, Bytes body);
    // Bytes queued that have not left.
    [[nodiscard]] std::size_t waiting() const noexcept { return m_out.size() - m_out_sent; }
    // Sends what is queued, says goodbye, and waits a moment for the peer to do the same: closing at once with bytes of
    // the peer unread would make TCP reset the connection, and the answer could be lost with it.
    void close_after_sending();
    // Now. Protocol::closed() is called before this returns; the object lives until the end of the turn.
    void close(CloseReason reason = CloseReason::we_closed);
    // While paused nothing is read from the socket, so that TCP slows the peer down; its deadlines stand still.
    void pause_reading(bool paused);

  private:
    friend class Connections;
    enum class State : std::uint8_t {
        connecting,   // outbound: TCP handshake
        handshaking,  // TLS
        open,
        finishing,  // close_after_sending(): output leaves, input is thrown away
        closed,
    };
    Connection(Connections& owner, ConnectionId id, const Address& peer, int fd, ssl_st* tls, State state, bool standing,
               std::unique_ptr<Protocol> protocol);

    static void on_readable(int, short, void* self);
    static void on_writable(int, short, void* self);
    void readable();
    void writable();
    void finish_connecting();
    void shake_hands();
    void become_open();
    void read_all();
    [[nodiscard]] bool take(Stream::Moved moved, MutableBytes buffer);
    void deliver(Bytes bytes);
    void flush();
    void watch_reading();
    void watch_writing();
    void forgive();  // deadlines start anew
    void check_deadlines();

    Connections& m_owner;
    const ConnectionId m_id;
    const std::string m_peer;
    const Source m_source;
    const int m_fd;
    Stream m_stream;
    State m_state;
    const bool m_standing;  // a link's: reading is never held, silence is no reason to close
    bool m_paused = false;
    bool m_flush_queued = false;
    bool m_said_goodbye = false;
    bool m_peer_ended = false;  // it sends no more: whatever there is must be read, to the end
    event* m_read_event;
    event* m_write_event;
    Buffer m_out;
    std::size_t m_out_sent = 0;  // bytes at the front of m_out that have left
    std::uint64_t m_heard_ms;    // when something was last read
    std::uint64_t m_begun_ms;    // when the message or handshake under way began; 0: none is
    std::unique_ptr<Protocol> m_protocol;
};

}  // namespace giro::net
