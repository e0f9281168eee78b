// One non-blocking socket, plain or under TLS: read, write, shake hands. Used by Connection alone.
#pragma once

#include "giro/types.hpp"

struct ssl_st;

namespace giro::net {

class Stream {
  public:
    enum class Status : std::uint8_t {
        ok,           // `bytes` were moved, or the handshake is done
        wants_read,   // nothing now: try again when the socket is readable
        wants_write,  // nothing now: try again when the socket is writable
        ended,        // the peer closed its side
        failed,       // reset, TLS alert, or anything else that ends it
    };
    struct Moved {
        Status status;
        std::size_t bytes;
    };

    // Takes both over; `tls` is null for a plain connection, else a session that knows its side.
    Stream(int fd, ssl_st* tls) noexcept;
    ~Stream() { close(); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    [[nodiscard]] bool is_tls() const noexcept { return m_tls != nullptr; }
    [[nodiscard]] Status handshake() noexcept;  // ok at once when plain
    [[nodiscard]] Moved read(MutableBytes into) noexcept;
    [[nodiscard]] Moved write(Bytes from) noexcept;
    // Says that nothing more will be sent (close_notify under TLS, then FIN). Reading goes on.
    void end_writing() noexcept;
    void close() noexcept;

  private:
    [[nodiscard]] Status tls_status(int result) noexcept;
    int m_fd;
    ssl_st* m_tls;
};

}  // namespace giro::net
