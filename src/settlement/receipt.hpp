// A receipt: one posting, and the proof that it was settled in a signed tier-1 block. Made by `giro receipt`, checked
// offline by `giro verify` with nothing but the chain's blocks and the signet challenge. Pure.
// Hostile: the whole receipt and every block.
//
// The text is canonical JSON: verify_receipt() writes what it has read again and compares, so that a receipt has
// exactly one form and any changed character is either another form (check `form`) or another meaning (a later check).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chain/primitives.hpp"
#include "giro/result.hpp"
#include "settlement/posting.hpp"

namespace giro::settlement {

inline constexpr int kReceiptFormat = 2;
inline constexpr std::size_t kReceiptBytesMax = 4U << 20;
inline constexpr std::size_t kReceiptHeadersMax = 12;

// What took the payment back before its receipt was issued: the box's word, which the receipt does not prove. (Its own
// receipt does: giro receipt RRN --reversal.) That nothing took it back later no receipt can say.
struct Reversed {
    std::uint64_t seq = 0;     // of the entry of the reversal, the last one when there were several
    std::uint64_t window = 0;  // that counts it; 0: still open then
    MinorUnits amount = 0;     // that was taken back in all
    bool operator==(const Reversed&) const = default;
};

struct Receipt {
    Posting posting;
    entry::Salt salt{};
    std::uint64_t window = 0;
    std::uint64_t postings = 0;  // leaves of the window's tree
    std::uint64_t index = 0;     // of this leaf
    std::vector<Hash256> path;   // siblings, leaf upwards
    Hash256 root{};
    Buffer tx;                      // the settlement transaction as it is in the block, witnesses included
    std::uint32_t tx_position = 0;  // in the block
    std::vector<Hash256> tx_path;   // siblings in the block's tree of txids
    std::uint32_t height = 0;
    Hash256 block_hash{};
    std::vector<ByteArray<chain::kHeaderBytes>> headers;  // up to kReceiptHeadersMax, the last one is the block's
    std::optional<Reversed> reversed;
    bool operator==(const Receipt&) const = default;
};

[[nodiscard]] std::string to_json(const Receipt& receipt);
// Nothing when `text` is not exactly what to_json() writes for some receipt.
[[nodiscard]] std::optional<Receipt> parse_receipt(std::string_view text);

// The checks, in this order; the first that fails is the answer.
enum class Check {
    form,           // not a receipt in its canonical form
    leaf,           // no leaf: the path's length does not fit index and postings
    merkle_path,    // payment, salt and path do not lead to the window's root
    op_return,      // the transaction's output 0 does not commit to this window and root
    block,          // the chain has no such block at this height, or its transactions are not those of its header
    header_path,    // a header of the receipt is not the chain's
    header_chain,   // the blocks do not link back to the signet genesis block
    proof_of_work,  // the block, or one before it, does not meet its target
    signet,         // the block's signature does not satisfy the challenge
    transaction,    // the transaction is not, byte for byte, the block's at that position, or its txid path is wrong
    bodies,         // an earlier block does not decode, or its transactions are not those of its header
    coinbase,       // the transaction is a coinbase: whoever makes blocks wrote it, no bank signed it
    coins,          // an input is no output of an earlier transaction that pays a participant, see below
    signatures,     // an input is not signed as its participant's script wants it (2-of-3)
    first,          // an earlier transaction that spends only participants' coins commits to the same window
};
// The participants are who the coinbase of block 1 pays by P2WSH: the banks with a backing, and the issuer. A script
// that first gets coins later is a stranger, so whoever makes blocks cannot mint itself a settlement. It can make
// another chain from block 1 on: a holder who keeps block 1's hash, or any receipt of the chain, sees that.
// Coins spent twice are not looked for: that is the chain's rules (chain::load_block_file).
// Whether block 1 is the one of a box: it pays by P2WSH nobody but `scripts`, the box's participants and issuer.
[[nodiscard]] bool pays_participants_alone(const chain::Block& block1, std::span<const Buffer> scripts);

[[nodiscard]] std::string_view name(Check check) noexcept;
[[nodiscard]] std::string_view describe(Check check) noexcept;

// `blocks`: the chain's raw blocks, genesis first. Returns the receipt when everything holds.
[[nodiscard]] Expected<Receipt, Check> verify_receipt(std::string_view text, std::span<const Bytes> blocks,
                                                      Bytes challenge);

// What a receipt is made of. `leaves` are the window's, `block` the one at `height` that holds the transaction.
struct ReceiptSource {
    Posting posting;
    entry::Salt salt{};
    std::uint64_t window = 0;
    std::span<const Hash256> leaves;
    std::uint64_t index = 0;
    Hash256 txid{};
    std::uint32_t height = 0;
    std::span<const Bytes> blocks;  // as for verify_receipt
    std::optional<Reversed> reversed{};
};
// Failure::integrity when the chain has no such block or the block no such transaction.
[[nodiscard]] Result<Receipt> make_receipt(const ReceiptSource& source);

}  // namespace giro::settlement
