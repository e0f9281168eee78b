// OpenSSL 3.0 has two ways to a key kept elsewhere: a provider (keymgmt and signature tables, some 400 lines) or an
// EC_KEY with a method of its own. The second is deprecated but kept through 3.x: a key with a foreign method is not
// exported to the providers, and EVP_DigestSign takes the older path that ends in our function. Hence the define below.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "net/signing_key.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/x509.h>

namespace giro::net {

namespace {
constexpr int kDigestBytes = 32;  // TLS 1.3 ties P-256 to SHA-256 (RFC 8446 4.2.3)

int signer_index() {
    static const int index = EC_KEY_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

// `signature` has room for ECDSA_size(key) bytes. 1 when signed, 0 when not.
int sign(int /*type*/, const unsigned char* digest, int digest_bytes, unsigned char* signature, unsigned int* size,
         const BIGNUM* /*kinv*/, const BIGNUM* /*r*/, EC_KEY* key) {
    auto* signer = static_cast<Signer*>(EC_KEY_get_ex_data(key, signer_index()));
    if (signer == nullptr || digest_bytes != kDigestBytes) return 0;
    const auto der = signer->sign_digest({reinterpret_cast<const std::byte*>(digest), kDigestBytes});
    if (!der || der->empty() || der->size() > static_cast<std::size_t>(ECDSA_size(key))) return 0;
    std::memcpy(signature, der->data(), der->size());
    *size = static_cast<unsigned int>(der->size());
    return 1;
}

// A copy of OpenSSL's own method with sign replaced. Signing in two steps is not offered: there is no key to do it
// with.
const EC_KEY_METHOD* method() {
    static EC_KEY_METHOD* const made = [] {
        EC_KEY_METHOD* copy = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
        ASSERT(copy != nullptr);
        EC_KEY_METHOD_set_sign(copy, sign, nullptr, nullptr);
        return copy;
    }();
    return made;
}
}  // namespace

evp_pkey_st* make_signing_key(x509_st* certificate, Signer& signer) {
    EVP_PKEY* shown = X509_get0_pubkey(certificate);
    const EC_KEY* shown_key =
        shown != nullptr && EVP_PKEY_is_a(shown, "EC") == 1 ? EVP_PKEY_get0_EC_KEY(shown) : nullptr;
    if (shown_key == nullptr || EC_GROUP_get_curve_name(EC_KEY_get0_group(shown_key)) != NID_X9_62_prime256v1)
        return nullptr;
    EC_KEY* key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    EVP_PKEY* out = EVP_PKEY_new();
    ASSERT(key != nullptr && out != nullptr);
    ASSERT(EC_KEY_set_public_key(key, EC_KEY_get0_public_key(shown_key)) == 1);
    ASSERT(EC_KEY_set_method(key, method()) == 1);
    ASSERT(EC_KEY_set_ex_data(key, signer_index(), &signer) == 1);
    ASSERT(EVP_PKEY_assign_EC_KEY(out, key) == 1);
    return out;
}

}  // namespace giro::net
