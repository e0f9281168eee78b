// Bodies of the commands to the switch and to the chain that are not journal entries themselves (messages.hpp, 0x02xx
// and 0x04xx). open_participant, open_account, add_terminal, propose/approve/confirm_settlement carry the entry of
// entry/entry.hpp as it will be journalled.
#pragma once

#include "giro/types.hpp"

namespace giro::bus {

// issue_card: the PAN travels in the clear from the admin's process to the switch and is sealed there.
struct IssueCard {
    FixedText<19> pan;
    Id128 account;
};
// set_card_pin and unlock_card: as issue_card.
struct SetCardPin {
    FixedText<19> pan;
    FixedText<12> on_file;  // PVV or offset
};
struct UnlockCard {
    FixedText<19> pan;
};
// apply_routes: etc/routes.toml was read again; the table that decides from now on.
struct RoutesReply {
    Hash256 digest{};
    std::uint32_t rules = 0, ranges = 0;
    bool changed = false;  // false: it is the one that decided before
};
struct WindowReply {
    std::uint64_t window = 0;
    std::uint64_t last_seq = 0;
};
struct ChainTip {
    std::uint32_t height = 0;
    Hash256 block_hash{};
    std::uint32_t time = 0;
    std::uint8_t producing = 0;  // 1 while a block is being ground
};
struct ChainTx {
    std::uint32_t height = 0;  // 0: in the mempool
    Hash256 block_hash{};
    std::uint32_t position = 0;
    std::uint32_t confirmations = 0;
};
struct ChainUtxo {
    Hash256 txid{};
    std::uint32_t vout = 0;
    std::int64_t amount = 0;  // satoshi
    std::uint32_t height = 0;
    std::uint8_t coinbase = 0;
};
struct ChainUtxos {
    std::vector<ChainUtxo> utxos;
};
struct JournalHead {
    std::uint64_t seq = 0;
    Hash256 chain_hash{};
};

void fields(auto& a, IssueCard& m) { a(m.pan, m.account); }
void fields(auto& a, SetCardPin& m) { a(m.pan, m.on_file); }
void fields(auto& a, UnlockCard& m) { a(m.pan); }
void fields(auto& a, RoutesReply& m) { a(m.digest, m.rules, m.ranges, m.changed); }
void fields(auto& a, WindowReply& m) { a(m.window, m.last_seq); }
void fields(auto& a, ChainTip& m) { a(m.height, m.block_hash, m.time, m.producing); }
void fields(auto& a, ChainTx& m) { a(m.height, m.block_hash, m.position, m.confirmations); }
void fields(auto& a, ChainUtxo& m) { a(m.txid, m.vout, m.amount, m.height, m.coinbase); }
void fields(auto& a, ChainUtxos& m) { a(m.utxos); }
void fields(auto& a, JournalHead& m) { a(m.seq, m.chain_hash); }

}  // namespace giro::bus
