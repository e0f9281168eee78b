// TLS 1.3 (RFC 8446), both sides. The private key is not in this process: signing goes through a Signer.
// Hostile: everything a peer sends before and during the handshake. OpenSSL parses it; this module fixes what is
// allowed: TLS 1.3 only, no resumption and no early data (each connection shows its certificate anew).
#pragma once

#include <memory>

#include "giro/result.hpp"
#include "giro/types.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace giro::net {

// Signs a SHA-256 digest with the server's ECDSA P-256 key; the answer is the DER signature (RFC 8422 5.4).
// Called from within a handshake: must come back within a fraction of a second, with a Failure if need be.
class Signer {
  public:
    virtual ~Signer() = default;
    [[nodiscard]] virtual Result<Buffer> sign_digest(Bytes digest32) = 0;
};

class ServerTls {
  public:
    struct Options {
        std::string certificate_pem;  // the server's certificate, then any intermediate ones
        std::string client_ca_pem;    // clients must show a certificate under this one; empty: none is asked for
        std::string client_name{};    // that a client's certificate must bear; empty: any
    };
    // Failure::config when a certificate does not parse or its key is not P-256. `signer` must outlive the result.
    [[nodiscard]] static Result<std::unique_ptr<ServerTls>> create(const Options& options, Signer& signer);
    ~ServerTls();
    ServerTls(const ServerTls&) = delete;
    ServerTls& operator=(const ServerTls&) = delete;
    // A new server session; the caller owns it (SSL_free).
    [[nodiscard]] ssl_st* new_session() const;

  private:
    explicit ServerTls(ssl_ctx_st* context) noexcept : m_context(context) {}
    ssl_ctx_st* m_context;
};

// Of connections that we make.
class ClientTls {
  public:
    struct Options {
        std::string certificate_pem;  // ours, which the server asks for, then any intermediate ones
        std::string server_ca_pem;    // the server must show a certificate under this one,
        std::string server_name;      // that bears this name: a DNS name of its, else its common name; no wildcards
    };
    // As ServerTls::create; `server_name` is not empty (ASSERTed).
    [[nodiscard]] static Result<std::unique_ptr<ClientTls>> create(const Options& options, Signer& signer);
    ~ClientTls();
    ClientTls(const ClientTls&) = delete;
    ClientTls& operator=(const ClientTls&) = delete;
    // A new client session; the caller owns it (SSL_free).
    [[nodiscard]] ssl_st* new_session() const;

  private:
    ClientTls(ssl_ctx_st* context, std::string server_name) : m_context(context), m_server_name(std::move(server_name)) {}
    ssl_ctx_st* m_context;
    const std::string m_server_name;
};

}  // namespace giro::net
