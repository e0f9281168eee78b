// Making a box's token: folders, PINs, the token itself, its keys, the certificates of its identity, the public bundle.
// `giro-vault provision` runs it; running it again makes what is missing and leaves the rest as it is.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "giro/result.hpp"
#include "hsm/token.hpp"
#include "util/secret.hpp"

namespace giro::hsm {

inline constexpr std::string_view kTokenLabel = "giro";
inline constexpr const char* kDefaultModule = "/usr/lib/softhsm/libsofthsm2.so";  // Debian's softhsm2

struct ParticipantName {
    std::uint32_t id = 0;
    std::string name;
};

// Where the vault's things are and whom it serves. What is in `folder` is the vault's alone (0700).
struct VaultConfig {
    std::filesystem::path folder;      // softhsm2.conf, tokens/, pin, so-pin, officers/, keys/, checkpoint, settlement, counters
    std::filesystem::path bundle;      // pub/bundle.json
    std::filesystem::path module = kDefaultModule;
    std::vector<ParticipantName> participants;
    std::size_t approvals_required = 2;  // at least vault::kApprovalsRequired
    [[nodiscard]] std::vector<std::uint32_t> participant_ids() const;
};

// Writes folder/softhsm2.conf, makes folder/tokens and points SoftHSM at them (SOFTHSM2_CONF, read by C_Initialize).
// Other modules have their own configuration and ignore it.
[[nodiscard]] Result<void> prepare_softhsm(const std::filesystem::path& folder);

// The user PIN from folder/pin. not_provisioned when it is not there; config when others may read it.
[[nodiscard]] Result<Secret> read_pin(const std::filesystem::path& folder);

// `progress` is told one line per step that took work. Failure::integrity when there is a token but no PIN for it.
[[nodiscard]] Result<void> provision(const VaultConfig& config,
                                     const std::function<void(const std::string&)>& progress);

}  // namespace giro::hsm
