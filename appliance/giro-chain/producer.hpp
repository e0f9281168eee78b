// Makes blocks, one at a time: due -> template -> the vault signs -> grinding -> submitted. A state machine without clock,
// thread or socket: those come through Ports, so that a test can stand in for all of them.
//
// A block is due while pre-mining, when somebody asked, and block_interval_s after the last one. Grinding has no
// memory, so a tx that comes late costs nothing: the block under way is given up and begun anew with it.
#pragma once

#include <functional>

#include "chain/backend.hpp"
#include "chain/block_builder.hpp"
#include "chain/grinder.hpp"

namespace giro::appliance {

class Producer {
  public:
    struct Settings {
        std::uint32_t premine_blocks = 0;  // until this height blocks follow each other at once, dated in the past
        std::uint32_t block_interval_s = 0;
        std::vector<chain::TxOut> first_outputs;  // of the coinbase of block 1
        Buffer reward_script;                     // of all later ones
    };
    struct Ports {
        std::function<std::uint32_t()> now_s;                   // seconds since 1970
        std::function<void(const chain::SignetMessage&)> sign;  // answered by signed_with() or sign_failed()
        std::function<void(const chain::BlockHeader&)> grind;   // answered by ground()
        std::function<void()> stop_grinding;                    // makes ground() come with End::stopped
        std::function<void(const chain::Block&)> submit;  // answered by submitted()
        std::function<bool()> ready;                      // the back end has no trouble, would take a block
        std::function<void(Failure)> fail;                // ends the program
    };

    Producer(Settings settings, Ports ports, const chain::ChainState& chain);

    // Begins a block when one is due and none is under way. To be called every second, and at the start.
    void tick();
    // A block soon, with every tx that now waits.
    void request();
    void signed_with(Bytes solution);
    void sign_failed(const std::string& why);  // tried again at the next tick
    void ground(const chain::GrindResult& result);
    void submitted(const chain::Taken<chain::Accepted>& verdict);
    // The best chain has changed by somebody else: a block under way that no longer stands on it is given up.
    void tip_changed();
    [[nodiscard]] bool producing() const noexcept { return m_state != State::idle; }

  private:
    enum class State { idle, signing, grinding, submitting };
    [[nodiscard]] bool premining() const;
    [[nodiscard]] bool due() const;
    [[nodiscard]] bool stale() const;     // the block under way lacks a waiting tx
    [[nodiscard]] bool overtaken() const;  // it does not stand on the tip
    [[nodiscard]] std::uint32_t block_time() const;
    void begin();
    void give_up();
    void hand_over();
    void try_again(const std::string& why);
    void report(const chain::Accepted& accepted);

    Settings m_settings;
    Ports m_ports;
    const chain::ChainState& m_chain;
    State m_state = State::idle;
    chain::Block m_block;  // under way
    bool m_ground = false;  // it only has to be handed over (again)
    bool m_requested = false;
    std::uint32_t m_time_shift = 0;  // seconds added after all nonces were used up
    std::string m_last_failure;      // said once, not at every try
};

inline constexpr std::uint32_t kProgressBlocks = 10;  // pre-mining says so every so many blocks

}  // namespace giro::appliance
