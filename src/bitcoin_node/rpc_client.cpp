#include "bitcoin_node/rpc_client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "util/bytes.hpp"

namespace giro::bitcoin_node {

namespace {
constexpr int kOk = 200, kUnauthorised = 401, kForbidden = 403, kBusy = 503;

// What stands in the cookie's file, which lies in a folder of the node's: nothing unless it is a small plain file, no link,
// that begins as a cookie does. So whoever has the node is sent no other file's contents, and nobody waits for a pipe.
std::optional<std::string> read_cookie(const std::filesystem::path& path) {
    constexpr std::string_view kBegin = "__cookie__:";
    const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    struct stat about {};
    std::string text(kCookieBytesMax + 1, '\0');
    const bool plain = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    const ssize_t size = plain ? ::read(fd, text.data(), text.size()) : -1;
    ::close(fd);
    if (size <= 0 || static_cast<std::size_t>(size) > kCookieBytesMax) return std::nullopt;
    text.resize(static_cast<std::size_t>(size));
    if (text.back() == '\n') text.pop_back();
    const bool good = text.starts_with(kBegin) && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
    return good ? std::optional(text) : std::nullopt;
}

// As the header wants it (RFC 7617).
std::optional<std::string> authorisation(const std::filesystem::path& path) {
    const auto cookie = read_cookie(path);
    if (!cookie) return std::nullopt;
    std::array<unsigned char, 4 * (kCookieBytesMax / 3 + 1) + 1> base64;
    const int size = EVP_EncodeBlock(base64.data(), reinterpret_cast<const unsigned char*>(cookie->data()), static_cast<int>(cookie->size()));
    return std::string(base64.begin(), base64.begin() + size);
}
}  // namespace

net::Limits node_limits() {
    net::Limits limits;
    limits.output_bytes_max = kHttpBodyBytesMax + kHttpHeadBytesMax;
    limits.slow_peer_ms = kAnswer_ms;
    return limits;
}

class RpcClient::Protocol final : public net::Protocol {
  public:
    explicit Protocol(RpcClient& client) : m_client(&client) {}
    void forget() { m_client = nullptr; }

    void opened(net::Connection&) override {
        m_open = true;
        if (m_client != nullptr) m_client->send_next();
    }
    std::size_t received(net::Connection& connection, Bytes bytes) override {
        const auto state = m_reader.feed(bytes);
        if (state == HttpAnswerReader::State::reading) return 0;
        if (m_client == nullptr || !m_client->m_asked || state == HttpAnswerReader::State::refused) {
            if (m_client != nullptr) m_client->fail({NodeError::Kind::malformed, 0, "the node's answer is no HTTP answer"});
            connection.close();
            return 1;
        }
        const HttpAnswerReader answer = std::exchange(m_reader, {});
        RpcClient* const client = m_client;
        if (answer.closes()) {
            m_client = nullptr;
            client->m_protocol = nullptr;
            connection.close();
        }
        client->answered(answer.status(), answer.body());
        return 1;
    }
    [[nodiscard]] bool mid_message() const override { return m_reader.begun(); }
    void closed(net::Connection&, net::CloseReason reason) override {
        if (RpcClient* client = std::exchange(m_client, nullptr); client != nullptr) {
            client->m_protocol = nullptr;
            client->fail({NodeError::Kind::away, 0, reason == net::CloseReason::connect_failed ? "the node does not listen" : "the node has hung up"});
        }
    }
    [[nodiscard]] bool is_open() const noexcept { return m_open; }

  private:
    RpcClient* m_client;  // null once it has given this connection up
    HttpAnswerReader m_reader;
    bool m_open = false;
};

RpcClient::RpcClient(bus::Loop& loop, net::Connections& connections, Settings settings)
    : m_loop(loop), m_connections(connections), m_settings(std::move(settings)), m_deadline(loop, [this] {
          fail({NodeError::Kind::silent, 0, "the node does not answer"});
      }) {}

RpcClient::~RpcClient() {
    if (m_protocol != nullptr) m_protocol->forget();
    *m_alive = false;
}

void RpcClient::call(std::string body, Done done) {
    if (m_calls.size() >= kCallsMax) {
        m_loop.defer([alive = m_alive, done = std::move(done)] {
            if (*alive) done(tl::unexpected<NodeError>({NodeError::Kind::away, 0, "too many calls wait for the node"}));
        });
        return;
    }
    m_calls.push_back({std::move(body), std::move(done)});
    if (!m_asked) send_next();
}

void RpcClient::send_next() {
    if (m_asked || m_calls.empty()) return;
    m_deadline.once(m_settings.answer_ms);
    if (m_protocol == nullptr) {
        const auto connected = m_connections.connect(m_settings.host, m_settings.port, [this](net::ConnectionId id) {
            auto protocol = std::make_unique<Protocol>(*this);
            m_protocol = protocol.get();
            m_connection = id;
            return protocol;
        });
        if (!connected)
            m_loop.defer([this, alive = m_alive, why = connected.error().what] {
                if (*alive) fail({NodeError::Kind::away, 0, why});
            });
        return;  // opened() goes on
    }
    if (!m_protocol->is_open()) return;
    const auto cookie = authorisation(m_settings.cookie);
    if (!cookie) return fail({NodeError::Kind::unauthorised, 0, fmt::format("no cookie can be read from {}", m_settings.cookie.string())});
    const std::string& body = m_calls.front().body;
    const std::string head = fmt::format(
        "POST / HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        m_settings.host, *cookie, body.size());
    m_asked = true;
    if (net::Connection* connection = m_connections.find(m_connection)) connection->send(as_bytes(head), as_bytes(body));
}

void RpcClient::answered(int status, Bytes body) {
    if (status == kUnauthorised || status == kForbidden)
        return fail({NodeError::Kind::unauthorised, 0, fmt::format("the node does not take the cookie in {}", m_settings.cookie.string())});
    if (status == kBusy) return fail({NodeError::Kind::away, 0, "the node has too much to do"});
    // A JSON-RPC error comes with 500 or another status, and its body says which: reading it tells.
    m_deadline.stop();
    m_asked = false;
    const Done done = std::move(m_calls.front().done);
    m_calls.pop_front();
    const auto alive = m_alive;
    if (status != kOk && body.empty())
        done(tl::unexpected<NodeError>({NodeError::Kind::malformed, 0, fmt::format("the node answers with status {}", status)}));
    else
        done(body);
    if (*alive) send_next();
}

void RpcClient::fail(const NodeError& error) {
    m_deadline.stop();
    m_asked = false;
    if (Protocol* protocol = std::exchange(m_protocol, nullptr); protocol != nullptr) {
        protocol->forget();
        if (net::Connection* connection = m_connections.find(m_connection)) connection->close();
    }
    const auto alive = m_alive;
    for (Call& call : std::exchange(m_calls, {})) {
        if (!*alive) return;
        call.done(tl::unexpected<NodeError>(NodeError(error)));
    }
}

}  // namespace giro::bitcoin_node
