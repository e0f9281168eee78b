// Keys and certificates made for one test run: a CA, a server and clients under it, all ECDSA P-256.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "net/tls.hpp"

namespace giro::net {

struct FreePkey {
    void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
};
struct FreeX509 {
    void operator()(X509* p) const noexcept { X509_free(p); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreePkey>;
using X509Ptr = std::unique_ptr<X509, FreeX509>;

struct Identity {
    KeyPtr key;
    X509Ptr certificate;
    [[nodiscard]] std::string pem() const;
};

// Self-signed.
[[nodiscard]] Identity make_ca(const std::string& name);
// Signed by `ca`; `usage` is "serverAuth" or "clientAuth". `curve`: OpenSSL's name.
[[nodiscard]] Identity make_identity(const Identity& ca, const std::string& name, const char* usage,
                                     const char* curve = "P-256");

// Stands for the vault: signs with a key of the test, or refuses.
class TestSigner final : public Signer {
  public:
    explicit TestSigner(EVP_PKEY* key) noexcept : m_key(key) {}
    [[nodiscard]] Result<Buffer> sign_digest(Bytes digest32) override;
    bool refuses = false;
    int calls = 0;

  private:
    EVP_PKEY* m_key;
};

}  // namespace giro::net
