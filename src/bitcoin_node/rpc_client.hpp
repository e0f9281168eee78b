// Calls a Bitcoin node on this machine: HTTP/1.1 over one standing connection of the loop, one call after another, with the
// cookie that the node wrote at its start. Used by giro-chain. A call that fails ends the connection and all that wait
// behind it: who asks decides when to try again, and the next call connects anew and reads the cookie anew.
#pragma once

#include <deque>
#include <filesystem>

#include "bitcoin_node/http_answer.hpp"
#include "bitcoin_node/rpc.hpp"
#include "net/connections.hpp"

namespace giro::bitcoin_node {

inline constexpr std::size_t kCallsMax = 64;  // that wait; more are answered `away` at once
inline constexpr std::size_t kCookieBytesMax = 256;
inline constexpr std::uint64_t kAnswer_ms = 15'000;  // for one call: a full block takes a busy node seconds

class RpcClient {
  public:
    struct Settings {
        std::string host;  // numeric
        std::uint16_t port = 0;
        std::filesystem::path cookie;
        std::uint64_t answer_ms = kAnswer_ms;
    };
    // The body of the node's answer, valid during the call.
    using Done = std::function<void(NodeAnswer<Bytes>)>;

    RpcClient(bus::Loop& loop, net::Connections& connections, Settings settings);
    ~RpcClient();
    RpcClient(const RpcClient&) = delete;
    RpcClient& operator=(const RpcClient&) = delete;
    // `done` is called once, later or, where the cookie cannot be read, from this call; never after this was destroyed.
    void call(std::string body, Done done);

  private:
    class Protocol;
    struct Call {
        std::string body;
        Done done;
    };
    void send_next();
    void answered(int status, Bytes body);
    // Every call that waits hears it. Ends the connection.
    void fail(const NodeError& error);

    bus::Loop& m_loop;
    net::Connections& m_connections;
    const Settings m_settings;
    std::deque<Call> m_calls;  // the first is under way when m_asked
    bool m_asked = false;
    Protocol* m_protocol = nullptr;  // of the connection, which owns it; null when there is none
    net::ConnectionId m_connection = 0;
    bus::Timer m_deadline;
    std::shared_ptr<bool> m_alive = std::make_shared<bool>(true);  // for what is deferred
};

// A Connections' limits that let a block pass.
[[nodiscard]] net::Limits node_limits();

}  // namespace giro::bitcoin_node
