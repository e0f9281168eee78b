// The sockets of `giro host`: listens for a link's switch, or connects to a link that listens; sends answers when and how the
// scenario says. Hostile: whoever connects.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "appliance/giro/host_issuer.hpp"
#include "bus/loop.hpp"
#include "config/config.hpp"
#include "net/framing.hpp"
#include "util/environment.hpp"

struct evconnlistener;
struct sockaddr;
struct ssl_ctx_st;

namespace giro::host {

class Server {
  public:
    struct Options {
        net::Framing framing;
        std::uint64_t disconnect_each_s = 0;  // ends all connections; 0: never
        // Hears each message that moves money; `kept`, once in a turn of the loop that had some, before their answers leave, makes
        // what was heard last. False: the host must stop rather than forget what it saw.
        std::function<void(const Seen&)> keep;
        std::function<bool()> kept;
        // Called twice a second with the seconds since the start.
        std::function<void(double)> progress;
    };
    // `issuer` outlives it.
    Server(Issuer& issuer, Options options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Failure::config: not a numeric address; try_again: it cannot be listened on. `tls` null: plain; outlives the server.
    [[nodiscard]] Result<void> listen(const config::Address& address, ssl_ctx_st* tls = nullptr);
    // So many connections, made again whenever they end. `tls` as above.
    void connect(const config::Address& address, std::size_t connections, ssl_ctx_st* tls);
    // Until SIGTERM or SIGINT, or until `kept` says false: then the failure.
    [[nodiscard]] Result<void> run();

  private:
    class Peer;
    class Accepted;
    class Dialled;
    struct Reply {
        std::uint64_t peer = 0;
        Buffer frame;
        bool half = false;
    };
    static void accepted(evconnlistener*, int fd, sockaddr*, int, void* self);
    // False: the connection must end.
    [[nodiscard]] bool take(std::uint64_t peer, Bytes message);
    void finish_later();
    [[nodiscard]] bool keep_all();
    void send_ready();
    void send(const Reply& reply);
    void send_due();
    void wake();
    void hang_up_all();
    void remove(std::uint64_t peer);

    Issuer& m_issuer;
    const Options m_options;
    SystemClock m_clock;
    const std::uint64_t m_started_ns;
    bus::Loop m_loop;
    bus::Timer m_delayed_timer, m_disconnects, m_progress;
    evconnlistener* m_listener = nullptr;
    ssl_ctx_st* m_tls = nullptr;  // of those that are accepted
    std::map<std::uint64_t, std::unique_ptr<Peer>> m_peers;
    std::uint64_t m_last_peer = 0;
    std::vector<Reply> m_ready;  // of this turn: they leave at its end, when `kept` has said so
    bool m_finish_pending = false, m_unkept = false;
    std::multimap<std::uint64_t, Reply> m_delayed;  // by the time it is due, monotonic ns
    std::optional<Failure> m_failure;
};

}  // namespace giro::host
