// A frame that unpacks packs to itself (the dialect has one encoding for each message), and can be explained.
#include "iso8583/codec.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace giro;
    static const auto dialect = iso8583::load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml");
    fuzz::require(dialect.has_value());
    const Bytes frame = fuzz::bytes(data, size);
    iso8583::Message message;
    static_cast<void>(iso8583::explain(*dialect, frame));
    if (!iso8583::unpack(*dialect, frame, message)) return 0;
    Buffer out(iso8583::kFrameBytesMax);
    const auto packed = iso8583::pack(*dialect, message, out);
    fuzz::require(packed.has_value());
    out.resize(*packed);
    iso8583::Message again;
    fuzz::require(iso8583::unpack(*dialect, out, again).has_value());
    return 0;
}
