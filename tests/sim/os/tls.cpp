// Instead of net/tls.cpp: TLS is not simulated, its bytes would only hide the others. What stays of it is the signature
// that each handshake asks of the vault, for which the gate stands still; the connection then goes on without TLS.
#include "net/tls.hpp"

#include <openssl/ssl.h>

#include "net/signing_key.hpp"
#include "tests/sim/os/world.hpp"

namespace giro::net {
namespace {
Signer* g_signer = nullptr;
}

Result<std::unique_ptr<ServerTls>> ServerTls::create(const Options&, Signer& signer) {
    g_signer = &signer;
    return std::unique_ptr<ServerTls>(new ServerTls(nullptr));
}
ServerTls::~ServerTls() {
    static_cast<void>(m_context);  // the real one is freed here
}
ssl_st* ServerTls::new_session() const {
    static_cast<void>(g_signer->sign_digest(Hash256{}));
    return nullptr;
}

Result<std::unique_ptr<ClientTls>> ClientTls::create(const Options& options, Signer& signer) {
    g_signer = &signer;
    return std::unique_ptr<ClientTls>(new ClientTls(nullptr, options.server_name));
}
ClientTls::~ClientTls() {
    static_cast<void>(m_context);  // the real one is freed here
}
ssl_st* ClientTls::new_session() const {
    static_cast<void>(g_signer->sign_digest(Hash256{}));
    return nullptr;
}
}  // namespace giro::net
