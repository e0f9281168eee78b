// Whole messages over one connection between two programs.
//
//   message = size:u32 batch[size]      little-endian; size counts the batch alone, at most kBatchBytesMax (record.hpp)
//
// The other end counts as hostile: a size beyond the bound ends the connection, and memory grows with what has come,
// not with what was announced. Messages may hold card data: every byte that is kept here is wiped once it has been
// taken or sent.
#pragma once

#include <deque>
#include <functional>

#include "bus/unix_socket.hpp"
#include "util/secret.hpp"

namespace giro::bus {

inline constexpr std::size_t kSizeBytes = 4;
inline constexpr std::size_t kUnsentBytesMax = std::size_t{16} << 20;  // for one peer; beyond it a message is dropped

// What is to leave, in order. Outlives a connection: a message of which only a part left is sent again whole over the
// next.
class Outbox {
  public:
    // Sends now if nothing waits, and keeps what does not leave. False: too much waits already, the message is dropped.
    // `fd` -1: there is no connection now.
    [[nodiscard]] bool send(int fd, Bytes message);
    // Sends what waits, as far as it goes. False: the other side takes no more, for good.
    [[nodiscard]] bool flush(int fd);
    [[nodiscard]] std::size_t kept() const noexcept { return m_bytes; }
    [[nodiscard]] bool empty() const noexcept { return m_waiting.empty(); }
    void clear() noexcept;
    void start_again() noexcept { m_sent = 0; }  // the connection is a new one

  private:
    std::deque<Secret> m_waiting;  // with their sizes in front
    std::size_t m_sent = 0;        // bytes of the first that have left
    std::size_t m_bytes = 0;       // in m_waiting
};

// Cuts what comes into messages.
class Inbox {
  public:
    Inbox() = default;
    ~Inbox() { clear(); }
    Inbox(const Inbox&) = delete;
    Inbox& operator=(const Inbox&) = delete;

    using Take = std::function<void(Bytes message)>;  // the message is valid during the call
    // Hands over each message that is whole now that these bytes have come. False: a size is beyond the bound, and
    // nothing that follows can be read. `take` leaves this Inbox alone.
    [[nodiscard]] bool add(Bytes bytes, const Take& take);
    // `wrong`: as add() false.
    enum class Read : std::uint8_t { goes_on, ended, wrong };
    // Reads once, as much as `scratch` holds, adds and wipes that.
    [[nodiscard]] Read read(int fd, MutableBytes scratch, const Take& take);
    [[nodiscard]] std::size_t kept() const noexcept { return m_partial.capacity(); }
    void clear() noexcept;

  private:
    void keep(Bytes bytes);
    Buffer m_partial;  // the beginning of a message
};

}  // namespace giro::bus
