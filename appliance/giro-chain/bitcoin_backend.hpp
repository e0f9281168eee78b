// The other back end: the embedded node follows a Bitcoin node of this machine, and a block or tx counts once both have
// taken it. Reading is the embedded node's, which validates whatever the other one gives: a node that is taken over can
// hold things back, and invent nothing. Whatever it says, the program goes on: what ends it would end the box.
//
//   at the start, at each notice, and every kLook_ms:   where does the node stand?
//     its best block is unknown here   -> fetch what lies above the fork, validate, store
//     it lacks blocks of our best chain -> hand them to it (a node that was set up anew gets the whole chain)
//     txs that wait on one side only   -> tell the other
//   trouble() says why when the two do not stand on the same block afterwards, or the node is away.
//
// Hostile: the node's answers (src/bitcoin_node reads them).
#pragma once

#include <set>

#include "appliance/giro-chain/embedded.hpp"
#include "bitcoin_node/rpc_client.hpp"
#include "bitcoin_node/subscriber.hpp"
#include "util/environment.hpp"

namespace giro::appliance {

class BitcoinBackend final : public chain::Backend {
  public:
    struct Ports {
        std::function<std::int64_t()> now_s;  // seconds since 1970
        std::function<void()> tip_changed;    // by a block that was not submitted here
        std::function<void(Failure)> fail;    // ends the program, whose disk does not write
    };
    BitcoinBackend(bus::Loop& loop, const config::Config::BitcoinNode& settings, Node node, Ports ports);

    [[nodiscard]] const chain::ChainState& chain() const noexcept override { return m_node.chain(); }
    void submit_block(const chain::Block& block, chain::Done<chain::Accepted> done) override;
    void submit_tx(const chain::Tx& tx, chain::Done<Hash256> done) override;
    [[nodiscard]] const std::string& trouble() const noexcept override { return m_trouble.empty() ? m_block_trouble : m_trouble; }
    // Both notifications' connections stand (tests).
    [[nodiscard]] bool subscribed() const noexcept;

  private:
    void look();  // begins a round, or another one after the round under way
    void found(const bitcoin_node::ChainInfo& info);
    void find_fork(std::uint32_t height);
    void pull(std::uint32_t height, const Hash256& previous);
    void take_from_node(Bytes raw, std::uint32_t height, const Hash256& hash, const Hash256& previous);
    void push(std::uint32_t height);
    void compare_tips();
    void compare_waiting();
    void fetch_waiting(std::vector<Hash256> ids);
    void tell_waiting(std::vector<chain::Tx> txs);
    void end_round(std::string trouble);
    void noticed(const bitcoin_node::Notice& notice);

    // A block was not taken: none is made for a while, which gets longer with each.
    void block_failed(chain::NotTaken why, const chain::Done<chain::Accepted>& done);
    void block_judged(const chain::Block& block, const bitcoin_node::NodeAnswer<std::string>& verdict, const chain::Done<chain::Accepted>& done);
    // What the node has taken.
    [[nodiscard]] chain::Taken<chain::Accepted> take_here(const chain::Block& block);
    // Asks the node; a failure ends the round.
    template <typename T, typename Next>
    void ask(std::string body, bitcoin_node::NodeAnswer<T> (*read)(Bytes), Next next);

    Node m_node;
    Ports m_ports;
    SystemClock m_clock;
    net::Connections m_connections;
    bitcoin_node::RpcClient m_rpc;
    std::vector<std::unique_ptr<bitcoin_node::Subscriber>> m_subscribers;
    bus::Timer m_timer;
    std::string m_trouble;        // of the last round
    std::string m_block_trouble;  // of the last block that was handed over, for a while
    std::uint64_t m_block_pause_ms = 0;
    bus::Timer m_block_timer;
    std::set<Hash256> m_passed_over;  // txs of the node's that were refused here, until the next block
    Hash256 m_passed_at{};            // .. the tip then
    std::uint64_t m_pause_ms;  // until the next try, while there is trouble
    bool m_looking = false, m_look_again = false;
    bitcoin_node::ChainInfo m_info;  // of the round under way
    std::uint32_t m_fork = 0;
};

inline constexpr std::uint64_t kLook_ms = 10'000;                              // while all is well: notices tell sooner
inline constexpr std::uint64_t kTroublePauseMin_ms = 250, kTroublePauseMax_ms = 10'000;  // doubling
inline constexpr std::uint64_t kBlockPauseMin_ms = 500, kBlockPauseMax_ms = 60'000;      // doubling, until one is taken
inline constexpr std::size_t kWaitingTxsARound = 1'000, kPassedOverMax = 100'000;

}  // namespace giro::appliance
