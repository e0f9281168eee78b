#include "hsm/certificate.hpp"

#include <botan/ber_dec.h>
#include <botan/data_src.h>
#include <botan/der_enc.h>
#include <botan/ecdsa.h>
#include <botan/pem.h>
#include <botan/pkix_types.h>
#include <botan/rsa.h>
#include <botan/x509_ext.h>
#include <botan/x509_key.h>

#include <algorithm>
#include <chrono>

#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::hsm {

namespace {
using DerBytes = std::vector<std::uint8_t>;

constexpr const char* kSha256WithRsa = "1.2.840.113549.1.1.11";  // RFC 8017 A.2.4
constexpr const char* kServerAuth = "1.3.6.1.5.5.7.3.1";         // RFC 5280 4.2.1.12
constexpr const char* kClientAuth = "1.3.6.1.5.5.7.3.2";
constexpr const char* kCaName = "Giro box authority";
constexpr std::uint64_t kBackdate_s = 300;  // a peer's clock may be a little behind
constexpr std::size_t kKeyIdBytes = 20;

const std::uint8_t* raw(Bytes b) noexcept { return reinterpret_cast<const std::uint8_t*>(b.data()); }
Buffer buffer_of(const DerBytes& der) {
    const Bytes view = std::as_bytes(std::span(der));
    return {view.begin(), view.end()};
}

// What a certificate says, before it is bytes.
struct Subject {
    std::string name;
    std::string unit;
    DerBytes spki;
    bool is_authority = false;
    const char* purpose = nullptr;  // extended key usage OID; a server is a client, too: of links' hosts
    std::uint32_t days = 0;
};

struct RoleRow {
    vault::CertificateRole role;
    const char* unit;
    const char* purpose;
};
constexpr std::array kRoles = {RoleRow{vault::CertificateRole::server, "server", kServerAuth},
                               RoleRow{vault::CertificateRole::terminal, "terminal", kClientAuth},
                               RoleRow{vault::CertificateRole::admin, "admin", kClientAuth}};

Botan::X509_DN name_of(const std::string& common_name, const std::string& unit) {
    Botan::X509_DN dn;
    dn.add_attribute("X520.Organization", "Giro");
    dn.add_attribute("X520.OrganizationalUnit", unit);
    dn.add_attribute("X520.CommonName", common_name);
    return dn;
}

// RFC 7093 2(1): the leftmost 160 bits of the SHA-256 of the key.
DerBytes key_id(const DerBytes& spki) {
    const Hash256 hash = sha256(std::as_bytes(std::span(spki)));
    DerBytes id(kKeyIdBytes);
    std::memcpy(id.data(), hash.data(), id.size());
    return id;
}

DerBytes authority_spki(const KeyRing& keys) {
    const auto& rsa = keys.identity_rsa_public;
    const Botan::RSA_PublicKey key(Botan::BigInt(raw(rsa.modulus), rsa.modulus.size()),
                                   Botan::BigInt(raw(rsa.exponent), rsa.exponent.size()));
    return key.subject_public_key();
}

Botan::Extensions extensions_of(const Subject& subject, const DerBytes& issuer_spki) {
    Botan::Extensions list;
    list.add(new Botan::Cert_Extension::Basic_Constraints(subject.is_authority, 0), true);
    list.add(new Botan::Cert_Extension::Key_Usage(subject.is_authority
                                                      ? Botan::Key_Constraints(Botan::KEY_CERT_SIGN | Botan::CRL_SIGN)
                                                      : Botan::Key_Constraints(Botan::DIGITAL_SIGNATURE)),
             true);
    list.add(new Botan::Cert_Extension::Subject_Key_ID(key_id(subject.spki)));
    list.add(new Botan::Cert_Extension::Authority_Key_ID(key_id(issuer_spki)));
    if (subject.purpose != nullptr)
        list.add(new Botan::Cert_Extension::Extended_Key_Usage(
            subject.purpose == kServerAuth ? std::vector{Botan::OID(kServerAuth), Botan::OID(kClientAuth)} : std::vector{Botan::OID(subject.purpose)}));
    if (subject.purpose == kServerAuth) {
        Botan::AlternativeName alternatives;
        alternatives.add_attribute("DNS", subject.name);
        alternatives.add_attribute("IP", "127.0.0.1");
        list.add(new Botan::Cert_Extension::Subject_Alternative_Name(alternatives));
    }
    return list;
}

Botan::X509_Time time_of(std::uint64_t wall_s) {
    return Botan::X509_Time(std::chrono::system_clock::time_point(std::chrono::seconds(wall_s)));
}

Botan::AlgorithmIdentifier signature_algorithm() {
    return {Botan::OID(kSha256WithRsa), Botan::AlgorithmIdentifier::USE_NULL_PARAM};
}

// RFC 5280 4.1: TBSCertificate.
DerBytes to_be_signed(const Subject& subject, const DerBytes& issuer_spki, std::uint64_t wall_s,
                      const ByteArray<16>& serial) {
    Botan::BigInt number(raw(serial), serial.size());
    number.clear_bit(127);  // positive, at most 20 bytes (4.1.2.2)
    number.set_bit(120);    // and never zero
    DerBytes out;
    Botan::DER_Encoder(out)
        .start_cons(Botan::SEQUENCE)
        .start_explicit(0)
        .encode(std::size_t{2})  // v3
        .end_explicit()
        .encode(number)
        .encode(signature_algorithm())
        .encode(name_of(kCaName, "authority"))
        .start_cons(Botan::SEQUENCE)
        .encode(time_of(wall_s - kBackdate_s))
        .encode(time_of(wall_s + std::uint64_t{subject.days} * 86'400))
        .end_cons()
        .encode(name_of(subject.name, subject.unit))
        .raw_bytes(subject.spki)
        .start_explicit(3)
        .start_cons(Botan::SEQUENCE)
        .encode(extensions_of(subject, issuer_spki))
        .end_cons()
        .end_explicit()
        .end_cons();
    return out;
}

Expected<Buffer, CertificateFault> sign(const Session& session, const KeyRing& keys, const Subject& subject,
                                        std::uint64_t wall_s, const ByteArray<16>& serial) {
    const DerBytes tbs = to_be_signed(subject, authority_spki(keys), wall_s, serial);
    const auto signature = sign_rsa_pkcs1(session, keys.identity_rsa, std::as_bytes(std::span(tbs)));
    if (!signature) return tl::unexpected(CertificateFault{CertificateError::token_failed, signature.error()});
    DerBytes out;
    Botan::DER_Encoder(out)
        .start_cons(Botan::SEQUENCE)
        .raw_bytes(tbs)
        .encode(signature_algorithm())
        .encode(raw(*signature), signature->size(), Botan::BIT_STRING)
        .end_cons();
    return buffer_of(out);
}

bool is_good_name(const std::string& name) noexcept {
    constexpr std::string_view kAllowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_ ";
    return !name.empty() && name.size() <= vault::kNameBytesMax &&
           name.find_first_not_of(kAllowed) == std::string::npos;
}

// The key re-encoded, so that what we sign is ours; empty when it is no key we certify.
DerBytes checked_spki(Bytes spki) try {
    Botan::DataSource_Memory source(raw(spki), spki.size());
    const std::unique_ptr<Botan::Public_Key> key(Botan::X509::load_key(source));
    if (!source.end_of_data()) return {};
    const std::string algorithm = key->algo_name();
    if (algorithm == "RSA" && key->key_length() >= 2048 && key->key_length() <= 4096) return key->subject_public_key();
    if (algorithm == "Ed25519") return key->subject_public_key();
    const auto* ec = dynamic_cast<const Botan::ECDSA_PublicKey*>(key.get());
    if (ec == nullptr) return {};
    const Botan::OID curve = ec->domain().get_curve_oid();
    if (curve != Botan::OID("1.2.840.10045.3.1.7") && curve != Botan::OID("1.3.132.0.34")) return {};
    return key->subject_public_key();
} catch (const std::exception&) {  // not a key
    return {};
}
}  // namespace

Expected<Buffer, CertificateFault> issue_ca_certificate(const Session& session, const KeyRing& keys,
                                                        std::uint64_t wall_s, const ByteArray<16>& serial) {
    const Subject subject{kCaName, "authority", authority_spki(keys), true, nullptr, kCaDays};
    return sign(session, keys, subject, wall_s, serial);
}

Expected<Buffer, CertificateFault> issue_certificate(const Session& session, const KeyRing& keys,
                                                     vault::CertificateRole role, const std::string& name, Bytes spki,
                                                     std::uint64_t wall_s, const ByteArray<16>& serial) {
    if (!is_good_name(name)) return tl::unexpected(CertificateFault{CertificateError::bad_name});
    const auto* row = std::ranges::find(kRoles, role, &RoleRow::role);
    ASSERT(row != kRoles.end());
    Subject subject{name, row->unit, checked_spki(spki), false, row->purpose, kCertificateDays};
    if (subject.spki.empty()) return tl::unexpected(CertificateFault{CertificateError::bad_key});
    return sign(session, keys, subject, wall_s, serial);
}

Buffer p256_spki(const ByteArray<65>& point) {
    const Botan::EC_Group group("secp256r1");
    Botan::ECDSA_PublicKey key(group, group.OS2ECP(raw(point), point.size()));
    key.set_parameter_encoding(Botan::EC_DOMPAR_ENC_OID);
    return buffer_of(key.subject_public_key());
}

std::string certificate_pem(Bytes der) { return Botan::PEM_Code::encode(raw(der), der.size(), "CERTIFICATE"); }

}  // namespace giro::hsm
