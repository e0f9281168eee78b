#include "net/tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>

#include "net/signing_key.hpp"

namespace giro::net {

namespace {
constexpr int kSecurityLevel = 2;      // at least 112 bits: RSA-2048, P-224 and up
constexpr std::size_t kChainMax = 4;   // certificates in our own file
constexpr int kPeerChainDepthMax = 2;  // intermediates between a peer's certificate and the CA

struct FreeContext {
    void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
};
struct FreeCertificate {
    void operator()(X509* p) const noexcept { X509_free(p); }
};
struct FreeKey {
    void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
};
struct FreeBio {
    void operator()(BIO* p) const noexcept { BIO_free(p); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreeContext>;
using CertificatePtr = std::unique_ptr<X509, FreeCertificate>;

tl::unexpected<Failure> wrong(std::string_view what) {
    const unsigned long code = ERR_get_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    return fail(Failure::Kind::config,
                fmt::format("TLS: {}{}{}", what, reason == nullptr ? "" : ": ", reason == nullptr ? "" : reason));
}

std::vector<CertificatePtr> read_certificates(const std::string& pem) {
    std::vector<CertificatePtr> out;
    const std::unique_ptr<BIO, FreeBio> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    ASSERT(in != nullptr);
    while (out.size() < kChainMax) {
        CertificatePtr one(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
        if (!one) break;
        out.push_back(std::move(one));
    }
    if (!out.empty()) ERR_clear_error();  // the end of the text is an error to PEM_read
    return out;
}

Result<void> use_own_certificate(SSL_CTX* context, const std::string& pem, Signer& signer) {
    const auto chain = read_certificates(pem);
    if (chain.empty()) return wrong("our own certificate does not parse");
    const std::unique_ptr<EVP_PKEY, FreeKey> key(make_signing_key(chain[0].get(), signer));
    if (!key) return wrong("our own certificate is not for an ECDSA P-256 key");
    if (SSL_CTX_use_certificate(context, chain[0].get()) != 1 || SSL_CTX_use_PrivateKey(context, key.get()) != 1)
        return wrong("our own certificate is not taken");
    for (std::size_t i = 1; i < chain.size(); ++i)
        if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1)
            return wrong("an intermediate certificate is not taken");
    return {};
}

// `name`: that the peer's certificate must bear; empty: any.
Result<void> require_peers_of(SSL_CTX* context, const std::string& ca_pem, const std::string& name) {
    const auto authorities = read_certificates(ca_pem);
    if (authorities.empty()) return wrong("the CA certificate for the other side does not parse");
    for (const auto& ca : authorities)
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get()) != 1 ||
            SSL_CTX_add_client_CA(context, ca.get()) != 1)
            return wrong("the CA certificate for the other side is not taken");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_verify_depth(context, kPeerChainDepthMax);
    if (name.empty()) return {};
    X509_VERIFY_PARAM* expected = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_host(expected, name.data(), name.size()) != 1) return wrong("the other side's name is not taken");
    return {};
}

// No resumption: a ticket would stand for a certificate shown earlier.
void allow_only_full_tls13(SSL_CTX* context) {
    ASSERT(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1);
    ASSERT(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1);
    SSL_CTX_set_security_level(context, kSecurityLevel);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    ASSERT(SSL_CTX_set_num_tickets(context, 0) == 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
}
}  // namespace

Result<std::unique_ptr<ServerTls>> ServerTls::create(const Options& options, Signer& signer) {
    ContextPtr context(SSL_CTX_new(TLS_server_method()));
    ASSERT(context != nullptr);
    allow_only_full_tls13(context.get());
    if (auto used = use_own_certificate(context.get(), options.certificate_pem, signer); !used)
        return tl::unexpected(used.error());
    if (!options.client_ca_pem.empty())
        if (auto required = require_peers_of(context.get(), options.client_ca_pem, options.client_name); !required)
            return tl::unexpected(required.error());
    return std::unique_ptr<ServerTls>(new ServerTls(context.release()));
}

ServerTls::~ServerTls() {
    SSL_CTX_free(m_context);
}

ssl_st* ServerTls::new_session() const {
    SSL* session = SSL_new(m_context);
    ASSERT(session != nullptr);
    SSL_set_accept_state(session);
    return session;
}

Result<std::unique_ptr<ClientTls>> ClientTls::create(const Options& options, Signer& signer) {
    ASSERT(!options.server_name.empty());
    ContextPtr context(SSL_CTX_new(TLS_client_method()));
    ASSERT(context != nullptr);
    allow_only_full_tls13(context.get());
    if (auto used = use_own_certificate(context.get(), options.certificate_pem, signer); !used) return tl::unexpected(used.error());
    if (auto required = require_peers_of(context.get(), options.server_ca_pem, options.server_name); !required)
        return tl::unexpected(required.error());
    return std::unique_ptr<ClientTls>(new ClientTls(context.release(), options.server_name));
}

ClientTls::~ClientTls() {
    SSL_CTX_free(m_context);
}

ssl_st* ClientTls::new_session() const {
    SSL* session = SSL_new(m_context);
    ASSERT(session != nullptr);
    SSL_set_connect_state(session);
    ASSERT(SSL_set_tlsext_host_name(session, m_server_name.c_str()) == 1);  // RFC 6066 3: which certificate we expect
    return session;
}

}  // namespace giro::net
