#include "hsm/keys.hpp"

#include <fmt/format.h>

#include "chain/address.hpp"
#include "chain/script.hpp"

namespace giro::hsm {

namespace {
using Kind = Failure::Kind;

tl::unexpected<Failure> token_failure(const CkError& error, std::string_view label) {
    if (error.token_lost()) return fail(Kind::try_again, fmt::format("the token went away: {}", error.name()));
    return fail(Kind::integrity, fmt::format("key {}: {}", label, error.name()));
}

CK_OBJECT_CLASS class_of(KeyKind kind) noexcept {
    return kind == KeyKind::aes256 || kind == KeyKind::aes128 ? CKO_SECRET_KEY : CKO_PRIVATE_KEY;
}

// Finds one key after the other; after the first failure every call gives an invalid handle, and failure() says which.
class Finder {
  public:
    explicit Finder(const Session& session) noexcept : m_session(session) {}

    CK_OBJECT_HANDLE find(CK_OBJECT_CLASS object_class, const std::string& label) {
        if (m_failure) return CK_INVALID_HANDLE;
        const auto found = find_key(m_session, object_class, label);
        if (!found) return note(token_failure(found.error(), label));
        if (!*found)
            return note(
                fail(Kind::not_provisioned, fmt::format("the token has no key {}; run: giro-vault provision", label)));
        return **found;
    }

    // A private or secret key, which must not be able to leave the token.
    CK_OBJECT_HANDLE find_locked(CK_OBJECT_CLASS object_class, const std::string& label) {
        const CK_OBJECT_HANDLE key = find(object_class, label);
        if (m_failure) return key;
        const auto locked = is_locked_in(m_session, key);
        if (!locked) return note(token_failure(locked.error(), label));
        if (!*locked)
            return note(
                fail(Kind::integrity, fmt::format("key {} can be extracted from the token: do not use it", label)));
        return key;
    }

    // The same as a session object.
    CK_OBJECT_HANDLE find_hot(CK_OBJECT_CLASS object_class, const std::string& label) {
        const CK_OBJECT_HANDLE key = find_locked(object_class, label);
        if (m_failure) return key;
        const auto copy = copy_to_session(m_session, key);
        if (!copy) return note(token_failure(copy.error(), label));
        const auto locked = is_locked_in(m_session, *copy);
        if (!locked) return note(token_failure(locked.error(), label));
        return *locked ? *copy : key;  // a module whose copies are less locked in: slower, then
    }

    ByteArray<65> point(const std::string& label) {
        const CK_OBJECT_HANDLE key = find(CKO_PUBLIC_KEY, label);
        if (m_failure) return {};
        const auto value = ec_point(m_session, key);
        if (value) return *value;
        note(token_failure(value.error(), label));
        return {};
    }

    RsaPublicKey rsa(const std::string& label) {
        const CK_OBJECT_HANDLE key = find(CKO_PUBLIC_KEY, label);
        if (m_failure) return {};
        auto value = rsa_public_key(m_session, key);
        if (value) return std::move(*value);
        note(token_failure(value.error(), label));
        return {};
    }

    [[nodiscard]] const std::optional<Failure>& failure() const noexcept { return m_failure; }

  private:
    const Session& m_session;
    std::optional<Failure> m_failure;
    CK_OBJECT_HANDLE note(const tl::unexpected<Failure>& failure) {
        m_failure = failure.value();
        return CK_INVALID_HANDLE;
    }
};

chain::PublicKey compress(const ByteArray<65>& point) noexcept {
    chain::PublicKey out;
    out[0] = (point[64] & std::byte{1}) == std::byte{0} ? std::byte{0x02} : std::byte{0x03};  // SEC 1 2.3.3
    std::copy_n(point.begin() + 1, 32, out.begin() + 1);
    return out;
}

MultisigSigner find_multisig(Finder& finder, const std::string& prefix) {
    MultisigSigner out;
    auto& pub = out.public_part;
    for (std::size_t i = 0; i < vault::kMultisigKeys; ++i) {
        const std::string label = fmt::format("{}.{}", prefix, i + 1);
        out.handles[i] = finder.find_locked(CKO_PRIVATE_KEY, label);
        pub.keys[i] = compress(finder.point(label));
    }
    pub.witness_script = chain::multisig_script(vault::kMultisigRequired, pub.keys);
    pub.script = chain::p2wsh_script(pub.witness_script);
    pub.address = chain::encode_address(pub.script).value();  // a P2WSH script always has an address
    return out;
}

std::string owner_prefix(std::uint32_t owner) { return owner == kIssuer ? "issuer" : fmt::format("settle.{}", owner); }
}  // namespace

std::vector<KeySpec> key_table(std::span<const std::uint32_t> participants) {
    std::vector<KeySpec> table = {
        {"identity.rsa", KeyKind::rsa4096, KeyUse::sign},     {"identity.p256", KeyKind::p256, KeyUse::sign},
        {"checkpoint.p256", KeyKind::p256, KeyUse::sign},     {"terminal.master", KeyKind::aes256, KeyUse::derive},
        {"storage.pan", KeyKind::aes256, KeyUse::encrypt},    {"storage.token", KeyKind::aes256, KeyUse::sign},
        {"payment.lmk", KeyKind::aes256, KeyUse::sign},
    };
    const auto add_multisig = [&](const std::string& prefix) {
        for (std::size_t i = 1; i <= vault::kMultisigKeys; ++i)
            table.push_back({fmt::format("{}.{}", prefix, i), KeyKind::secp256k1, KeyUse::sign});
    };
    add_multisig("block");
    add_multisig(owner_prefix(kIssuer));
    for (const std::uint32_t id : participants) add_multisig(owner_prefix(id));
    return table;
}

Result<KeyRing> load_keys(const Session& session, std::span<const std::uint32_t> participants) {
    ASSERT(participants.size() <= kParticipantsMax);
    Finder finder(session);
    KeyRing ring;
    ring.identity_rsa = finder.find_locked(CKO_PRIVATE_KEY, "identity.rsa");
    ring.identity_p256 = finder.find_hot(CKO_PRIVATE_KEY, "identity.p256");
    ring.checkpoint_p256 = finder.find_locked(CKO_PRIVATE_KEY, "checkpoint.p256");
    ring.terminal_master = finder.find_hot(CKO_SECRET_KEY, "terminal.master");
    ring.storage_pan = finder.find_hot(CKO_SECRET_KEY, "storage.pan");
    ring.storage_token = finder.find_hot(CKO_SECRET_KEY, "storage.token");
    ring.payment_lmk = finder.find_hot(CKO_SECRET_KEY, "payment.lmk");
    ring.identity_rsa_public = finder.rsa("identity.rsa");
    ring.identity_p256_public = finder.point("identity.p256");
    ring.checkpoint_p256_public = finder.point("checkpoint.p256");
    ring.block = find_multisig(finder, "block");
    ring.owners.emplace(kIssuer, find_multisig(finder, owner_prefix(kIssuer)));
    for (const std::uint32_t id : participants) ring.owners.emplace(id, find_multisig(finder, owner_prefix(id)));
    if (finder.failure()) return tl::unexpected(*finder.failure());
    return ring;
}

Result<std::size_t> generate_missing_keys(const Session& session, std::span<const std::uint32_t> participants,
                                          const std::function<void(const KeySpec&)>& made) {
    std::size_t count = 0;
    for (const KeySpec& spec : key_table(participants)) {
        const auto found = find_key(session, class_of(spec.kind), spec.label);
        if (!found) return token_failure(found.error(), spec.label);
        if (*found) continue;
        if (const auto done = generate_key(session, spec.kind, spec.use, spec.label); !done)
            return token_failure(done.error(), spec.label);
        made(spec);
        ++count;
    }
    return count;
}

}  // namespace giro::hsm
