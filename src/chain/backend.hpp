// What giro-chain keeps its chain with: the embedded node alone (appliance/giro-chain/embedded.hpp), or the embedded node
// together with a Bitcoin node that must agree (appliance/giro-chain/bitcoin_backend.hpp). Reading is the same for both: a
// ChainState that has validated every block itself. Writing may have to wait for somebody, so it is answered by a call.
#pragma once

#include <functional>
#include <string>

#include "chain/chain_state.hpp"

namespace giro::chain {

// Why a block or tx was not taken.
struct NotTaken {
    enum class Why {
        refused,      // by the rules; `word` is BIP22's
        unavailable,  // cannot be asked now, or did not answer, so that it may have been taken all the same: try again
        disk,         // it could not be written: the program must stop, since memory is ahead of the disk
    };
    Why why = Why::refused;
    std::string word;
};

template <typename T>
using Taken = Expected<T, NotTaken>;
// Called once, from the call that it was given to or later from the loop; never after the back end was destroyed.
template <typename T>
using Done = std::function<void(Taken<T>)>;

class Backend {
  public:
    virtual ~Backend() = default;
    // The best chain and the txs that wait, as last heard.
    [[nodiscard]] virtual const ChainState& chain() const noexcept = 0;
    // Taken: it is on disk, and a Bitcoin node behind this has taken it, too. A known block is refused as "duplicate".
    virtual void submit_block(const Block& block, Done<Accepted> done) = 0;
    // A tx that waits already or is in the chain is taken again: after a crash its sender does not know.
    virtual void submit_tx(const Tx& tx, Done<Hash256> done) = 0;
    // Empty, or why no block should be made now: one line for the operator.
    [[nodiscard]] virtual const std::string& trouble() const noexcept = 0;
};

// What submit_tx does on a chain in memory.
[[nodiscard]] Taken<Hash256> take_tx(ChainState& chain, const Tx& tx);

}  // namespace giro::chain
