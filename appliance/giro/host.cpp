// `giro host`: the issuer host simulator. Listens where the configuration says a link's host is; the gate connects to it.
// Holds the link's terminal master key (demo/terminals/LNK00001.tmk). Hostile: whoever connects.
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <map>
#include <memory>

#include "appliance/giro/command.hpp"
#include "appliance/giro/demo.hpp"
#include "appliance/giro/host_issuer.hpp"
#include "appliance/giro/pin_key.hpp"
#include "appliance/giro/pos_args.hpp"
#include "appliance/giro/pos_scenario.hpp"
#include "appliance/giro/pos_station.hpp"
#include "net/deframer.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "util/log.hpp"
#include "vault/mac_kinds.hpp"

namespace giro::cli {

namespace {
constexpr std::size_t kOutBytesMax = 4U << 20;  // a peer that reads nothing is dropped
constexpr std::size_t kDelayedMax = 100'000;

// Appends what was seen and gives back what earlier runs saw. One write(2) a line: a reader finds whole lines.
class StateFile {
  public:
    static Result<std::unique_ptr<StateFile>> open(const std::string& path, host::Issuer& issuer) {
        if (std::filesystem::exists(path)) {
            auto contents = read_file(path);
            if (!contents) return tl::unexpected(contents.error());
            std::string_view left = as_text(*contents);
            while (!left.empty()) {
                const std::size_t end = std::min(left.find('\n'), left.size());
                if (const auto seen = host::from_json(left.substr(0, end))) issuer.remember(*seen);
                left.remove_prefix(std::min(end + 1, left.size()));
            }
        }
        const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0) return fail(Failure::Kind::config, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
        return std::make_unique<StateFile>(fd);
    }
    explicit StateFile(int fd) noexcept : m_fd(fd) {}
    ~StateFile() { ::close(m_fd); }
    StateFile(const StateFile&) = delete;
    StateFile& operator=(const StateFile&) = delete;
    // False when the disk does not take it: the host must stop rather than forget.
    [[nodiscard]] bool append(const host::Seen& seen) {
        const std::string line = host::to_json(seen) + "\n";
        return ::write(m_fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    }

  private:
    int m_fd;
};

class HostServer {
  public:
    HostServer(host::Issuer& issuer, StateFile* state, std::uint64_t delay_ms, const net::Framing& framing)
        : m_issuer(issuer), m_state(state), m_delay_ms(delay_ms), m_framing(framing), m_delayed_timer(m_loop, [this] { send_due(); }) {}
    ~HostServer() {
        for (auto& [id, peer] : m_peers) bufferevent_free(peer->buffer);
        if (m_listener != nullptr) evconnlistener_free(m_listener);
    }

    Result<void> run(const config::Address& address) {
        sockaddr_storage storage{};
        int size = sizeof storage;
        const bool v6 = address.host.find(':') != std::string::npos;
        const std::string text = v6 ? fmt::format("[{}]:{}", address.host, address.port) : fmt::format("{}:{}", address.host, address.port);
        if (evutil_parse_sockaddr_port(text.c_str(), reinterpret_cast<sockaddr*>(&storage), &size) != 0)
            return fail(Failure::Kind::config, fmt::format("'{}' is not a numeric address and port", text));
        m_listener = evconnlistener_new_bind(m_loop.base(), &HostServer::accepted, this,
                                             LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1,
                                             reinterpret_cast<sockaddr*>(&storage), size);
        if (m_listener == nullptr)
            return fail(Failure::Kind::try_again, fmt::format("cannot listen on {}: {}", text, std::strerror(errno)));
        m_loop.handle_stop_signals();
        log::info("host listens on {}", text);
        m_loop.run();
        if (m_failure) return tl::unexpected(*m_failure);
        return {};
    }

  private:
    struct Peer {
        HostServer* server;
        std::uint64_t id;
        bufferevent* buffer;
        net::Deframer deframer;
    };
    struct Delayed {
        std::uint64_t due_ns;
        std::uint64_t peer;
        Buffer frame;
    };

    static void accepted(evconnlistener*, evutil_socket_t fd, sockaddr*, int, void* self) {
        auto& server = *static_cast<HostServer*>(self);
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        bufferevent* buffer = bufferevent_socket_new(server.m_loop.base(), fd, BEV_OPT_CLOSE_ON_FREE);
        ASSERT(buffer != nullptr);
        const std::uint64_t id = ++server.m_last_peer;
        auto& peer = server.m_peers[id] = std::make_unique<Peer>(Peer{&server, id, buffer, net::Deframer(iso8583::kFrameBytesMax, server.m_framing)});
        bufferevent_setcb(buffer, &HostServer::readable, nullptr, &HostServer::ended, peer.get());
        bufferevent_enable(buffer, EV_READ | EV_WRITE);
        log::info("a switch connected");
    }

    static void ended(bufferevent*, short, void* peer) { drop(*static_cast<Peer*>(peer), "a switch hung up"); }

    static void drop(Peer& peer, std::string_view why) {
        log::info("{}", why);
        bufferevent_free(peer.buffer);
        peer.server->m_peers.erase(peer.id);
    }

    static void readable(bufferevent* buffer, void* data) {
        Peer& peer = *static_cast<Peer*>(data);
        evbuffer* in = bufferevent_get_input(buffer);
        Buffer bytes(evbuffer_get_length(in));
        evbuffer_remove(in, bytes.data(), bytes.size());
        bool good = true;
        const auto verdict = peer.deframer.feed(bytes, [&](Bytes message) {
            if (!message.empty()) good = peer.server->take(peer, message);  // empty: a keep-alive
            return good;
        });
        if (!good) return drop(peer, "a message came that is no request of the dialect; closed");
        if (verdict != net::Deframer::Verdict::ok) drop(peer, "a message over the size limit or out of its framing came; closed");
    }

    bool take(const Peer& peer, Bytes message) {
        host::Issuer::Answered answered = m_issuer.handle(message);
        if (answered.seen && m_state != nullptr && !m_state->append(*answered.seen)) {
            m_failure = Failure{Failure::Kind::try_again, "cannot write the --state file; stopped before answering"};
            m_loop.stop();
            return true;
        }
        if (answered.frame.empty()) return answered.understood;
        if (m_delay_ms == 0) {
            send(peer.id, answered.frame);
        } else if (m_delayed.size() < kDelayedMax) {
            m_delayed.push_back({m_clock.monotonic_ns() + m_delay_ms * 1'000'000, peer.id, std::move(answered.frame)});
            if (m_delayed.size() == 1) m_delayed_timer.once(m_delay_ms);
        }
        return answered.understood;
    }

    void send(std::uint64_t peer, Bytes frame) {
        const auto found = m_peers.find(peer);
        if (found == m_peers.end()) return;  // hung up meanwhile
        if (evbuffer_get_length(bufferevent_get_output(found->second->buffer)) + frame.size() > kOutBytesMax) return;
        const Bytes message = frame.subspan(pos::kLengthBytes);
        const net::Frame around = net::frame_of(m_framing, message);
        bufferevent_write(found->second->buffer, around.head.data(), around.head_bytes);
        bufferevent_write(found->second->buffer, message.data(), message.size());
        bufferevent_write(found->second->buffer, around.tail.data(), around.tail_bytes);
    }

    void send_due() {
        const std::uint64_t now = m_clock.monotonic_ns();
        for (; !m_delayed.empty() && m_delayed.front().due_ns <= now; m_delayed.pop_front())
            send(m_delayed.front().peer, m_delayed.front().frame);
        if (!m_delayed.empty()) m_delayed_timer.once((m_delayed.front().due_ns - now) / 1'000'000 + 1);
    }

    host::Issuer& m_issuer;
    StateFile* m_state;
    std::uint64_t m_delay_ms;
    const net::Framing m_framing;
    SystemClock m_clock;
    bus::Loop m_loop;
    bus::Timer m_delayed_timer;
    evconnlistener* m_listener = nullptr;
    std::map<std::uint64_t, std::unique_ptr<Peer>> m_peers;
    std::uint64_t m_last_peer = 0;
    std::deque<Delayed> m_delayed;
    std::optional<Failure> m_failure;
};

void print_totals(const host::Issuer::Totals& t, bool json) {
    if (json)
        fmt::print(R"({{"purchases":{},"approved":{},"declined":{},"reversals":{},"repeats":{},"unanswered":{},"bad_macs":{}}})" "\n",
                   t.purchases, t.approved, t.declined, t.reversals, t.repeats, t.unanswered, t.bad_macs);
    else
        fmt::print("host: {} purchases, {} approved, {} declined, {} reversals, {} repeats, {} unanswered, {} wrong MACs\n",
                   t.purchases, t.approved, t.declined, t.reversals, t.repeats, t.unanswered, t.bad_macs);
}

Result<void> run_host(const Args& args) {
    const auto equipment = pos::load_equipment(args.paths());
    if (!equipment) return tl::unexpected(equipment.error());
    const auto link = number_of(args, "--link", 1, 9999);
    if (!link) return tl::unexpected(link.error());
    const auto* one = config::find_link((*equipment)->config, static_cast<std::uint16_t>(*link - 1));
    if (one == nullptr) return fail(Failure::Kind::config, fmt::format("the configuration has no [[link]] with id = {}", *link));
    const auto delay = number_of(args, "--delay", 0, 600'000);
    if (!delay) return tl::unexpected(delay.error());
    Result<config::Address> address = one->address;
    if (args.given("--listen")) address = pos::parse_address(args.text("--listen"));
    if (!address) return tl::unexpected(address.error());
    std::string name = args.given("--dialect") ? args.text("--dialect") : one->dialect;
    if (name.empty()) name = (*equipment)->config.gate.dialect;
    const auto dialect = iso8583::load_dialect(args.paths().dialects() / (name + ".toml"));
    if (!dialect) return tl::unexpected(dialect.error());
    const auto framing = args.given("--framing") ? pos::framing_of(args.text("--framing")) : one->framing;
    if (!framing) return tl::unexpected(framing.error());
    const TerminalId key_name(fmt::format("LNK{:05}", *link));
    const auto tmk = pos::load_terminal_key(demo::terminal_key_file(args.paths().demo(), key_name.view()));
    if (!tmk) return tl::unexpected(tmk.error());
    const auto& mac = (*equipment)->config.mac;
    const auto kind = vault::MacKinds(mac.x9_19, mac.hmac_sha_256).of(key_name);
    host::Options options{args.flag("--approve-all"), args.flag("--silent"), {}, Secret(Buffer(tmk->reveal().begin(), tmk->reveal().end())), kind};
    if (!one->pin_key.empty())  // one that the demo did not make is another's: PINs under it stay unread
        if (auto zone_key = pos::load_pin_key(args.paths().demo(), one->pin_key)) options.zone_key = std::move(*zone_key);
    host::Issuer issuer(*dialect, pos::MacKey(*tmk, {}, kind), std::move(options));
    std::unique_ptr<StateFile> state;
    if (args.given("--state")) {
        auto opened = StateFile::open(args.text("--state"), issuer);
        if (!opened) return tl::unexpected(opened.error());
        state = std::move(*opened);
    }
    auto done = HostServer(issuer, state.get(), *delay, *framing).run(*address);
    print_totals(issuer.totals(), args.json());
    return done;
}
}  // namespace

std::vector<Command> host_commands() {
    using enum Option::Kind;
    return {{"host",
             "a bank's own host that a link goes to: approves and declines by rule",
             {
                 {"--link", "id of the [[link]] in the configuration", number, "1", false},
                 {"--listen", "address:port; default: the link's", text, "", false},
                 {"--dialect", "name of a file in etc/dialects; default: the link's", text, "", false},
                 {"--framing", "words with commas such as ascii4,etx-lrc,counts-length; default: the link's", text, "", false},
                 {"--approve-all", "approve every amount (else: ..05 and ..51 decline, ..91 is never answered)", flag, "", false},
                 {"--silent", "take everything, answer nothing", flag, "", false},
                 {"--delay", "wait before each answer, ms", number, "0", false},
                 {"--state", "file to append what was seen to, as JSON lines; read at start", text, "", false},
             },
             run_host}};
}

}  // namespace giro::cli
