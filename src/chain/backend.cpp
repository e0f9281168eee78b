#include "chain/backend.hpp"

namespace giro::chain {

Taken<Hash256> take_tx(ChainState& chain, const Tx& tx) {
    const auto accepted = chain.accept_to_mempool(tx);
    if (accepted) return *accepted;
    if (accepted.error() == RejectReason::tx_already_known) return txid(tx);
    return tl::unexpected<NotTaken>({NotTaken::Why::refused, std::string(bip22_word(accepted.error()))});
}

}  // namespace giro::chain
