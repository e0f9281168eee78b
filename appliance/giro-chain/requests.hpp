// The requests that giro-chain answers, as one table: number, who may, handler. Bodies: bus/admin_messages.hpp.
// Hostile: the body, and the tx in chain_submit_tx.
#pragma once

#include <functional>

#include "bus/messages.hpp"
#include "bus/record.hpp"
#include "chain/chain_state.hpp"

namespace giro::appliance {

enum class ChainCaller { settle, admin };

struct ChainAnswer {
    bus::Status status = bus::Status::ok;
    Buffer body;  // of a refusal: a line of text
};

// What the handlers work on.
struct ChainRequests {
    chain::ChainState& chain;
    std::function<bool()> producing;
    std::function<void()> produce;
};

// Status::bad_request: the body does not parse, or the verb is not this caller's; the peer is to be closed.
[[nodiscard]] ChainAnswer answer(const ChainRequests& at, ChainCaller caller, std::uint16_t type, Bytes body);

// Coins in one reply: the largest come first, so that a cut list is still of use.
inline constexpr std::size_t kUtxosMax = 10'000;

}  // namespace giro::appliance
