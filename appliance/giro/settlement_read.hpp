// What the settlement commands have in common: reading the journal beside the running switch, and the
// chain's blocks. Everything is read-only; a Failure says what is missing.
#pragma once

#include <functional>

#include "appliance/giro/command.hpp"
#include "appliance/giro/journal.hpp"
#include "chain/chain_state.hpp"
#include "settlement/book.hpp"

namespace giro::cli {

[[nodiscard]] Result<settlement::Book> read_book(const config::Paths& paths);
// How many officers must approve (etc/giro.toml).
[[nodiscard]] Result<std::size_t> approvals_required(const config::Paths& paths);

// The chain, every block of it validated against `challenge`: from a file of blocks as a node writes them (`file`;
// empty: pub/blocks.dat, which giro-chain keeps).
[[nodiscard]] Result<chain::ChainState> load_chain(const config::Paths& paths, const std::string& file,
                                                   const Buffer& challenge);
// Views into `chain`, genesis first.
[[nodiscard]] std::vector<Bytes> blocks_of(const chain::ChainState& chain);
// --challenge, or else pub/bundle.json's.
[[nodiscard]] Result<Buffer> challenge_of(const Args& args);

// "-12.50": minor units of a currency with two decimals.
[[nodiscard]] std::string money(MinorUnits minor);
// "alpha -12.50, beta 12.50"
[[nodiscard]] std::string nets_line(const settlement::Book& book, const std::vector<entry::NetPosition>& nets);

// settlement_approve.cpp, settlement_receipt.cpp
[[nodiscard]] Result<void> approve(const Args& args);
[[nodiscard]] Result<void> new_officer(const Args& args);
[[nodiscard]] Result<void> receipt(const Args& args);
[[nodiscard]] Result<void> verify(const Args& args);

}  // namespace giro::cli
