// X.509 v3 certificates of the box's own authority (RFC 5280), built here and signed in the token by identity.rsa
// (sha256WithRSAEncryption, RFC 8017). Three roles; the role stands in the extended key usage and in the organisational
// unit, and a name in the common name. Hostile: `name` and `spki` of a request.
#pragma once

#include <cstdint>
#include <string>

#include "hsm/keys.hpp"
#include "vault/wire.hpp"

namespace giro::hsm {

enum class CertificateError {
    bad_name,      // not 1 to 64 of A-Z a-z 0-9 . - _ and blank
    bad_key,       // not a SubjectPublicKeyInfo of RSA >= 2048 bits, P-256, P-384 or Ed25519
    token_failed,  // the token did not sign
};
struct CertificateFault {
    CertificateError error;
    CkError token{};  // of token_failed: the token's own word, by which a lost one is told from one that dislikes the request
};

inline constexpr std::uint32_t kCaDays = 3650;
inline constexpr std::uint32_t kCertificateDays = 825;

// `wall_s`: seconds since 1970. `serial`: 16 random bytes. DER.
[[nodiscard]] Expected<Buffer, CertificateFault> issue_ca_certificate(const Session& session, const KeyRing& keys,
                                                                      std::uint64_t wall_s,
                                                                      const ByteArray<16>& serial);
[[nodiscard]] Expected<Buffer, CertificateFault> issue_certificate(const Session& session, const KeyRing& keys,
                                                                   vault::CertificateRole role, const std::string& name,
                                                                   Bytes spki, std::uint64_t wall_s,
                                                                   const ByteArray<16>& serial);

// SubjectPublicKeyInfo of an uncompressed P-256 point (RFC 5480).
[[nodiscard]] Buffer p256_spki(const ByteArray<65>& point);
// "-----BEGIN CERTIFICATE-----": the form OpenSSL and people read (RFC 7468).
[[nodiscard]] std::string certificate_pem(Bytes der);

}  // namespace giro::hsm
