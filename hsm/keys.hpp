// Which keys a box has, by label, and their handles while the token is there.
//
//   identity.rsa            RSA-4096    certificate authority of the box
//   identity.p256           P-256       TLS server key
//   checkpoint.p256         P-256       signs journal checkpoints
//   block.1..3              secp256k1   2-of-3 signs blocks (signet challenge)
//   issuer.1..3             secp256k1   2-of-3 owns coins not yet issued
//   settle.<id>.1..3        secp256k1   2-of-3 owns participant <id>'s coins
//   terminal.master         AES-256     derives the terminals' keys
//   payment.lmk             AES-256     wraps the payment keys at rest (key blocks)
//   storage.pan             AES-256     AES-GCM of PANs
//   storage.token           AES-256     CMAC of PANs: their tokens
#pragma once

#include <functional>
#include <map>

#include "hsm/mechanism.hpp"
#include "vault/bundle.hpp"

namespace giro::hsm {

inline constexpr std::uint32_t kIssuer = 0;  // the owner id that is no participant
inline constexpr std::size_t kParticipantsMax = 1000;

struct KeySpec {
    std::string label;
    KeyKind kind;
    KeyUse use;
};
[[nodiscard]] std::vector<KeySpec> key_table(std::span<const std::uint32_t> participants);

// Three signing keys and the 2-of-3 script that the vault itself makes from their public parts.
struct MultisigSigner {
    std::array<CK_OBJECT_HANDLE, vault::kMultisigKeys> handles{};
    vault::MultisigKeys public_part;
};

struct KeyRing {
    CK_OBJECT_HANDLE identity_rsa{}, checkpoint_p256{};  // token objects
    CK_OBJECT_HANDLE identity_p256{}, terminal_master{}, storage_pan{}, storage_token{}, payment_lmk{};  // hot: session copies
    RsaPublicKey identity_rsa_public;
    ByteArray<65> identity_p256_public{}, checkpoint_p256_public{};
    MultisigSigner block;
    std::map<std::uint32_t, MultisigSigner> owners;  // issuer and participants
};

// Finds every key of the table and checks that it is locked in. not_provisioned: a key is missing (its label in the
// text); integrity: a key can be extracted; try_again: the token went away meanwhile.
[[nodiscard]] Result<KeyRing> load_keys(const Session& session, std::span<const std::uint32_t> participants);

// Makes the keys of the table that are missing, telling `made` each label when it is done. How many were made.
[[nodiscard]] Result<std::size_t> generate_missing_keys(const Session& session,
                                                        std::span<const std::uint32_t> participants,
                                                        const std::function<void(const KeySpec&)>& made);

}  // namespace giro::hsm
