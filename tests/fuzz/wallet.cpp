// Signed orders and queries have one encoding, and verifying any of them is safe.
#include <algorithm>

#include "tests/fuzz/target.hpp"
#include "wallet/order.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace giro;
    const Bytes bytes = fuzz::bytes(data, size);
    if (const auto order = wallet::decode_order(bytes)) {
        fuzz::require(std::ranges::equal(wallet::encode_order(*order), bytes));
        static_cast<void>(wallet::verify(*order));
    }
    if (const auto query = wallet::decode_query(bytes)) {
        fuzz::require(std::ranges::equal(wallet::encode_query(*query), bytes));
        static_cast<void>(wallet::verify(*query));
    }
    return 0;
}
