// A TLS client for tests: non-blocking, driven together with the server's loop in one thread.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "certificates.hpp"
#include "fixture.hpp"

namespace giro::net {

class TlsClient {
  public:
    struct Options {
        const Identity* ca = nullptr;        // whom to trust
        const Identity* identity = nullptr;  // what to show; null: nothing
        int version_max = TLS1_3_VERSION;
    };
    TlsClient(bus::Loop& loop, std::uint16_t port, const Options& options) : m_loop(loop), m_socket(port) {
        m_context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_max_proto_version(m_context, options.version_max);
        SSL_CTX_set_verify(m_context, SSL_VERIFY_PEER, nullptr);
        ASSERT(X509_STORE_add_cert(SSL_CTX_get_cert_store(m_context), options.ca->certificate.get()) == 1);
        if (options.identity != nullptr) {
            ASSERT(SSL_CTX_use_certificate(m_context, options.identity->certificate.get()) == 1);
            ASSERT(SSL_CTX_use_PrivateKey(m_context, options.identity->key.get()) == 1);
        }
        ASSERT(evutil_make_socket_nonblocking(m_socket.fd()) == 0);
        m_ssl = SSL_new(m_context);
        ASSERT(SSL_set_fd(m_ssl, m_socket.fd()) == 1);
    }
    ~TlsClient() {
        SSL_free(m_ssl);
        SSL_CTX_free(m_context);
    }
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    [[nodiscard]] bool handshake() {
        return drive([this] { return SSL_connect(m_ssl); });
    }
    void send(std::string_view text) {
        ASSERT(SSL_write(m_ssl, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size()));
    }
    // Reads until `size` bytes are there; false when the server ends the connection first.
    [[nodiscard]] bool receive(std::size_t size) {
        while (m_received.size() < size) {
            char buffer[4096];
            int n = 0;
            if (!drive([&] { return n = SSL_read(m_ssl, buffer, sizeof buffer); })) return false;
            m_received.append(buffer, static_cast<std::size_t>(n));
        }
        return true;
    }
    [[nodiscard]] std::string receive_all() {
        while (receive(m_received.size() + 1)) {
        }
        return m_received;
    }
    [[nodiscard]] const std::string& received() const noexcept { return m_received; }
    [[nodiscard]] const char* version() const { return SSL_get_version(m_ssl); }
    [[nodiscard]] bool resumable() const { return SSL_SESSION_is_resumable(SSL_get0_session(m_ssl)) == 1; }

  private:
    // Repeats `step` while it only waits for the server, which runs meanwhile. True when it succeeded.
    [[nodiscard]] bool drive(const std::function<int()>& step) {
        bool good = false;
        const bool ended = run_until(m_loop, [&] {
            ERR_clear_error();
            const int result = step();
            const int error = SSL_get_error(m_ssl, result);
            good = result > 0;
            return good || (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE);
        });
        return ended && good;
    }
    bus::Loop& m_loop;
    ClientSocket m_socket;
    SSL_CTX* m_context;
    SSL* m_ssl;
    std::string m_received;
};

}  // namespace giro::net
