// The officers enrolled with the vault: one public key each, in vault/officers/<name>.pem. The folder is the vault's
// own: who can write there decides who may approve. Hostile: the names and signatures of a request.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "giro/result.hpp"
#include "vault/wire.hpp"

namespace giro::hsm {

enum class ApprovalError {
    too_few,          // fewer than required
    unknown_officer,  // no such file, or a name that can be none
    officer_twice,    // one officer, or one key under two names, more than once
    bad_signature,    // does not verify over this digest
};
[[nodiscard]] std::string_view describe(ApprovalError error) noexcept;

// Checks every approval given (one bad one refuses all) and that there are `required` distinct officers.
[[nodiscard]] Expected<void, ApprovalError> check_approvals(const std::filesystem::path& officers_folder,
                                                            std::span<const vault::SignTx::Approval> approvals,
                                                            const Hash256& digest, std::size_t required);

}  // namespace giro::hsm
