#include <algorithm>

#include "chain/verify.hpp"
#include "hsm/handlers.hpp"
#include "util/bytes.hpp"

namespace giro::hsm {

namespace {
constexpr std::size_t kGcmNonceBytes = 12;
// NIST SP 800-38D 8.3: at most 2^32 random nonces under one key; at 100 cards a second that is 497 days of *new* seals,
// and a seal is made once per payment at most. storage.pan is to be replaced before.

// The digits as they are sealed: always the same size, so that the ciphertext does not tell how many there are.
Secret pad(const Pan& pan) {
    Secret out(vault::ProtectedPan::kCipherBytes - kGcmTagBytes);
    const auto digits = as_bytes(pan.reveal());
    out.writable()[0] = static_cast<std::byte>(digits.size());
    std::ranges::copy(digits, out.writable().begin() + 1);
    return out;
}

std::optional<Pan> unpad(Bytes plain) {
    const auto size = std::to_integer<std::size_t>(plain[0]);
    ASSERT(size <= Pan::kDigitsMax);  // what opens was sealed by pad()
    return Pan::parse(as_text(plain.subspan(1, size)));
}

Verdict<vault::ProtectedPan> protect(Vault::Present& at, const Pan& pan, Bytes nonce) {
    vault::ProtectedPan out;
    const auto token = cmac(at.session(), at.keys.storage_token, as_bytes(pan.reveal()));
    if (!token) return token_failed(token.error());
    out.token = *token;
    std::ranges::copy(nonce, out.nonce.begin());
    const Secret plain = pad(pan);
    const auto cipher = gcm_encrypt(at.session(), at.keys.storage_pan, out.nonce, out.token, plain.reveal());
    if (!cipher) return token_failed(cipher.error());
    ASSERT(cipher->size() == out.cipher.size());
    std::ranges::copy(*cipher, out.cipher.begin());
    return out;
}

// Empty when the ciphertext is not of this token.
Verdict<Pan> reveal(Vault::Present& at, const vault::ProtectedPan& item) {
    const auto plain = gcm_decrypt(at.session(), at.keys.storage_pan, item.nonce, item.token, item.cipher);
    if (!plain && plain.error().code == CKR_ENCRYPTED_DATA_INVALID) return Pan();
    if (!plain) return token_failed(plain.error());
    return unpad(plain->reveal()).value_or(Pan());
}
}  // namespace

Verdict<vault::MacVerify::Reply> mac_verify(Vault& vault, const vault::MacVerify::Request& request) {
    vault::MacVerify::Reply reply;
    reply.good.reserve(request.items.size());
    for (const auto& item : request.items) {
        const auto mac = vault.present()->terminal_keys.mac(item.terminal, item.nonce, item.data, item.kind);
        if (!mac) return token_failed(mac.error());
        reply.good.push_back(equal_constant_time(*mac, item.mac));
    }
    return reply;
}

Verdict<vault::MacGenerate::Reply> mac_generate(Vault& vault, const vault::MacGenerate::Request& request) {
    vault::MacGenerate::Reply reply;
    reply.macs.reserve(request.items.size());
    for (const auto& item : request.items) {
        const auto mac = vault.present()->terminal_keys.mac(item.terminal, item.nonce, item.data, item.kind);
        if (!mac) return token_failed(mac.error());
        reply.macs.push_back(*mac);
    }
    return reply;
}

Verdict<vault::NewSessionKey::Reply> new_session_key(Vault& vault, const vault::NewSessionKey::Request& request) {
    if (request.terminal.empty()) return refuse("a session key for no terminal");
    Vault::Present& at = *vault.present();
    vault::NewSessionKey::Reply reply;
    reply.nonce = request.of;
    if (reply.nonce == vault::Nonce{}) {
        const auto random = at.session().cryptoki().C_GenerateRandom(at.session().handle(), reply.nonce);
        if (!random) return token_failed(random.error());
    }
    const auto kcv = at.terminal_keys.kcv(request.terminal, reply.nonce, request.kind);
    if (!kcv) return token_failed(kcv.error());
    reply.kcv = *kcv;
    if (!request.pins) return reply;
    const auto aes = at.terminal_keys.pin_kcv(request.terminal, reply.nonce, vault::PinKeyKind::aes);
    if (!aes) return token_failed(aes.error());
    const auto tdes = at.terminal_keys.pin_kcv(request.terminal, reply.nonce, vault::PinKeyKind::tdes);
    if (!tdes) return token_failed(tdes.error());
    reply.pin_aes = *aes;
    reply.pin_tdes = *tdes;
    return reply;
}

Verdict<vault::ProtectPan::Reply> protect_pan(Vault& vault, const vault::ProtectPan::Request& request) {
    Vault::Present& at = *vault.present();
    if (std::ranges::any_of(request.pans, &Pan::empty)) return refuse("an empty PAN");
    Buffer nonces(request.pans.size() * kGcmNonceBytes);
    const auto random = at.session().cryptoki().C_GenerateRandom(at.session().handle(), nonces);
    if (!random) return token_failed(random.error());
    vault::ProtectPan::Reply reply;
    for (std::size_t i = 0; i < request.pans.size(); ++i) {
        const auto item = protect(at, request.pans[i], Bytes(nonces).subspan(i * kGcmNonceBytes, kGcmNonceBytes));
        if (!item) return tl::unexpected(item.error());
        reply.pans.push_back(*item);
    }
    return reply;
}

Verdict<vault::RevealPan::Reply> reveal_pan(Vault& vault, const vault::RevealPan::Request& request) {
    vault::RevealPan::Reply reply;
    for (const auto& item : request.pans) {
        const auto pan = reveal(*vault.present(), item);
        if (!pan) return tl::unexpected(pan.error());
        reply.pans.push_back(*pan);
    }
    return reply;
}

Verdict<vault::TlsSign::Reply> tls_sign(Vault& vault, const vault::TlsSign::Request& request) {
    Vault::Present& at = *vault.present();
    const auto signature = sign_ecdsa(at.session(), at.keys.identity_p256, Curve::p256, request.digest);
    if (!signature) return token_failed(signature.error());
    return vault::TlsSign::Reply{ecdsa_der(*signature)};
}

}  // namespace giro::hsm
