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
// saf_list: what issuers' hosts are owed, of payments after `after`, at most kSafRowsMax.
inline constexpr std::uint16_t kAnyLink = 0xffff;
inline constexpr std::size_t kSafRowsMax = 500;
struct SafQuery {
    std::uint64_t after = 0;        // seq
    std::uint16_t link = kAnyLink;  // its number
    TerminalId terminal;            // empty: any
    bool parked = false;            // those alone
    std::uint16_t most = kSafRowsMax;
};
struct SafRow {
    std::uint64_t payment = 0;  // seq
    std::uint16_t link = 0;
    std::uint32_t link_stan = 0;
    TerminalId terminal;
    Rrn rrn;
    Amount amount;
    MinorUnits stands = 0;           // of it, once the reversal is done
    FixedText<10> first6_last4;
    std::uint64_t time_ns = 0;       // of the payment
    bool advice = false, reversal = false;
    std::uint64_t owed_at = 0;       // its place in its terminal's line
    std::uint32_t attempts = 0;      // since the switch's start
    std::uint8_t failures = 0;
    bool parked = false;
    FixedText<16> why;               // .. parked
};
struct SafPage {
    std::vector<SafRow> rows;
    bool more = false;  // ask again, after the last
};
struct SafPayment {
    std::uint64_t payment = 0;
};
struct SafClose {
    std::uint64_t payment = 0;
    FixedText<64> why;
};
// saf_many: retry, park or close what fits, of payments after `after`, at most `most` of them at once.
enum class SafWhat : std::uint8_t { retry = 1, park = 2, close = 3, kLast = close };
struct SafMany {
    SafWhat what = SafWhat::retry;
    std::uint64_t after = 0;        // seq
    std::uint16_t link = kAnyLink;
    TerminalId terminal;            // empty: any
    FixedText<16> reason;           // why it is parked (entry::name(SafWhy)); empty: any
    FixedText<64> why;              // of close, for the journal
    std::uint16_t most = kSafRowsMax;
};
struct SafManyDone {
    std::uint32_t changed = 0;
    std::uint64_t last = 0;  // seq; go on after it
    bool more = false;
};
// link_set: taken down, or brought up again.
struct LinkChange {
    std::uint16_t link = 0;  // its number
    bool down = false;
    FixedText<64> why;
};
struct WindowReply {
    std::uint64_t window = 0;
    std::uint64_t last_seq = 0;
};
inline constexpr std::size_t kChainTroubleChars = 200;
struct ChainTip {
    std::uint32_t height = 0;
    Hash256 block_hash{};
    std::uint32_t time = 0;
    std::uint8_t producing = 0;  // 1 while a block is being ground
    FixedText<kChainTroubleChars> trouble;  // why no block is made: the Bitcoin node is away, or of another mind; empty: none
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
void fields(auto& a, SafQuery& m) { a(m.after, m.link, m.terminal, m.parked, m.most); }
void fields(auto& a, SafRow& m) {
    a(m.payment, m.link, m.link_stan, m.terminal, m.rrn, m.amount, m.stands, m.first6_last4, m.time_ns, m.advice, m.reversal, m.owed_at,
      m.attempts, m.failures, m.parked, m.why);
}
void fields(auto& a, SafPage& m) { a(m.rows, m.more); }
void fields(auto& a, SafPayment& m) { a(m.payment); }
void fields(auto& a, SafClose& m) { a(m.payment, m.why); }
void fields(auto& a, SafMany& m) { a(m.what, m.after, m.link, m.terminal, m.reason, m.why, m.most); }
void fields(auto& a, SafManyDone& m) { a(m.changed, m.last, m.more); }
void fields(auto& a, LinkChange& m) { a(m.link, m.down, m.why); }
void fields(auto& a, WindowReply& m) { a(m.window, m.last_seq); }
void fields(auto& a, ChainTip& m) { a(m.height, m.block_hash, m.time, m.producing, m.trouble); }
void fields(auto& a, ChainTx& m) { a(m.height, m.block_hash, m.position, m.confirmations); }
void fields(auto& a, ChainUtxo& m) { a(m.txid, m.vout, m.amount, m.height, m.coinbase); }
void fields(auto& a, ChainUtxos& m) { a(m.utxos); }
void fields(auto& a, JournalHead& m) { a(m.seq, m.chain_hash); }

}  // namespace giro::bus
