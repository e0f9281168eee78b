// The requests that giro-chain answers, as one table: number, who may, handler. Bodies: bus/admin_messages.hpp.
// Hostile: the body, and the tx in chain_submit_tx.
#pragma once

#include <functional>

#include "bus/messages.hpp"
#include "bus/record.hpp"
#include "chain/backend.hpp"

namespace giro::appliance {

enum class ChainCaller { settle, admin };

struct ChainAnswer {
    bus::Status status = bus::Status::ok;
    Buffer body;  // of a refusal: a line of text
};

// What the handlers work on.
struct ChainRequests {
    chain::Backend& backend;
    std::function<bool()> producing;
    std::function<void()> produce;
};
using ChainReply = std::function<void(const ChainAnswer&)>;

// `reply` is called once, now or, for a tx that a Bitcoin node is asked about, later.
// Status::bad_request: the body does not parse, or the verb is not this caller's; the peer is to be closed.
void answer(const ChainRequests& at, ChainCaller caller, std::uint16_t type, Bytes body, const ChainReply& reply);

// Coins in one reply: the largest come first, so that a cut list is still of use.
inline constexpr std::size_t kUtxosMax = 10'000;

}  // namespace giro::appliance
