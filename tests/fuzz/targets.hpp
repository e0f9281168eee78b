// The list of all targets: GIRO_FUZZ_TARGETS(T) calls T(name, tries_max, reads) for each; targets.cpp makes the table
// of it. Parsers by file, and how much of each the corpora reach: tests/coverage/parsers.txt and ./dev coverage.
#pragma once

#include "tests/fuzz/target.hpp"

#define GIRO_FUZZ_TARGETS(T)                                                                         \
    T(iso8583_message, 100'000, "a frame, by each shipped dialect and three that use every setting")   \
    T(iso8583_dialect, 1'000, "the operator's dialect file")                                         \
    T(iso8583_elements, 50'000, "tags and parts inside a field, by every layout")                    \
    T(iso8583_card, 50'000, "chip data and track 2, as the decision takes them")                      \
    T(net_deframer, 10'000, "a peer's stream of messages in any framing")                             \
    T(net_http, 20'000, "a wallet's HTTP request")                                                   \
    T(net_http_stream, 20'000, "what the public sends to the explorer")                              \
    T(net_address, 1'000, "a configured address")                                                    \
    T(gate_terminal, 20'000, "what a terminal sends behind TLS")                                     \
    T(gate_link, 20'000, "what an issuer's host sends back")                                         \
    T(gate_wallet, 5'000, "the JSON of a wallet's request")                                          \
    T(bus_batch, 10'000, "a batch from another program")                                             \
    T(bus_message, 20'000, "every message between gate and switch, and staff's to switch and chain") \
    T(vault_wire, 50'000, "every request to the vault and every reply from it")                      \
    T(vault_payment, 50'000, "the same of its payment verbs")                                         \
    T(key_block_header, 20'000, "a key block, for giro key inspect and the vault")                    \
    T(pin_block, 20'000, "a deciphered PIN block of any format")                                      \
    T(vault_counters, 500, "vault/counters, by whoever may write it")                              \
    T(vault_bundle, 3'000, "the box's public keys, as a file or a reply")                            \
    T(qr_mpm, 10'000, "a code that a shop shows")                                                    \
    T(qr_mpm_signed, 10'000, "the same with its checksum made right")                                \
    T(qr_cpm, 10'000, "a code that a phone shows")                                                   \
    T(wallet_order, 2'000, "a signed order or query")                                                \
    T(wallet_file, 300, "a wallet's key file or counter file")                                       \
    T(wallet_answer, 5'000, "the box's answer to a wallet")                                          \
    T(log_mask, 2'000, "text on its way into the log")                                               \
    T(config_file, 300, "the operator's giro.toml")                                                  \
    T(routes_file, 500, "the operator's routes.toml, which may name itself as its file of BINs")              \
    T(config_link, 300, "a link's file beside it")                                                   \
    T(pos_scenario, 300, "a scenario file of giro pos load")                                          \
    T(host_scenario, 300, "a scenario file of giro host")                                             \
    T(journal_entry, 50'000, "the body of a journal entry of every kind")                            \
    T(journal_file, 200, "journal.db, by whoever may write it")                                      \
    T(journal_checkpoints, 500, "vault/checkpoint, auditor/checkpoints.jsonl, switch/snapshot")      \
    T(ledger_snapshot, 10'000, "the ledger's part of a snapshot")                                    \
    T(switch_snapshot, 3'000, "the switch's state as a snapshot")                                    \
    T(switch_entries, 1'000, "a journal's entries, applied to the state")                            \
    T(switch_requests, 1'000, "what gate, staff and giro-settle ask the switch's core")              \
    T(chain_tx, 2'000, "a transaction")                                                              \
    T(chain_spend, 2'000, "the witness of a spend")                                                  \
    T(chain_psbt, 3'000, "a settlement as another participant's box passes it on")                   \
    T(chain_block, 1'000, "a block")                                                                 \
    T(chain_header, 1'000, "a block's header")                                                       \
    T(chain_script, 5'000, "a script")                                                               \
    T(chain_address, 5'000, "an address or a hash as text")                                          \
    T(chain_file, 1'000, "pub/blocks.dat, for giro verify")                                          \
    T(chain_db, 100, "chain.db, by whoever may write it")                                            \
    T(chain_request, 3'000, "a request to giro-chain")                                               \
    T(explorer_site, 3'000, "a request to the public pages")                                         \
    T(explorer_text, 20'000, "texts and scripts of the chain, in a page")                            \
    T(explorer_file, 200, "pub/blocks.dat, as the explorer follows it")                              \
    T(node_http, 20'000, "a Bitcoin node's HTTP answer")                                              \
    T(node_answer, 5'000, "the JSON in it")                                                          \
    T(node_notices, 20'000, "what a Bitcoin node publishes over ZeroMQ")                              \
    T(settlement_receipt, 1'000, "a receipt, for giro verify")                                       \
    T(settlement_proposal, 3'000, "a settlement as proposed, for officers")                          \
    T(settlement_vault, 3'000, "a settlement as the vault is asked to sign it")                      \
    T(settlement_entries, 1'000, "a journal's entries, as windows are made of them")                 \
    T(pos_terminal, 2'000, "the box's answers to a terminal")                                        \
    T(pos_hotel, 2'000, "the same, under DUKPT keys, of authorisations and what follows them")        \
    T(pos_issuer, 3'000, "the box's requests to an issuer's host")                                   \
    T(pos_issuer_state, 2'000, "the state file of giro host")

namespace giro::fuzz {

#define GIRO_FUZZ_DECLARE(name, tries_max, reads) \
    void run_##name(Bytes input);                 \
    Seeds seeds_##name();
GIRO_FUZZ_TARGETS(GIRO_FUZZ_DECLARE)
#undef GIRO_FUZZ_DECLARE

}  // namespace giro::fuzz
