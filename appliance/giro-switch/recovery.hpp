// Starting the switch: the last snapshot that can be trusted, then the journal after it, checked against the last
// checkpoint that the vault signed. Run once, before anything is served. Hostile input: the files.
#pragma once

#include "config/config.hpp"
#include "journal/journal.hpp"
#include "switching/state.hpp"
#include "vault/wire.hpp"

namespace giro::appliance {

struct Recovered {
    journal::Journal journal;
    switching::State state;
};

// Failure::integrity, naming the sequence number, when the journal was changed, has a gap, or is shorter than `checkpoint`.
[[nodiscard]] Result<Recovered> recover(const config::Paths& paths, const std::optional<vault::SignedCheckpoint>& checkpoint,
                                        std::uint64_t hash_seed);

}  // namespace giro::appliance
