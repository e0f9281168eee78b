// The tier-1 transaction of a settlement window: built by giro-settle, checked against the journal by `giro approve`
// before an officer signs. Pure; integers only, 1 satoshi = 1 minor unit.
//
//   inputs   P2WSH 2-of-3 coins of the banks that owe (smallest sufficient set, below), by participant id
//   outputs  [0] OP_RETURN "GIRO" | window u64 LE | root 32      44 bytes of data
//            then the banks that receive, by id; then the change of the banks that owe, by id
//   fee      0: the blocks are made by the same federation, which does not sell space to itself
//
// When every net is zero, the smallest coin of the first bank goes back to it: the root still needs an input to stand
// in a transaction. Which coins: the smallest one that covers what is still owed; where none does, the largest, and
// again. That is as few coins as can be. Ties go by outpoint, so the same coins give the same transaction.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chain/primitives.hpp"
#include "entry/entry.hpp"
#include "giro/result.hpp"
#include "settlement/window.hpp"

namespace giro::settlement {

inline constexpr std::size_t kInputsMax = 1000;     // of one transaction; the vault takes no more
inline constexpr std::size_t kTxBytesMax = 0xffff;  // unsigned: the journal's field is a var16

struct Commitment {
    std::uint64_t window = 0;
    Hash256 root{};
    bool operator==(const Commitment&) const = default;
};
inline constexpr std::size_t kCommitmentBytes = 44;
[[nodiscard]] ByteArray<kCommitmentBytes> commitment_bytes(const Commitment& commitment) noexcept;
// The commitment of a settlement tx: its output 0. Nothing when that is no such OP_RETURN.
[[nodiscard]] std::optional<Commitment> commitment_of(const chain::Tx& tx);

struct Coin {
    chain::OutPoint outpoint;
    chain::Satoshi amount = 0;
};
struct Party {
    entry::ParticipantId participant = 0;
    Buffer script;            // scriptPubKey of its coins
    std::vector<Coin> coins;  // spendable in the next block; needed of the banks that owe only
};
struct UnsignedSettlement {
    chain::Tx tx;                                // no witnesses
    std::vector<entry::SettlementInput> inputs;  // of tx, in order
};

enum class SettlementError {
    nets_do_not_cancel,   // they do not add up to zero: nothing may be signed
    party_unknown,        // a bank with a net that is not among the parties
    amount_out_of_range,  // a net, a coin or a sum over the money supply
    coins_short,          // a bank's coins do not cover what it owes
    too_many_inputs,      // more than kInputsMax coins or kTxBytesMax bytes
    // check_settlement()
    tx_malformed,        // does not decode, has witnesses or locks, could never be mined, or has other inputs than listed
    commitment_differs,  // output 0 is not this window and root
    pays_otherwise,      // for some bank, outputs minus inputs is not its net; or an output goes to a stranger
};
[[nodiscard]] std::string_view describe(SettlementError error) noexcept;
struct SettlementProblem {
    SettlementError error;
    entry::ParticipantId participant = 0;  // whose, where there is one
};

[[nodiscard]] Expected<UnsignedSettlement, SettlementProblem> build_settlement(const Commitment& commitment,
                                                                               std::span<const entry::NetPosition> nets,
                                                                               std::span<const Party> parties);

// Whether a proposal does exactly what the window asks for: its root, its nets, its money and nothing else. `parties`
// need no coins. The amounts of the inputs are the proposal's word: BIP143 signs them, so a false one makes the
// transaction void.
[[nodiscard]] Expected<void, SettlementProblem> check_settlement(const entry::SettlementProposed& proposal,
                                                                 const WindowResult& window,
                                                                 std::span<const Party> parties);

}  // namespace giro::settlement
