// Officers: members of staff whose RSA key approves a settlement. Run by `giro officer new` and `giro approve`; the
// switch and the vault check what they sign. What is signed, and the padding, stand once, in vault/digests.hpp.
//
// A key is RSA-3072, PKCS#8, encrypted under a passphrase (PBES2, RFC 8018). In the demo both lie beside each other in
// demo/officers/<name>/, each 0600; a real officer keeps them elsewhere and names them with --key and
// --passphrase-file. Hostile: the files (they may be anyone's). Fails with a Failure that names the file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "giro/result.hpp"
#include "util/secret.hpp"
#include "vault/digests.hpp"

namespace giro::approval {

// The one implementation of each is the vault's: what it checks is by construction what was signed.
using vault::approval_digest;  // SHA-256 over window, unsigned tx and input amounts
using vault::verify_approval;  // (public_key_pem, digest, signature): false also for a text that is no RSA key

inline constexpr std::size_t kOfficerKeyBits = 3072;
inline constexpr std::size_t kPassphraseBytesMax = 1024;

struct OfficerFiles {
    std::filesystem::path key;         // key.pem, 0600: encrypted PKCS#8
    std::filesystem::path passphrase;  // passphrase, 0600: one line
    std::filesystem::path public_key;  // public.pem: SubjectPublicKeyInfo, to be enrolled in the vault
};
// The files of officer `name` under `officers` (demo/officers of a box).
[[nodiscard]] OfficerFiles officer_files(const std::filesystem::path& officers, std::string_view name);

// A name is 1 to 16 of [a-z0-9-]: it becomes a folder, and an OfficerName on the journal.
[[nodiscard]] bool is_officer_name(std::string_view name) noexcept;

// Makes a key and a random passphrase and writes the three files. Takes about a second. Failure::refused when the
// officer has a key already (it may be enrolled), Failure::config for a name that is none.
[[nodiscard]] Result<OfficerFiles> create_officer(const std::filesystem::path& officers, std::string_view name);

// The decrypted key as PKCS#8 PEM, for sign_approval(). Failure::not_provisioned when a file is absent,
// Failure::refused when the passphrase does not open the key.
[[nodiscard]] Result<Secret> unlock_key(const std::filesystem::path& key, const std::filesystem::path& passphrase);

// Unlocks, signs, wipes.
[[nodiscard]] Result<Buffer> sign_with_files(const std::filesystem::path& key, const std::filesystem::path& passphrase,
                                             const Hash256& digest);

// PEM text of a public key file.
[[nodiscard]] Result<std::string> load_public_key(const std::filesystem::path& file);

}  // namespace giro::approval
