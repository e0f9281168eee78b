#include "chain/params.hpp"

#include <algorithm>

#include "chain/merkle.hpp"
#include "chain/script.hpp"
#include "util/hash.hpp"

namespace giro::chain {

namespace {
constexpr std::uint32_t kGenesisTime = 1598918400, kGenesisNonce = 52613770;
constexpr std::string_view kGenesisText = "The Times 03/Jan/2009 Chancellor on brink of second bailout for banks";
constexpr std::string_view kGenesisKey =
    "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d"
    "578a4c702b6bf11d5f";

// Bitcoin's first coinbase (2009), under signet's own header.
Block make_genesis() {
    TxIn input;
    append_push(input.script_sig, *from_hex("ffff001d"));
    append_push(input.script_sig, *from_hex("04"));
    append_push(input.script_sig, as_bytes(kGenesisText));
    TxOut output{50 * kCoin, {}};
    append_push(output.script_pubkey, *from_hex(kGenesisKey));
    output.script_pubkey.push_back(kOpCheckSig);
    Block block;
    block.txs.push_back(Tx{1, {input}, {output}, 0});
    block.header = {1, {}, block_merkle_root(block).root, kGenesisTime, kBitsLimit, kGenesisNonce};
    return block;
}
}  // namespace

std::uint32_t ChainParams::retarget_interval() const noexcept {
    return std::max<std::uint32_t>(1, kRetargetTimespan_s / std::max<std::uint32_t>(1, block_spacing_s));
}

ByteArray<4> network_magic(const ChainParams& params) {
    Buffer bytes;
    Writer out(bytes);
    write_var_bytes(out, params.challenge);
    const Hash256 hash = sha256d(bytes);
    return {hash[0], hash[1], hash[2], hash[3]};
}

const Block& genesis_block() {
    static const Block genesis = make_genesis();
    return genesis;
}

Satoshi block_subsidy(std::uint32_t height) noexcept {
    const std::uint32_t halvings = height / kHalvingInterval;
    return halvings >= 64 ? 0 : (50 * kCoin) >> halvings;
}

}  // namespace giro::chain
