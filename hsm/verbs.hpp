// The vault's verbs as one table (verbs.cpp): who may ask for what, and when. OpenSSH's monitor is the model: what the
// table does not allow, or what does not decode, or what means something it must not, is logged and ends the caller's
// connection; a handler checks meaning, not only form.
//
// Hostile: every request. The caller's identity is the endpoint it came in through, not anything it says.
#pragma once

#include <optional>
#include <string_view>

#include "bus/record.hpp"
#include "hsm/vault.hpp"

namespace giro::hsm {

// One bit each, so that a row of the table can name several.
enum class Caller : unsigned { giro_switch = 1, gate = 2, settle = 4, chain = 8, auditor = 16, admin = 32 };
inline constexpr std::array kCallers = {Caller::giro_switch, Caller::gate,    Caller::settle,
                                        Caller::chain,       Caller::auditor, Caller::admin};
[[nodiscard]] std::string_view name(Caller caller) noexcept;  // as in run/vault.<name>

// What the vault was started for: `giro-vault serve --provisioning` or `giro-vault serve`.
enum class Permit : unsigned { provisioning = 1, running = 2 };

// Why a verb gave no reply.
enum class VerbError {
    token,      // the token failed or went away; `token` says how
    meaning,    // well-formed, and must not be: the peer is closed
    declined,   // no, but an honest caller may have asked: told, logged, and heard again
    try_again,  // ours: the disk is full
};
struct VerbFailure {
    VerbError error = VerbError::meaning;
    std::string why;
    CkError token{};
};
template <typename T>
using Verdict = Expected<T, VerbFailure>;

struct Verb {
    bus::MessageType type;
    std::string_view name;
    unsigned callers;  // of Caller
    unsigned permits;  // of Permit
    bool needs_token;
    Verdict<std::optional<Buffer>> (*handler)(Vault& vault, Caller caller, Bytes body);  // no Buffer: the body does not decode
};
[[nodiscard]] std::span<const Verb> verb_table() noexcept;

struct Answer {
    bus::Status status = bus::Status::ok;
    Buffer body;
    bool close_peer = false;  // a caller that broke the rules is told why, and then not heard any more
};
// One request of `caller`. Logs every refusal.
[[nodiscard]] Answer dispatch(Vault& vault, Caller caller, Permit permit, std::uint16_t type, Bytes body);

}  // namespace giro::hsm
