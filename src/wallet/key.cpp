#include "wallet/key.hpp"

#include <fcntl.h>
#include <secp256k1.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "util/bytes.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"

namespace giro::wallet {

namespace {
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kFileBytes = 2 * kSecretBytes + 1;
constexpr int kAttemptsMax = 8;  // one try in 2^128 draws a number that is no key

const unsigned char* raw(Bytes bytes) noexcept { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(MutableBytes bytes) noexcept { return reinterpret_cast<unsigned char*>(bytes.data()); }

// One context of each kind for the whole process, made at first use and never changed after, so threads share them.
const secp256k1_context* verify_context() {
    static const secp256k1_context* const context = secp256k1_context_create(SECP256K1_CONTEXT_VERIFY);
    return context;
}
// Blinded by fresh randomness against power and timing measurements; that changes no output.
const secp256k1_context* sign_context() {
    static const secp256k1_context* const context = [] {
        secp256k1_context* made = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
        Secret seed(kSecretBytes);
        SystemRandom().fill(seed.writable());
        ASSERT(secp256k1_context_randomize(made, raw(seed.reveal())) == 1);
        return made;
    }();
    return context;
}

Signature sign_digest(const Secret& secret, const Hash256& digest) {
    secp256k1_ecdsa_signature parsed;
    // RFC 6979 nonce; libsecp256k1 always gives the low-s form.
    ASSERT(secp256k1_ecdsa_sign(sign_context(), &parsed, raw(digest), raw(secret.reveal()), nullptr, nullptr) == 1);
    Signature out;
    secp256k1_ecdsa_signature_serialize_compact(sign_context(), raw(MutableBytes(out)), &parsed);
    return out;
}

tl::unexpected<Failure> refuse(const std::filesystem::path& path, std::string_view what) {
    return fail(Failure::Kind::refused, fmt::format("wallet file {} {}", path.string(), what));
}
}  // namespace

Expected<void, OrderError> verify_digest(const PublicKey& pubkey, const Hash256& digest, const Signature& signature) {
    const secp256k1_context* context = verify_context();
    secp256k1_pubkey key;
    if (secp256k1_ec_pubkey_parse(context, &key, raw(pubkey), pubkey.size()) != 1)
        return tl::unexpected(OrderError::bad_pubkey);
    secp256k1_ecdsa_signature parsed;
    if (secp256k1_ecdsa_signature_parse_compact(context, &parsed, raw(signature)) != 1)
        return tl::unexpected(OrderError::bad_signature);
    if (secp256k1_ecdsa_signature_normalize(context, nullptr, &parsed) == 1) return tl::unexpected(OrderError::high_s);
    if (secp256k1_ecdsa_verify(context, &parsed, raw(digest), &key) != 1)
        return tl::unexpected(OrderError::bad_signature);
    return {};
}

std::optional<WalletKey> WalletKey::from_secret(Secret secret) {
    secp256k1_pubkey parsed;
    if (secret.size() != kSecretBytes || secp256k1_ec_pubkey_create(sign_context(), &parsed, raw(secret.reveal())) != 1)
        return std::nullopt;
    WalletKey key;
    key.m_secret = std::move(secret);
    std::size_t size = key.m_pubkey.size();
    secp256k1_ec_pubkey_serialize(sign_context(), raw(MutableBytes(key.m_pubkey)), &size, &parsed, SECP256K1_EC_COMPRESSED);
    ASSERT(size == key.m_pubkey.size());
    return key;
}

WalletKey WalletKey::create(Random& random) {
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        Secret secret(kSecretBytes);
        random.fill(secret.writable());
        if (auto key = from_secret(std::move(secret))) return std::move(*key);
    }
    assertion_failed("the random generator gives valid keys", __FILE__, __LINE__);
}

Result<WalletKey> WalletKey::load(const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && (status.st_mode & 0177) != 0)
        return refuse(path, fmt::format("is open to others: chmod 600 {}", path.string()));
    auto bytes = read_file(path, kFileBytes);
    if (!bytes) return tl::unexpected(bytes.error());
    const Secret text(std::move(*bytes));
    if (text.size() != kFileBytes || text.reveal().back() != std::byte{'\n'})
        return refuse(path, "is not a wallet: 64 hexadecimal digits and a newline expected");
    auto secret = from_hex(as_text(text.reveal().first(2 * kSecretBytes)));
    if (!secret) return refuse(path, "is not a wallet: 64 hexadecimal digits and a newline expected");
    auto key = from_secret(Secret(std::move(*secret)));
    if (!key) return refuse(path, "holds a number that is no secp256k1 key: restore it from its copy");
    return std::move(*key);
}

Result<void> WalletKey::save(const std::filesystem::path& path) const {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) return refuse(path, "exists already: move it away first, it may hold money");
    if (fd < 0) return refuse(path, fmt::format("cannot be created: {}", std::strerror(errno)));
    ::close(fd);  // the name is ours now: fill it atomically
    std::string text = to_hex(m_secret.reveal()) + "\n";
    const auto written = write_file_atomic(path, as_bytes(text), 0600);
    wipe(std::as_writable_bytes(std::span(text)));
    if (!written) ::unlink(path.c_str());
    return written;
}

SignedOrder WalletKey::sign(PaymentOrder order) const {
    order.payer_pubkey = m_pubkey;
    ASSERT(check_order(order).has_value());
    return {order, sign_digest(m_secret, order_digest(order))};
}

SignedQuery WalletKey::sign(WalletQuery query) const {
    query.pubkey = m_pubkey;
    return {query, sign_digest(m_secret, query_digest(query))};
}

Hash160 pubkey_hash(const PublicKey& pubkey) { return hash160(pubkey); }

}  // namespace giro::wallet
