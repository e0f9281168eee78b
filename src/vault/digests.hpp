// What is signed, byte by byte, for the two statements that are not Bitcoin's: an officer's approval and a checkpoint.
// Whoever asks for, makes or checks such a signature takes the digest from here.
#pragma once

#include <span>
#include <string_view>

#include "giro/result.hpp"

#include "vault/wire.hpp"

namespace giro::vault {

// How many distinct officers must have approved before the vault signs a settlement transaction.
inline constexpr std::size_t kApprovalsRequired = 2;

// SHA-256("giro-approval-v1" || window:u64 || the unsigned tx || amount:u64 of each input), integers little-endian.
// An officer signs this digest with RSASSA-PSS (SHA-256, MGF1 SHA-256, 32 bytes of salt; RFC 8017 8.1).
[[nodiscard]] Hash256 approval_digest(std::uint64_t window, Bytes unsigned_tx,
                                      std::span<const std::int64_t> input_amounts);

// SHA-256("giro-component-v1" || name:22 || header's length:1 and characters || SHA-256 of the component): what a custodian
// signs in the key ceremony, like an approval.
[[nodiscard]] Hash256 component_digest(std::string_view name, std::string_view header, const Secret& component);

// SHA-256("giro-checkpoint-v1" || seq:u64 || chain_hash:32 || state_digest:32); signed with ECDSA P-256.
[[nodiscard]] Hash256 checkpoint_digest(const Checkpoint& checkpoint);

// Signs `digest` with the officer's private key (PEM, PKCS#8, unencrypted). Failure::config when the text is no RSA
// key.
[[nodiscard]] Result<Buffer> sign_approval(const Secret& private_key_pem, const Hash256& digest);
// `public_key_pem`: SubjectPublicKeyInfo of an RSA key. False also when it is none.
[[nodiscard]] bool verify_approval(std::string_view public_key_pem, const Hash256& digest, Bytes signature);
// `public_key`: the uncompressed point of checkpoint.p256 (65 bytes, from the bundle).
[[nodiscard]] bool verify_checkpoint(Bytes public_key, const SignedCheckpoint& checkpoint);

}  // namespace giro::vault
