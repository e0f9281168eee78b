// Every message between Giro's programs: its number, who sends it where, and its body. All integers little-endian;
// `text N` is N characters padded with zeros; `var16`/`var32` is a length and that many bytes.
// The codecs stand in gate_messages.hpp (gate <-> switch), admin_messages.hpp (everyone's commands to the switch and
// to the chain) and vault/wire.hpp (the vault's verbs).
#pragma once

#include <cstdint>
#include <string_view>

namespace giro::bus {

enum class MessageType : std::uint16_t {
    // --- run/switch.gate: gate -> switch, and back -------------------------------------------------
    payment_request = 0x0101,  // gate -> switch: an ISO 8583 message that the gate has checked for form (gate_messages.hpp)
    frame_out = 0x0102,        // switch -> gate: connection:u64 close_after:u8 frame:var16; bytes for that connection
    link_state = 0x0103,       // gate -> switch: link:u16 connections:u16
    link_frame_out = 0x0104,   // switch -> gate: link:u16 connection:u64 frame:var16
    wallet_request = 0x0105,   // gate -> switch: connection:u64 kind:u8 (1 order, 2 query) body:var16
    wallet_reply = 0x0106,     // switch -> gate: connection:u64 response_code:text2 rrn:text12 auth_code:text6 balance:i64 currency:u16 why:var16
    decided = 0x0107,          // switch -> gate: received_ns:u64 of a terminal's request: it and all before it have been decided

    closing = 0x0108,          // gate -> switch: empty; it reads no terminals any more and will end: sign off from the hosts
    // (closing: the switch says it back, so that the gate knows that it is heard)
    closed = 0x0109,           // switch -> gate: empty; everything is answered and the hosts are signed off from

    // --- run/switch.admin (giro), run/switch.settle (giro-settle), run/switch.auditor: commands -----
    // Each is answered with the same type and Status; a refusal's body is a line of text.
    open_participant = 0x0201,  // admin: OpenParticipant
    open_account = 0x0202,      // admin: OpenAccount
    issue_card = 0x0203,        // admin: IssueCard -> token:16
    add_terminal = 0x0204,      // admin: AddTerminal
    close_window = 0x0205,      // admin: empty -> window:u64 last_seq:u64
    propose_settlement = 0x0206,  // settle: ProposeSettlement
    approve_settlement = 0x0207,  // admin: ApproveSettlement
    confirm_settlement = 0x0208,  // settle: ConfirmSettlement
    box_status = 0x0209,          // admin, settle, auditor: empty -> JSON text; entries, chain_hash: the durable end
    wallet_participant = 0x020a,  // admin: participant:u32 that new wallets are opened at
    pay_in = 0x020b,              // admin: FundsPaidIn
    withdraw_settlement = 0x020c, // admin: SettlementWithdrawn
    set_terminal_dukpt = 0x020d,  // admin: TerminalDukptSet
    set_card_pin = 0x020e,        // admin: SetCardPin -> token:16
    unlock_card = 0x020f,         // admin: UnlockCard -> token:16, for vault_pin_unlock
    apply_routes = 0x0210,        // admin: empty -> RoutesReply

    saf_list = 0x0220,            // admin: SafQuery -> SafPage
    saf_park = 0x0221,            // admin: seq of the payment:u64
    saf_retry = 0x0222,           // admin: the same
    saf_close = 0x0225,           // admin: SafClose
    saf_many = 0x0226,            // admin: SafMany -> SafManyDone
    link_set = 0x0227,            // admin: LinkChange
    block_card = 0x0223,          // admin: UnlockCard -> token:16
    unblock_card = 0x0224,        // admin: the same

    // --- run/chain.settle (giro-settle) and run/chain.admin (giro): requests to giro-chain ----------
    chain_submit_tx = 0x0401,  // settle: the whole transaction with witnesses -> txid:32; refused: BIP22-style word
    chain_tip = 0x0402,        // any: empty -> height:u32 block_hash:32 time:u32 producing:u8
    chain_tx = 0x0403,         // any: txid:32 -> height:u32 block_hash:32 position:u32 confirmations:u32; not_found; height 0 = in the mempool
    chain_utxos = 0x0404,      // settle: script:var16 -> count:u16 { txid:32 vout:u32 amount:i64 height:u32 coinbase:u8 }
    chain_block = 0x0405,      // any: height:u32 -> the block's bytes; not_found
    chain_produce = 0x0406,    // settle: empty -> ok; asks for a block now rather than at the next interval

    // --- run/vault.<caller>: the vault's verbs; bodies in vault/wire.hpp -----------------------------
    vault_status = 0x0300,           // any: empty -> token:u8 (1 present, 0 absent)
    vault_mac_verify = 0x0301,       // switch: batch
    vault_mac_generate = 0x0302,     // switch: batch
    vault_new_session_key = 0x0303,  // switch: terminal:text8 -> nonce:16 kcv:3
    vault_protect_pan = 0x0304,      // switch: batch
    vault_reveal_pan = 0x0305,       // switch: batch
    vault_tls_sign = 0x0306,         // gate: digest:32 -> DER signature
    vault_sign_checkpoint = 0x0307,  // auditor, switch: seq:u64 chain_hash:32 state_digest:32 -> signature
    vault_last_checkpoint = 0x0308,  // auditor, switch, admin: empty -> 0:u8, or 1:u8 and the last one signed
    vault_sign_tx = 0x0309,          // settle: window, unsigned tx, input amounts and owners, approvals -> witnesses
    vault_sign_block = 0x030a,       // chain: the 72 bytes of BIP325 -> signet solution
    vault_random = 0x030b,           // any: count:u16 -> bytes
    vault_public_keys = 0x030c,      // any: empty -> JSON text
    vault_issue_certificate = 0x030d,    // admin, while provisioning
    vault_inject_terminal_key = 0x030e,  // admin, while provisioning
    // bodies in vault/payment_wire.hpp
    vault_dukpt_verify = 0x0310,   // switch: batch
    vault_dukpt_mac = 0x0311,      // switch: batch
    vault_pin_translate = 0x0312,  // switch: batch
    vault_pin_verify = 0x0313,     // switch: batch
    vault_cvv_verify = 0x0314,     // switch: batch
    vault_arqc_verify = 0x0315,    // switch: batch
    vault_pin_unlock = 0x0316,     // admin: token of a card's PAN:16
    vault_key_list = 0x0320,       // admin
    vault_key_import = 0x0321,     // admin: a key block
    vault_key_export = 0x0322,     // admin -> a key block
    vault_key_rotate = 0x0323,     // admin
    vault_key_component = 0x0324,  // admin: one custodian's half of a key
};

// The callers that an endpoint can be made for: run/vault.<name>, run/switch.<name>, run/chain.<name>.
namespace caller {
inline constexpr std::string_view kGate = "gate", kSwitch = "switch", kSettle = "settle", kChain = "chain",
                                  kAuditor = "auditor", kAdmin = "admin";
}  // namespace caller

}  // namespace giro::bus
