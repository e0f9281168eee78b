// BIP325: blocks are valid when the challenge's holders signed them. Used to make blocks (giro-chain, the vault) and to
// check them (giro-chain, giro verify). Hostile: the coinbase and the solution of any block. Fails with a ChainError.
// nBits and nNonce are not signed: sign first, then grind. A changed time or coinbase needs a new signature.
#pragma once

#include "chain/primitives.hpp"

namespace giro::chain {

inline constexpr std::array<std::byte, 4> kSignetHeader{std::byte{0xec}, std::byte{0xc7}, std::byte{0xda},
                                                        std::byte{0xa2}};

// What is signed of a block. 72 bytes in a to_spend input: this is what a vault shows and checks.
struct SignetMessage {
    std::int32_t version = 0;
    Hash256 previous{};
    Hash256 signet_merkle_root{};  // with the solution cut out of the coinbase
    std::uint32_t time = 0;
    bool operator==(const SignetMessage&) const = default;
};

struct SignetParts {
    SignetMessage message;
    Buffer solution;  // compactsize || scriptSig || witness; empty when the push is the bare 4 bytes or absent
};

// The message of a block, with or without solution. Pushes of the commitment output are re-encoded minimally, as a
// node does. no_commitment when the coinbase has none.
[[nodiscard]] Expected<SignetParts, ChainError> signet_parts(const Block& block);

// BIP325's to_sign tx for a challenge; its input 0 spends an output of value 0 that pays the challenge.
[[nodiscard]] Tx signet_to_sign(const SignetMessage& message, Bytes challenge);
// The hash a signer of a P2WSH challenge signs (BIP143, SIGHASH_ALL).
[[nodiscard]] Hash256 signet_sighash(const SignetMessage& message, Bytes witness_script);

// The solution from k signatures (DER and hash type, in the keys' order) of a P2WSH challenge.
[[nodiscard]] Buffer signet_solution(std::span<const Buffer> signatures, Bytes witness_script);
// Puts the solution (or with an empty one the bare header) into the block's commitment output, and the new Merkle root
// into its header. ASSERTs a commitment output that ends after the commitment or in its signet push.
void set_signet_solution(Block& block, Bytes solution);

// ok, or why the block's solution does not satisfy `challenge`.
[[nodiscard]] Expected<void, ChainError> verify_signet(const Block& block, Bytes challenge);

}  // namespace giro::chain
