// An OpenSSL private key without a private key: its public half is the certificate's, and to sign it asks a Signer.
#pragma once

#include "net/tls.hpp"

struct evp_pkey_st;
struct x509_st;

namespace giro::net {

// A key for SSL_CTX_use_PrivateKey; the caller owns it (EVP_PKEY_free). Null when the certificate's key is not P-256.
// `signer` must outlive the key. A signer's Failure fails the handshake.
[[nodiscard]] evp_pkey_st* make_signing_key(x509_st* certificate, Signer& signer);

}  // namespace giro::net
