#include "appliance/giro-chain/embedded.hpp"

namespace giro::appliance {

chain::Taken<chain::Accepted> take_block(Node& node, const chain::Block& block, std::int64_t now_s) {
    using chain::NotTaken;
    auto accepted = node.accept(block, now_s);
    if (accepted) return *accepted;
    const bool refused = accepted.error().kind == Failure::Kind::refused;
    return tl::unexpected<NotTaken>({refused ? NotTaken::Why::refused : NotTaken::Why::disk, std::move(accepted.error().what)});
}

}  // namespace giro::appliance
