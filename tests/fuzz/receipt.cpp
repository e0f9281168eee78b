// A receipt is read only in its one canonical form, and verifying any text is safe.
#include "settlement/receipt.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace giro;
    const auto text = fuzz::text(data, size);
    if (const auto receipt = settlement::parse_receipt(text)) fuzz::require(settlement::to_json(*receipt) == text);
    fuzz::require(!settlement::verify_receipt(text, {}, {}));
    return 0;
}
