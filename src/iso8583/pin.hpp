// Where a message carries an encrypted PIN: a block of 8 bytes (ISO 9564 formats 0, 1, 3) in DE52, as every edition has
// it; one of 16 bytes (format 4, AES) in the field that the dialect's pin_field names, binary or in hexadecimal.
//
// Never a PIN in the clear: what a field holds here is ciphertext, and is not looked into.
#pragma once

#include "iso8583/message.hpp"
#include "util/secret.hpp"

namespace giro::iso8583 {

inline constexpr unsigned kPinField = 52;
inline constexpr std::size_t kPinBlockBytes = 8, kAesPinBlockBytes = 16;

struct PinBlock {
    bool present = false;   // there is such a field;
    std::uint8_t size = 0;  // 8 or 16, or 0: it holds no block
    ByteArray<kAesPinBlockBytes> bytes{};
    ~PinBlock() { wipe(bytes); }
    [[nodiscard]] Bytes view() const noexcept { return Bytes(bytes).first(size); }
};

// Of a message with both fields there is no telling which counts: present, of size 0.
[[nodiscard]] PinBlock pin_block_of(const Dialect& dialect, const Message& message) noexcept;
// Whether the dialect has a field for a block of 8 or of 16 bytes.
[[nodiscard]] bool carries_pin_block(const Dialect& dialect, std::size_t bytes) noexcept;
// ASSERTs that it does.
void put_pin_block(const Dialect& dialect, Message& message, Bytes block);

}  // namespace giro::iso8583
