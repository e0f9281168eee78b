#include "vault/digests.hpp"

#include <botan/data_src.h>
#include <botan/ecdsa.h>
#include <botan/pk_keys.h>
#include <botan/pkcs8.h>
#include <botan/pubkey.h>
#include <botan/rsa.h>
#include <botan/system_rng.h>
#include <botan/x509_key.h>

#include <memory>

#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::vault {

namespace {
const std::uint8_t* raw(Bytes b) noexcept { return reinterpret_cast<const std::uint8_t*>(b.data()); }

// RFC 8017 8.1 over a digest that is already there, so "Raw"; salt as long as the hash.
constexpr const char* kApprovalPadding = "PSSR_Raw(SHA-256,MGF1,32)";
constexpr std::size_t kOfficerKeyBitsMin = 2048;

bool is_strong_rsa(const Botan::Public_Key& key) {
    return key.algo_name() == "RSA" && key.key_length() >= kOfficerKeyBitsMin;
}
}  // namespace

Hash256 approval_digest(std::uint64_t window, Bytes unsigned_tx, std::span<const std::int64_t> input_amounts) {
    Buffer tail;
    Buffer head;
    Writer head_writer(head);
    head_writer.bytes(as_bytes("giro-approval-v1"));
    head_writer.u64(window);
    Writer tail_writer(tail);
    for (const std::int64_t amount : input_amounts) tail_writer.i64(amount);
    return sha256({head, unsigned_tx, tail});
}

Hash256 component_digest(std::string_view name, std::string_view header, const Secret& component) {
    Buffer message;
    Writer w(message);
    w.bytes(as_bytes("giro-component-v1"));
    w.text(FixedText<22>(name));
    w.u8(static_cast<std::uint8_t>(header.size()));
    w.bytes(as_bytes(header));
    w.bytes(sha256(component.reveal()));
    return sha256(message);
}

Hash256 checkpoint_digest(const Checkpoint& checkpoint) {
    Buffer message;
    Writer w(message);
    w.bytes(as_bytes("giro-checkpoint-v1"));
    w.u64(checkpoint.seq);
    w.bytes(checkpoint.chain_hash);
    w.bytes(checkpoint.state_digest);
    return sha256(message);
}

Result<Buffer> sign_approval(const Secret& private_key_pem, const Hash256& digest) try {
    Botan::DataSource_Memory source(raw(private_key_pem.reveal()), private_key_pem.size());
    const std::unique_ptr<Botan::Private_Key> key = Botan::PKCS8::load_key(source);
    if (!is_strong_rsa(*key))
        return fail(Failure::Kind::config, "an officer's key must be RSA of 2048 bits or more");
    Botan::PK_Signer signer(*key, Botan::system_rng(), kApprovalPadding);
    const auto signature = signer.sign_message(raw(digest), digest.size(), Botan::system_rng());
    const Bytes view = std::as_bytes(std::span(signature));
    return Buffer(view.begin(), view.end());
} catch (const std::exception& e) {
    return fail(Failure::Kind::config, std::string("cannot sign with the officer's key: ") + e.what());
}

bool verify_approval(std::string_view public_key_pem, const Hash256& digest, Bytes signature) try {
    Botan::DataSource_Memory source(raw(as_bytes(public_key_pem)), public_key_pem.size());
    const std::unique_ptr<Botan::Public_Key> key(Botan::X509::load_key(source));
    if (!is_strong_rsa(*key)) return false;
    Botan::PK_Verifier verifier(*key, kApprovalPadding);
    return verifier.verify_message(raw(digest), digest.size(), raw(signature), signature.size());
} catch (const std::exception&) {  // no PEM, no key: it verifies nothing
    return false;
}

bool verify_checkpoint(Bytes public_key, const SignedCheckpoint& checkpoint) try {
    const Botan::EC_Group group("secp256r1");
    const Botan::ECDSA_PublicKey key(group, group.OS2ECP(raw(public_key), public_key.size()));
    Botan::PK_Verifier verifier(key, "Raw");
    const Hash256 digest = checkpoint_digest(checkpoint.checkpoint);
    return verifier.verify_message(raw(digest), digest.size(), raw(checkpoint.signature), checkpoint.signature.size());
} catch (const std::exception&) {  // not a point of the curve
    return false;
}

}  // namespace giro::vault
