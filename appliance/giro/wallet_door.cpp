#include "appliance/giro/wallet_door.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "util/bytes.hpp"

namespace giro::customer {

namespace {
constexpr std::size_t kResponseBytesMax = 64U << 10;
constexpr time_t kWaitS = 10;

struct FreeSsl {
    void operator()(SSL* p) const noexcept { SSL_free(p); }
    void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
};

class Socket {
  public:
    explicit Socket(int fd) noexcept : m_fd(fd) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (m_fd >= 0) ::close(m_fd);
    }
    [[nodiscard]] int fd() const noexcept { return m_fd; }

  private:
    int m_fd;
};

std::string tls_reason(const SSL* ssl) {
    if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
    char text[256] = "no answer";
    if (const unsigned long code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return text;
}

// The handshake may work later: the box hung up, took too long, or says that it cannot sign (its vault is away).
// Otherwise the far side is no door of this box.
bool may_pass(const SSL* ssl, int result) {
    if (SSL_get_verify_result(ssl) != X509_V_OK) return false;
    if (SSL_get_error(ssl, result) != SSL_ERROR_SSL) return true;
    const int reason = ERR_GET_REASON(ERR_peek_error());
    return reason == SSL_R_UNEXPECTED_EOF_WHILE_READING || reason == SSL_R_TLSV1_ALERT_INTERNAL_ERROR;
}

int connect_to(const config::Address& address) {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    const bool is_v4 = inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) != 1) return -1;
    const int fd = ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const timeval wait{kWaitS, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    const auto* to = is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
    if (::connect(fd, to, is_v4 ? sizeof v4 : sizeof v6) == 0) return fd;
    ::close(fd);
    return -1;
}
}  // namespace

Result<DoorReply> WalletDoor::post(std::string_view path, std::string_view member, Bytes body) const {
    const std::string where = fmt::format("{}:{}", m_address.host, m_address.port);
    const std::unique_ptr<SSL_CTX, FreeSsl> context(SSL_CTX_new(TLS_client_method()));
    ASSERT(context);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_locations(context.get(), m_ca_file.c_str(), nullptr) != 1)
        return fail(Failure::Kind::not_provisioned, fmt::format("cannot use {}: run `giro init`, or give --dir", m_ca_file.string()));
    const Socket socket(connect_to(m_address));
    if (socket.fd() < 0)
        return fail(Failure::Kind::try_again, fmt::format("cannot connect to {}: {}; is the box up? (giro up)", where, std::strerror(errno)));
    const std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context.get()));
    ASSERT(ssl && SSL_set_fd(ssl.get(), socket.fd()) == 1);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), m_address.host.c_str());
    if (const int result = SSL_connect(ssl.get()); result != 1) {
        const bool later = may_pass(ssl.get(), result);
        const std::string why = tls_reason(ssl.get());
        if (later)
            return fail(Failure::Kind::try_again,
                        fmt::format("{} broke off the TLS handshake; the box's vault may be away: see giro status ({})", where, why));
        return fail(Failure::Kind::refused, fmt::format("{} is not this box's wallet door: {}", where, why));
    }

    const std::string json = fmt::format(R"({{"{}":"{}"}})", member, to_hex(body));
    const std::string request = fmt::format(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", path,
        where, json.size(), json);
    if (SSL_write(ssl.get(), request.data(), static_cast<int>(request.size())) <= 0)
        return fail(Failure::Kind::try_again, fmt::format("{} closed the connection", where));
    std::string response(kResponseBytesMax, '\0');
    std::size_t size = 0;
    while (size < response.size()) {
        const int got = SSL_read(ssl.get(), response.data() + size, static_cast<int>(response.size() - size));
        if (got <= 0) break;
        size += static_cast<std::size_t>(got);
        if (parse_http_response(std::string_view(response).substr(0, size))) break;  // has its Content-Length
    }
    if (size == 0) return fail(Failure::Kind::try_again, fmt::format("no answer from {} within {} s", where, kWaitS));
    const auto parsed = parse_http_response(std::string_view(response).substr(0, size));
    if (!parsed) return tl::unexpected(parsed.error());
    return parse_door_reply(*parsed);
}

Result<HttpResponse> parse_http_response(std::string_view bytes) {
    const auto malformed = [] { return fail(Failure::Kind::try_again, "the wallet door's answer is incomplete or not HTTP"); };
    const auto digits = [](std::string_view text) -> std::optional<std::size_t> {
        std::size_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
        return value;
    };
    const std::size_t head_end = bytes.find("\r\n\r\n");
    if (head_end == std::string_view::npos || !bytes.starts_with("HTTP/1.1 ") || bytes.size() < 12) return malformed();
    const auto status = digits(bytes.substr(9, 3));
    if (!status) return malformed();
    std::string head(bytes.substr(0, head_end));
    std::ranges::transform(head, head.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    constexpr std::string_view kLength = "\r\ncontent-length:";
    const std::size_t at = head.find(kLength);
    if (at == std::string::npos) return malformed();
    std::string_view value = std::string_view(head).substr(at + kLength.size());
    value = value.substr(0, value.find("\r\n"));
    while (value.starts_with(' ')) value.remove_prefix(1);
    while (value.ends_with(' ')) value.remove_suffix(1);
    const auto length = digits(value);
    const std::string_view body = bytes.substr(head_end + 4);
    if (!length || body.size() != *length) return malformed();
    return HttpResponse{static_cast<int>(*status), std::string(body)};
}

Result<DoorReply> parse_door_reply(const HttpResponse& response) {
    if (response.status == 503) return fail(Failure::Kind::try_again, "the box cannot answer now; try again");
    if (response.status == 429) return fail(Failure::Kind::try_again, "too many new wallets from this address; try again later");
    if (response.status != 200)
        return fail(Failure::Kind::refused, fmt::format("the wallet door answered with status {}: {}", response.status, response.body.substr(0, 200)));
    const auto json = nlohmann::json::parse(response.body, nullptr, false);
    try {
        DoorReply reply;
        reply.response_code = json.at("response_code").get<std::string>();
        reply.rrn = json.value("rrn", "");
        reply.auth_code = json.value("auth_code", "");
        reply.balance = json.value("balance", MinorUnits{0});
        reply.currency = json.value("currency", Currency{0});
        reply.why = json.value("why", "");
        return reply;
    } catch (const nlohmann::json::exception&) {  // not an object, a member absent or of another type
        return fail(Failure::Kind::try_again, "the wallet door's answer is not understood");
    }
}

}  // namespace giro::customer
