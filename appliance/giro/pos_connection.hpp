// One TCP connection of the simulators, plain or TLS 1.3, to which length-prefixed messages come in pieces. Straight on
// the descriptor rather than on buffered events: one read and one write a payment is what the load generator can afford.
// Reconnects by itself, 50 ms after a loss, then ever slower up to a second. The far side is hostile: a length over
// iso8583::kFrameBytesMax drops the connection.
#pragma once

#include <openssl/types.h>

#include <filesystem>
#include <memory>
#include <string>

#include "appliance/giro/terminal_message.hpp"
#include "bus/loop.hpp"
#include "config/config.hpp"
#include "net/deframer.hpp"

namespace giro::pos {

// OpenSSL's context of a simulator, for either side of a connection: TLS 1.3 alone, a certificate of ours, and none of the peer's but of
// one authority; nothing is resumed.
class TlsContext {
  public:
    struct Files {
        std::filesystem::path certificate, key;  // PEM; then any intermediate certificates
        std::filesystem::path ca;                // of the peer
    };
    // Failure::not_provisioned names the file that cannot be used.
    [[nodiscard]] static Result<TlsContext> load(const Files& files);
    // A terminal's: the demo terminals' certificate, the box's authority.
    [[nodiscard]] static Result<TlsContext> load(const config::Paths& paths);
    TlsContext(TlsContext&& other) noexcept : m_context(other.m_context) { other.m_context = nullptr; }
    TlsContext& operator=(TlsContext&&) = delete;
    ~TlsContext();
    [[nodiscard]] SSL_CTX* handle() const noexcept { return m_context; }

  private:
    explicit TlsContext(SSL_CTX* context) noexcept : m_context(context) {}
    SSL_CTX* m_context;
};

class Connection {
  public:
    struct Listener {
        virtual ~Listener() = default;
        virtual void connected() = 0;
        virtual void disconnected() = 0;
        virtual void received(Bytes message) = 0;  // without its length; never empty (keep-alives stay here)
    };

    // `tls` null: plain. Starts to connect at once; the listener hears of it from the loop.
    // Messages are given and handed out with two bytes of length or none; on the wire they stand in `framing`.
    Connection(bus::Loop& loop, const config::Address& address, SSL_CTX* tls, Listener& listener, const net::Framing& framing = {});
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void send(Bytes frame);  // dropped when not connected
    // The first half of what send() would write, then the connection ends (and is made again as after any loss).
    void send_half(Bytes frame);
    void hang_up();  // the connection ends, and is made again as after any loss
    [[nodiscard]] std::uint64_t keep_alives() const noexcept { return m_keep_alives; }  // that came in
    [[nodiscard]] const std::string& last_error() const noexcept { return m_error; }  // empty: none so far

  private:
    enum class State { waiting, connecting, handshaking, open };
    static void on_event(int, short what, void* self);
    void dial();
    void handle(short what);
    void handshake();
    void opened();
    void read_all();
    void flush();
    void lose(std::string why);
    void watch(short what);
    long read_some(MutableBytes into);   // > 0 bytes, 0 try later, -1 lost
    long write_some(Bytes from);
    [[nodiscard]] bool deliver();
    [[nodiscard]] bool deliver_framed();
    void write(Bytes bytes);
    [[nodiscard]] Buffer framed(Bytes frame) const;

    bus::Loop& m_loop;
    config::Address m_address;
    SSL_CTX* m_tls;
    Listener& m_listener;
    const net::Framing m_framing;
    net::Deframer m_deframer;  // for any but the usual framing
    bus::Timer m_redial;
    std::uint64_t m_backoff_ms;
    State m_state = State::waiting;
    int m_fd = -1;
    SSL* m_ssl = nullptr;
    event* m_event = nullptr;
    short m_watched = 0;
    std::string m_error;
    std::uint64_t m_keep_alives = 0;
    Buffer m_out;  // what the kernel would not take yet
    bool m_box_ended = false;  // it sends no more: whatever there is must be read, to the end
    std::size_t m_in_size = 0;
    ByteArray<4 * (kLengthBytes + iso8583::kFrameBytesMax)> m_in;
};

}  // namespace giro::pos
