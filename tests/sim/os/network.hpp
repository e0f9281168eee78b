// The network between the box and the world outside: streams as TCP gives them. A stream never reorders and never loses
// a byte in the middle: it is delayed, delivered in pieces of any size, held up by a partition, or cut.
// One end is a socket of the product; the other an actor (a terminal, a wallet, an issuer's host).
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "giro/types.hpp"
#include "tests/sim/os/descriptors.hpp"

namespace giro::sim {

class Stream;

// What an actor hears of its end. Held weakly: an actor that goes away hears nothing.
struct StreamEvents {
    std::function<void()> opened;
    std::function<void(Bytes)> received;
    std::function<void()> closed;  // once; refused, cut, or closed by the other side
};

// An actor's end.
class ActorStream {
  public:
    explicit ActorStream(std::shared_ptr<Stream> stream) : m_stream(std::move(stream)) {}
    void send(Bytes bytes);
    void close();  // an orderly end
    void cut();    // both sides see a reset
    [[nodiscard]] bool open() const;

  private:
    std::shared_ptr<Stream> m_stream;
};

struct NetworkFaults {
    std::uint64_t latency_max_ns = 2 * kMillisecond;
    std::uint32_t loss_percent = 0;     // of chunks: each costs a retransmission's time, many in a row cut the stream
    std::set<std::string> partitioned;  // addresses that nothing gets through to or from
    std::uint64_t delayed = 0, cut = 0;
};
[[nodiscard]] NetworkFaults& network_faults();

// Connects from "127.0.0.1:port"-less outside to a listener of the product. Events come later.
[[nodiscard]] std::shared_ptr<ActorStream> connect_to(const std::string& address, StreamEvents events);
// Serves an address to the product's outbound connections; an empty function: refuses.
using AcceptActor = std::function<StreamEvents(std::shared_ptr<ActorStream>)>;
void serve_at(const std::string& address, AcceptActor accept);
// Cuts every stream to this address.
void cut_all(const std::string& address);
void reset_network();

}  // namespace giro::sim
