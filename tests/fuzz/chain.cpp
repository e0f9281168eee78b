// Transactions, blocks, addresses: what is accepted has one encoding, and judging it is safe.
#include <algorithm>

#include "chain/address.hpp"
#include "chain/signet.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace giro;
    const Bytes bytes = fuzz::bytes(data, size);
    if (const auto tx = chain::decode_tx(bytes)) fuzz::require(std::ranges::equal(chain::encode_tx(*tx), bytes));
    if (const auto block = chain::decode_block(bytes)) {
        fuzz::require(std::ranges::equal(chain::encode_block(*block), bytes));
        static_cast<void>(chain::verify_signet(*block, bytes.first(std::min<std::size_t>(size, 34))));
    }
    if (const auto script = chain::decode_address(fuzz::text(data, size))) fuzz::require(chain::encode_address(*script).has_value());
    return 0;
}
