// Brings every closed window to a confirmed block, one window at a time, in order:
//
//   closed     ask the chain for the coins of the banks that owe, build the transaction, propose it to the switch
//   proposed   wait for officers (giro approve)
//   approved   the transaction in a block? in the mempool? else: vault signs, chain takes it, chain makes a block
//              deep enough: tell the switch that it is confirmed
//   confirmed  the next window
//
// All state is on the journal and on the chain: each step looks at both and does the one thing that is missing, so the
// program may die at any point, and a repeated step is harmless. What cannot be done now is tried again later; why it
// could not is logged once, not at every try. Hostile: replies of switch, vault and chain, which must decode.
#pragma once

#include "appliance/skeleton.hpp"
#include "bus/admin_messages.hpp"
#include "journal/journal.hpp"
#include "requests.hpp"
#include "settlement/book.hpp"
#include "settlement/transaction.hpp"
#include "settlement/window.hpp"
#include "util/environment.hpp"
#include "vault/client.hpp"

namespace giro::settle {

class Settler {
  public:
    [[nodiscard]] static Result<std::shared_ptr<Settler>> start(appliance::Program& program);

  private:
    struct WindowSummary {
        settlement::WindowResult result;  // leaves dropped
        bool checked = false;             // its proposal does what the window asks for
    };
    // The coins of the banks that owe, gathered request by request.
    struct Gathering {
        std::uint64_t window = 0;
        std::uint32_t tip = 0;
        std::vector<settlement::Party> ready;     // spendable in the next block
        std::vector<settlement::Party> eventual;  // immature coins included
        std::vector<std::size_t> to_ask;          // indexes into both
        std::uint32_t mature_at = 0;              // height at which the last immature coin becomes spendable
    };

    explicit Settler(appliance::Program& program);
    Result<void> open();
    void tick();
    [[nodiscard]] bool tail();  // true: the head was reached
    void step();

    void propose(const settlement::WindowRecord& record);
    void gather_next(std::shared_ptr<Gathering> gathering);
    void take_coins(Gathering& gathering, std::size_t index, const bus::ChainUtxos& utxos);
    void build(const Gathering& gathering);
    void coins_missing(const Gathering& gathering, settlement::SettlementProblem problem);
    void send_proposal(const entry::SettlementProposed& proposal);

    void finish_transaction(const settlement::WindowRecord& record);
    [[nodiscard]] bool proposal_is_right(const settlement::WindowRecord& record);
    void found(std::uint64_t window, const Hash256& txid, const bus::ChainTx& place);
    void sign(const settlement::WindowRecord& record);
    void submit(std::uint64_t window, const chain::Tx& tx);
    void ask_for_block();
    void confirm(std::uint64_t window, const Hash256& txid, const bus::ChainTx& place);

    // The request is over; look again after `milliseconds`.
    void again_in(std::uint64_t milliseconds);
    // The same, and says why unless it said just that before.
    void wait_for(std::string why, std::uint64_t milliseconds);
    [[nodiscard]] std::vector<settlement::Party> parties() const;
    [[nodiscard]] std::string nets_text(const std::vector<entry::NetPosition>& nets) const;

    appliance::Program& m_program;
    SystemClock m_clock;
    bus::Timer m_timer;
    std::unique_ptr<Requests> m_switch, m_chain;
    std::unique_ptr<vault::Client> m_vault;
    std::optional<journal::JournalReader> m_reader;
    std::uint64_t m_next_seq = 1;
    settlement::Book m_book;
    settlement::WindowBuilder m_builder;
    std::map<std::uint64_t, WindowSummary> m_windows;  // not yet confirmed
    bool m_busy = false;                               // a request is under way
    std::uint64_t m_not_before_ms = 0;
    std::uint64_t m_block_asked_ms = 0;
    std::string m_said;
};

}  // namespace giro::settle
