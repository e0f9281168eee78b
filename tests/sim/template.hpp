// A provisioned box, made once per process and copied for every seed: the token's keys (in the simulated token itself),
// the folder's files, the terminals' and officers' keys, and the chain's first 101 blocks, made by the real giro-chain
// and giro-vault. The same on every machine.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "util/secret.hpp"
#include "vault/bundle.hpp"

namespace giro::sim {

inline constexpr std::size_t kTerminals = 6;
inline constexpr std::size_t kDukptFrom = 5;  // terminals of this number and above have DUKPT keys
inline constexpr std::size_t kCardsPerBank = 5;
inline constexpr std::size_t kWallets = 3;
inline constexpr MinorUnits kCardOpening = 200'000;
inline constexpr MinorUnits kBacking = 50'000'000;

struct Template {
    std::filesystem::path folder;  // of the template itself
    config::Config config;
    vault::Bundle bundle;
    std::map<std::string, Secret> terminal_keys;      // the links' too; of a DUKPT terminal its initial key
    std::map<std::string, std::string> officer_keys;  // PKCS#8 PEM
    std::vector<Buffer> blocks;                       // raw, genesis left out
};

// Links and stand-in policies of box_config(). Which cards go to which link the routes say too (routes.hpp).
inline constexpr const char *kGammaHost = "gamma-host", *kDeltaHost = "delta-host", *kSchemeHost = "scheme-host";
inline constexpr const char *kShops = "shops", *kChips = "chips";

// The TDES key of that name for PINs, in the clear: what an issuer's personalisation and another bank's host know.
[[nodiscard]] Secret pin_key(std::string_view name);

// The simulated box's configuration: everything in small, so that a seed sees every limit and every window.
[[nodiscard]] config::Config box_config();
// The one of this process. `scratch`: a folder of this process to make it in.
[[nodiscard]] const Template& box_template(const std::filesystem::path& scratch);

}  // namespace giro::sim
