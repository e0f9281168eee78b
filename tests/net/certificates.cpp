#include "certificates.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace giro::net {

namespace {
long next_serial() {
    static long serial = 1;
    return serial++;
}

KeyPtr make_key(const char* curve) {
    KeyPtr key(EVP_EC_gen(curve));
    ASSERT(key != nullptr);
    return key;
}

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    ASSERT(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

X509Ptr make_certificate(EVP_PKEY* key, const std::string& name, const X509* issuer) {
    X509Ptr out(X509_new());
    ASSERT(X509_set_version(out.get(), X509_VERSION_3) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), next_serial());
    X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), 86400);
    X509_set_pubkey(out.get(), key);
    X509_NAME* subject = X509_get_subject_name(out.get());
    ASSERT(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1);
    X509_set_issuer_name(out.get(), issuer == nullptr ? subject : X509_get_subject_name(issuer));
    return out;
}
}  // namespace

std::string Identity::pem() const {
    BIO* out = BIO_new(BIO_s_mem());
    ASSERT(PEM_write_bio_X509(out, certificate.get()) == 1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(out);
    return pem;
}

Identity make_ca(const std::string& name) {
    Identity ca{make_key("P-256"), nullptr};
    ca.certificate = make_certificate(ca.key.get(), name, nullptr);
    add_extension(ca.certificate.get(), ca.certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca.certificate.get(), ca.certificate.get(), NID_key_usage, "critical,keyCertSign");
    ASSERT(X509_sign(ca.certificate.get(), ca.key.get(), EVP_sha256()) > 0);
    return ca;
}

Identity make_identity(const Identity& ca, const std::string& name, const char* usage, const char* curve) {
    Identity out{make_key(curve), nullptr};
    out.certificate = make_certificate(out.key.get(), name, ca.certificate.get());
    add_extension(out.certificate.get(), ca.certificate.get(), NID_key_usage, "critical,digitalSignature");
    add_extension(out.certificate.get(), ca.certificate.get(), NID_ext_key_usage, usage);
    ASSERT(X509_sign(out.certificate.get(), ca.key.get(), EVP_sha256()) > 0);
    return out;
}

Result<Buffer> TestSigner::sign_digest(Bytes digest32) {
    ++calls;
    if (refuses) return fail(Failure::Kind::try_again, "the test's signer refuses");
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(m_key, nullptr);
    Buffer der(128);
    std::size_t size = der.size();
    ASSERT(EVP_PKEY_sign_init(context) == 1);
    ASSERT(EVP_PKEY_sign(context, reinterpret_cast<unsigned char*>(der.data()), &size,
                         reinterpret_cast<const unsigned char*>(digest32.data()), digest32.size()) == 1);
    EVP_PKEY_CTX_free(context);
    der.resize(size);
    return der;
}

}  // namespace giro::net
