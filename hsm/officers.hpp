// The officers enrolled with the vault: one public key each, in vault/officers/<name>.pem. The folder is the vault's
// own: who can write there decides who may approve. Hostile: the names and signatures of a request.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "giro/result.hpp"
#include "vault/wire.hpp"

namespace giro::hsm {

// The fingerprint of officer `name`'s enrolled key when `signature` is theirs over `digest`; empty otherwise. Two names with
// one key have one fingerprint.
[[nodiscard]] std::string signer_of(const std::filesystem::path& officers_folder, std::string_view name,
                                    const Hash256& digest, Bytes signature);

// How many distinct enrolled officers approved: of the approvals that verify over `digest` under an enrolled key, the
// number of distinct keys. One that does not verify, is a stranger's or a repeat counts for nothing and spoils nothing:
// otherwise a single bad one on the journal would keep the window from being settled for ever.
[[nodiscard]] std::size_t count_approvals(const std::filesystem::path& officers_folder,
                                          std::span<const vault::SignTx::Approval> approvals, const Hash256& digest);

}  // namespace giro::hsm
