#include "hsm/verbs.hpp"

#include <algorithm>

#include "hsm/handlers.hpp"
#include "util/log.hpp"

namespace giro::hsm {

namespace {
// Decodes, handles, encodes. A handler takes the caller only where what may be meant depends on it.
template <typename V, auto kHandle>
Verdict<std::optional<Buffer>> adapt(Vault& vault, Caller caller, Bytes body) {
    const auto request = vault::decode<typename V::Request>(body);
    if (!request) return std::nullopt;
    const auto reply = [&] {
        if constexpr (requires { kHandle(vault, caller, *request); }) return kHandle(vault, caller, *request);
        else return kHandle(vault, *request);
    }();
    if (!reply) return tl::unexpected(reply.error());
    Buffer out;
    vault::encode(out, *reply);
    return out;
}

constexpr unsigned bit(Caller c) { return static_cast<unsigned>(c); }
constexpr unsigned bit(Permit p) { return static_cast<unsigned>(p); }
constexpr unsigned kAnyone = 63;
constexpr unsigned kRunning = bit(Permit::running), kProvisioning = bit(Permit::provisioning),
                   kAlways = kRunning | kProvisioning;
constexpr unsigned kSwitch = bit(Caller::giro_switch), kGate = bit(Caller::gate), kSettle = bit(Caller::settle),
                   kChain = bit(Caller::chain), kAuditor = bit(Caller::auditor), kAdmin = bit(Caller::admin);

using bus::MessageType;
template <typename V, auto kHandle>
constexpr Verb row(std::string_view verb, unsigned callers, unsigned permits, bool needs_token) {
    return {V::kType, verb, callers, permits, needs_token, &adapt<V, kHandle>};
}

constexpr bool kToken = true, kNoToken = false;
constexpr std::array kVerbs = {
    // verb                                                   name                   callers permits
    row<vault::VaultStatus, vault_status>("status", kAnyone, kAlways, kNoToken),
    row<vault::PublicKeys, public_keys>("public_keys", kAnyone, kAlways, kNoToken),
    row<vault::RandomBytes, random_bytes>("random", kAnyone, kAlways, kToken),
    row<vault::MacVerify, mac_verify>("mac_verify", kSwitch, kRunning, kToken),
    row<vault::MacGenerate, mac_generate>("mac_generate", kSwitch, kRunning, kToken),
    row<vault::NewSessionKey, new_session_key>("new_session_key", kSwitch, kRunning, kToken),
    row<vault::ProtectPan, protect_pan>("protect_pan", kSwitch, kRunning, kToken),
    row<vault::RevealPan, reveal_pan>("reveal_pan", kSwitch, kRunning, kToken),
    row<vault::TlsSign, tls_sign>("tls_sign", kGate, kRunning, kToken),
    row<vault::SignCheckpoint, sign_checkpoint>("sign_checkpoint", kAuditor | kSwitch, kRunning, kToken),
    row<vault::LastCheckpoint, last_checkpoint>("last_checkpoint", kAuditor | kSwitch | kAdmin, kRunning, kNoToken),
    row<vault::SignTx, sign_tx>("sign_tx", kSettle, kRunning, kToken),
    row<vault::SignBlock, sign_block>("sign_block", kChain, kRunning, kToken),
    row<vault::DukptVerify, dukpt_verify>("dukpt_verify", kSwitch, kRunning, kToken),
    row<vault::DukptMac, dukpt_mac>("dukpt_mac", kSwitch, kRunning, kToken),
    row<vault::PinTranslate, pin_translate>("pin_translate", kSwitch, kRunning, kToken),
    row<vault::PinVerify, pin_verify>("pin_verify", kSwitch, kRunning, kToken),
    row<vault::CvvVerify, cvv_verify>("cvv_verify", kSwitch, kRunning, kToken),
    row<vault::ArqcVerify, arqc_verify>("arqc_verify", kSwitch, kRunning, kToken),
    row<vault::PinUnlock, pin_unlock>("pin_unlock", kAdmin, kRunning, kNoToken),
    row<vault::KeyList, key_list>("key_list", kAdmin, kRunning, kNoToken),
    row<vault::KeyImport, key_import>("key_import", kAdmin, kRunning, kToken),
    row<vault::KeyExport, key_export>("key_export", kAdmin, kRunning, kToken),
    row<vault::KeyRotate, key_rotate>("key_rotate", kAdmin, kRunning, kToken),
    row<vault::KeyComponent, key_component>("key_component", kAdmin, kRunning, kToken),
    row<vault::IssueCertificate, issue_certificate>("issue_certificate", kAdmin, kProvisioning, kToken),
    row<vault::InjectTerminalKey, inject_terminal_key>("inject_terminal_key", kAdmin, kProvisioning, kToken),
};

Answer later(bus::Status status, std::string_view why) {
    const Bytes text = as_bytes(why);
    return {status, Buffer(text.begin(), text.end()), false};
}

Answer close_peer(Caller caller, std::string_view verb, std::string_view why) {
    log::warn("vault.{} closed: {}: {}", name(caller), verb, why);
    Answer answer = later(bus::Status::bad_request, why);
    answer.close_peer = true;
    return answer;
}

Answer failed(Vault& vault, Caller caller, const Verb& verb, const VerbFailure& failure) {
    switch (failure.error) {
        case VerbError::meaning: return close_peer(caller, verb.name, failure.why);
        case VerbError::declined:
            log::warn("{} for vault.{} declined: {}", verb.name, name(caller), failure.why);
            return later(bus::Status::refused, failure.why);
        case VerbError::try_again:
            log::error("{} for vault.{}: {}", verb.name, name(caller), failure.why);
            return later(bus::Status::try_again, failure.why);
        case VerbError::token: break;
    }
    log::error("{} for vault.{}: the token answered {}", verb.name, name(caller), failure.why);
    vault.note(failure.token);
    return vault.present() == nullptr ? later(bus::Status::token_absent, failure.why)
                                      : later(bus::Status::refused, failure.why);
}
}  // namespace

std::string_view name(Caller caller) noexcept {
    switch (caller) {
        case Caller::giro_switch: return bus::caller::kSwitch;
        case Caller::gate: return bus::caller::kGate;
        case Caller::settle: return bus::caller::kSettle;
        case Caller::chain: return bus::caller::kChain;
        case Caller::auditor: return bus::caller::kAuditor;
        case Caller::admin: return bus::caller::kAdmin;
    }
    return "?";
}

std::span<const Verb> verb_table() noexcept { return kVerbs; }

Answer dispatch(Vault& vault, Caller caller, Permit permit, std::uint16_t type, Bytes body) {
    const auto verb = std::ranges::find(kVerbs, static_cast<MessageType>(type), &Verb::type);
    if (verb == kVerbs.end()) return close_peer(caller, "?", "there is no such verb");
    if ((verb->callers & bit(caller)) == 0) return close_peer(caller, verb->name, "not a verb for this caller");
    if ((verb->permits & bit(permit)) == 0) {
        return close_peer(caller, verb->name,
                          permit == Permit::running ? "only while provisioning" : "not while provisioning");
    }
    if (verb->needs_token && vault.present() == nullptr) return later(bus::Status::token_absent, {});
    auto verdict = verb->handler(vault, caller, body);
    if (!verdict) return failed(vault, caller, *verb, verdict.error());
    if (!*verdict) return close_peer(caller, verb->name, "the request does not decode");
    return {bus::Status::ok, std::move(**verdict), false};
}

}  // namespace giro::hsm
