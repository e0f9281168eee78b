// The second half of Settler: an approved proposal's way into a block.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "settler.hpp"
#include "util/archive.hpp"
#include "util/failpoint.hpp"
#include "util/log.hpp"

namespace giro::settle {

namespace {
constexpr std::uint64_t kRetry_ms = 1'000;
constexpr std::uint64_t kRefusedRetry_ms = 30'000;
constexpr std::uint64_t kPoll_ms = 500;
constexpr std::uint64_t kAskBlockAgain_ms = 10'000;
}  // namespace

// Before anything is signed: the proposal on the journal is what its window asks for. (The officers' command has
// checked it too; this one costs nothing and stands by itself.)
bool Settler::proposal_is_right(const settlement::WindowRecord& record) {
    auto& window = m_windows.at(record.closed.window);
    if (window.checked) return true;
    const auto checked = settlement::check_settlement(*record.proposal, window.result, parties());
    if (!checked)
        wait_for(fmt::format("window {}: the proposal on the journal is wrong and will not be signed: {}",
                             record.closed.window, settlement::describe(checked.error().error)),
                 kRefusedRetry_ms);
    window.checked = checked.has_value();
    return window.checked;
}

void Settler::finish_transaction(const settlement::WindowRecord& record) {
    if (!proposal_is_right(record)) return;
    const std::uint64_t window = record.closed.window;
    const Hash256 txid = chain::txid(*chain::decode_tx(record.proposal->unsigned_tx));
    m_busy = true;
    m_chain->call(bus::MessageType::chain_tx, txid,
                  [this, window, txid](std::optional<bus::Status> status, Bytes body) {
                      if (status == bus::Status::not_found) return sign(*m_book.find(window));
                      const auto place = status == bus::Status::ok ? decode<bus::ChainTx>(body) : std::nullopt;
                      if (!place) return wait_for("the chain does not answer; trying on", kRetry_ms);
                      found(window, txid, *place);
                  });
}

void Settler::found(std::uint64_t window, const Hash256& txid, const bus::ChainTx& place) {
    if (place.height == 0) {
        ask_for_block();
        return again_in(kPoll_ms);
    }
    if (place.confirmations < m_program.config.settle.confirmations) return again_in(kRetry_ms);
    confirm(window, txid, place);
}

void Settler::sign(const settlement::WindowRecord& record) {
    vault::SignTx::Request request;
    request.window = record.closed.window;
    request.tx = record.proposal->unsigned_tx;
    for (const auto& input : record.proposal->inputs)
        request.inputs.push_back({static_cast<std::int64_t>(input.amount), input.participant});
    static_assert(config::kOfficersMax <= vault::kApprovalsMax);
    const std::size_t over = record.approvals.size() - std::min(record.approvals.size(), vault::kApprovalsMax);
    for (const auto& approval : std::span(record.approvals).subspan(over))  // the newest: officers may have been replaced
        request.approvals.push_back({approval.officer.str(), approval.signature});
    m_vault->call<vault::SignTx>(request, [this, window = record.closed.window](vault::Answer<vault::SignTx> answer) {
        if (!answer) {
            const bool passes =
                answer.error().status == bus::Status::try_again || answer.error().status == bus::Status::token_absent;
            return wait_for(fmt::format("window {}: the vault does not sign: {}", window, answer.error().why),
                            passes ? kRetry_ms : kRefusedRetry_ms);
        }
        GIRO_FAILPOINT("settle.signed");
        auto tx = *chain::decode_tx(m_book.find(window)->proposal->unsigned_tx);
        if (answer->witnesses.size() != tx.inputs.size())
            return wait_for(fmt::format("window {}: the vault signed another number of inputs", window),
                            kRefusedRetry_ms);
        for (std::size_t i = 0; i < tx.inputs.size(); ++i) tx.inputs[i].witness = std::move(answer->witnesses[i]);
        submit(window, tx);
    });
}

void Settler::submit(std::uint64_t window, const chain::Tx& tx) {
    m_chain->call(bus::MessageType::chain_submit_tx, chain::encode_tx(tx),
                  [this, window, txid = chain::txid(tx)](std::optional<bus::Status> status, Bytes body) {
                      if (!status) return wait_for("the chain does not answer; trying on", kRetry_ms);
                      if (*status == bus::Status::try_again)
                          return wait_for(fmt::format("window {}: the chain cannot take its transaction now: {}", window, as_text(body)), kRetry_ms);
                      if (*status != bus::Status::ok)
                          return wait_for(
                              fmt::format("window {}: the chain refuses transaction {}: {}; a coin of it may be gone",
                                          window, chain::hash_text(txid), as_text(body)),
                              kRefusedRetry_ms);
                      log::info("window {}: transaction {} is with the chain", window, chain::hash_text(txid));
                      GIRO_FAILPOINT("settle.submitted");
                      m_block_asked_ms = 0;
                      ask_for_block();
                      again_in(kPoll_ms);
                  });
}

void Settler::ask_for_block() {
    const std::uint64_t now_ms = m_clock.monotonic_ns() / 1'000'000;
    if (m_block_asked_ms != 0 && now_ms < m_block_asked_ms + kAskBlockAgain_ms) return;
    m_block_asked_ms = now_ms;
    m_chain->call(bus::MessageType::chain_produce, {},
                  [](std::optional<bus::Status>, Bytes) {});  // asked again if need be
}

void Settler::confirm(std::uint64_t window, const Hash256& txid, const bus::ChainTx& place) {
    GIRO_FAILPOINT("settle.block.found");
    const entry::SettlementConfirmed confirmed{window, txid, place.height, place.block_hash};
    m_switch->call(bus::MessageType::confirm_settlement, encode(confirmed),
                   [this, confirmed](std::optional<bus::Status> status, Bytes body) {
                       GIRO_FAILPOINT("settle.confirmed");
                       if (!status) return wait_for("the switch does not answer; trying on", kRetry_ms);
                       if (*status != bus::Status::ok)
                           return wait_for(fmt::format("the switch refuses the confirmation of window {}: {}",
                                                       confirmed.window, as_text(body)),
                                           kRefusedRetry_ms);
                       log::info("window {} is settled: transaction {} in block {}", confirmed.window,
                                 chain::hash_text(confirmed.txid), confirmed.height);
                       again_in(0);
                   });
}

}  // namespace giro::settle
