#include "iso8583/pin.hpp"

#include "giro/result.hpp"
#include "iso8583/hex_field.hpp"

namespace giro::iso8583 {

namespace {
unsigned field_for(const Dialect& dialect, std::size_t bytes) noexcept {
    return bytes == kPinBlockBytes ? kPinField : dialect.pin_field;
}
}  // namespace

PinBlock pin_block_of(const Dialect& dialect, const Message& message) noexcept {
    const bool aes = dialect.pin_field != 0 && message.has(dialect.pin_field);
    PinBlock out;
    out.present = aes || message.has(kPinField);
    if (!out.present || (aes && dialect.pin_field != kPinField && message.has(kPinField))) return out;
    const auto size = bytes_of_field(dialect, message, aes ? dialect.pin_field : kPinField, out.bytes);
    const bool whole = size == kPinBlockBytes || size == kAesPinBlockBytes;
    if (whole && field_for(dialect, *size) == (aes ? dialect.pin_field : kPinField))
        out.size = static_cast<std::uint8_t>(*size);
    return out;
}

bool carries_pin_block(const Dialect& dialect, std::size_t bytes) noexcept {
    if (bytes == kAesPinBlockBytes) return dialect.pin_field != 0;
    const FieldSpec& spec = dialect.fields[kPinField];
    const bool binary = spec.body == BodyEncoding::binary;
    const std::size_t need = binary ? kPinBlockBytes : 2 * kPinBlockBytes;
    return spec.defined() && (spec.length == LengthKind::fixed ? spec.max == need : spec.max >= need) &&
           (binary || (spec.allowed & content::kLetter) != 0);
}

void put_pin_block(const Dialect& dialect, Message& message, Bytes block) {
    ASSERT(carries_pin_block(dialect, block.size()));
    put_bytes(dialect, message, field_for(dialect, block.size()), block);
}

}  // namespace giro::iso8583
