#include <fmt/format.h>

#include "iso8583/codec.hpp"
#include "util/bytes.hpp"

namespace giro::iso8583 {

namespace {
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string hidden(std::size_t size) { return fmt::format("({} hidden)", size); }

std::string masked_pan(std::string_view value) {
    const auto pan = Pan::parse(value);
    return pan ? pan->masked() : hidden(value.size());
}

// Track 1 begins with a format letter, track 2 with the PAN; what follows the PAN is never shown.
std::string masked_track(std::string_view value) {
    const std::size_t begin = !value.empty() && value[0] == 'B' ? 1 : 0;
    std::size_t end = begin;
    while (end < value.size() && is_digit(value[end])) ++end;
    return fmt::format("{} ({} more hidden)", masked_pan(value.substr(begin, end - begin)), value.size() - end);
}

std::string shown(const FieldSpec& spec, const Message& message, unsigned n) {
    const std::string_view value = message.field(n);
    switch (spec.mask) {
        case Masking::pan: return masked_pan(value);
        case Masking::track: return masked_track(value);
        case Masking::hide: return hidden(value.size());
        case Masking::none: break;
    }
    return spec.body == BodyEncoding::binary ? to_hex(message.bytes(n)) : fmt::format("\"{}\"", value);
}
}  // namespace

std::string explain(const Dialect& dialect, Bytes frame) {
    Message message;
    const auto result = unpack(dialect, frame, message);
    std::string out = fmt::format("{} bytes, dialect {}\n", frame.size(), dialect.name);
    if (result || result.error().field != 0) out += fmt::format("{:>5}  MTI    {}\n", 0, message.mti());
    for (unsigned n = 2; n <= kFieldMax; ++n) {
        if (!message.has(n)) continue;
        out += fmt::format("{:>5}  DE{:<4} {}: {}\n", message.wire_offset(n), n, dialect.names[n],
                           shown(dialect.fields[n], message, n));
    }
    if (!result) out += fmt::format("refused: {}\n", result.error().text());
    return out;
}

}  // namespace giro::iso8583
