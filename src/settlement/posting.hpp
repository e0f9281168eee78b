// One posting: a movement of money that a settlement window counts, and its canonical bytes, whose salted hash is the
// window's Merkle leaf. Run by giro-settle (makes roots) and `giro receipt`/`giro verify` (prove one leaf). Pure.
//
// Canonical bytes, 148 of them, integers little-endian, texts padded with zeros:
//
//     0  magic          4   "GPL1"
//     4  seq            8   of the entry that posted it
//    12  kind           1   1 payment approved on us, 2 forwarded payment answered "approved", 3 reversal,
//                        4 payment that the box approved for an issuer whose link was down
//    13  channel        1   1 card, 2 QR, 3 wallet: of the payment
//    14  time_ns        8   of that entry, since 1970
//    22  payment        8   seq of the payment it completes or reverses; its own seq for kinds 1 and 4
//    30  rrn           12   DE37 (of the payment)
//    42  terminal       8   DE41
//    50  stan           4   DE11
//    54  merchant      15   DE42; empty for kind 3: the payment's own leaf has it
//    69  amount         8   minor units, 1 to kAmountMax
//    77  currency       2   ISO 4217 numeric
//    79  response_code  2   DE39
//    81  auth_code      6   DE38; empty for kind 3
//    87  card          10   first 6 and last 4 digits; empty for wallets and for kind 3
//    97  wallet        20   HASH160 of the payer's key; zero for cards and for kind 3
//   117  debit          4   participant who pays
//   121  credit         4   participant who receives; may be the same one
//   125  zero          23   reserved
//
// A reversal names the payment it takes back by `payment` and repeats nothing of its payer, so that giro-settle need
// not keep the payer of every payment of all time.
#pragma once

#include "entry/entry.hpp"
#include "giro/types.hpp"

namespace giro::settlement {

enum class PostingKind : std::uint8_t { payment = 1, forwarded = 2, reversal = 3, stood_in = 4, kLast = stood_in };
[[nodiscard]] std::string_view name(PostingKind kind) noexcept;

struct Posting {
    std::uint64_t seq = 0;
    PostingKind kind = PostingKind::payment;
    entry::Channel channel = entry::Channel::card;
    std::uint64_t time_ns = 0;
    std::uint64_t payment = 0;
    Rrn rrn;
    TerminalId terminal;
    std::uint32_t stan = 0;
    MerchantId merchant;
    Amount amount;
    ResponseCode response_code;
    AuthCode auth_code;
    FixedText<10> card;
    Hash160 wallet{};
    entry::ParticipantId debit = 0;
    entry::ParticipantId credit = 0;
    bool operator==(const Posting&) const = default;
};

inline constexpr std::size_t kPostingBytes = 148;
[[nodiscard]] ByteArray<kPostingBytes> canonical_bytes(const Posting& posting) noexcept;
// SHA-256(0x00 || salt || canonical bytes). The salt hides a leaf from whoever sees its hash in a neighbour's receipt.
[[nodiscard]] Hash256 leaf_hash(const Posting& posting, const entry::Salt& salt);

}  // namespace giro::settlement
