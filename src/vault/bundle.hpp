// The public half of a box's keys: D/pub/bundle.json, written by `giro-vault provision`, answered by the verb
// public_keys, read by every program and by `giro verify`. The two certificates also lie beside it, as ca.pem and
// server.pem. Nothing in it is secret; an auditor compares it by hash.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::vault {

inline constexpr int kBundleFormat = 1;
inline constexpr std::size_t kMultisigKeys = 3;      // n and k of every P2WSH script of the box
inline constexpr std::size_t kMultisigRequired = 2;

// Three secp256k1 keys, the 2-of-3 script over them, and what pays to it.
struct MultisigKeys {
    std::array<ByteArray<33>, kMultisigKeys> keys{};
    Buffer witness_script;  // OP_2 <key 1> <key 2> <key 3> OP_3 OP_CHECKMULTISIG
    Buffer script;          // 0020 <SHA-256 of it>: the scriptPubKey, for the block keys the signet challenge
    std::string address;    // of `script`, bech32 with "tb"
};

struct Bundle {
    struct Participant {
        std::uint32_t id = 0;
        std::string name;
        MultisigKeys settlement;
    };
    MultisigKeys block;                     // signs blocks
    MultisigKeys issuer;                    // owner 0
    std::vector<Participant> participants;  // in the configuration's order
    ByteArray<65> checkpoint_key{};         // checkpoint.p256, uncompressed
    ByteArray<65> server_key{};             // identity.p256, uncompressed
    std::string ca_certificate;             // PEM, self-signed by identity.rsa
    std::string server_certificate;         // PEM, identity.p256 under the CA
};

[[nodiscard]] std::string to_json(const Bundle& bundle);
// Failure::integrity when it is not such a text.
[[nodiscard]] Result<Bundle> parse_bundle(std::string_view json);
// Failure::not_provisioned when the file is not there.
[[nodiscard]] Result<Bundle> load_bundle(const std::filesystem::path& file);

}  // namespace giro::vault
