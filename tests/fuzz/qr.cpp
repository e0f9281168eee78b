// Codes of both modes: whatever is taken can be written and read again as the same.
#include "qr/cpm.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace giro;
    const auto text = fuzz::text(data, size);
    if (const auto shown = qr::decode_mpm(text)) {
        const auto written = qr::encode_mpm(*shown);
        fuzz::require(written && qr::decode_mpm(*written) == *shown);
    }
    if (const auto shown = qr::decode_cpm(text)) {
        const auto written = qr::encode_cpm(*shown);
        if (written) fuzz::require(qr::decode_cpm(*written) == *shown);
    }
    if (const auto shown = qr::decode_cpm(qr::to_base64(fuzz::bytes(data, size)))) static_cast<void>(qr::encode_cpm(*shown));
    return 0;
}
