#include "iso8583/hex_field.hpp"

#include <algorithm>

#include "util/bytes.hpp"

namespace giro::iso8583 {

namespace {
bool is_binary(const Dialect& dialect, unsigned n) noexcept {
    return dialect.fields[n].body == BodyEncoding::binary;
}

int nibble_of(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
}  // namespace

std::optional<std::size_t> bytes_of_field(const Dialect& dialect, const Message& message, unsigned n,
                                          MutableBytes out) noexcept {
    if (!message.has(n)) return std::nullopt;
    if (is_binary(dialect, n)) {
        const Bytes value = message.bytes(n);
        if (value.empty() || value.size() > out.size()) return std::nullopt;
        std::ranges::copy(value, out.begin());
        return value.size();
    }
    const std::string_view digits = message.trimmed(n);
    if (digits.empty() || digits.size() % 2 != 0 || digits.size() > 2 * out.size()) return std::nullopt;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const int nibble = nibble_of(digits[i]);
        if (nibble < 0) return std::nullopt;
        out[i / 2] = i % 2 == 0 ? static_cast<std::byte>(nibble << 4) : out[i / 2] | static_cast<std::byte>(nibble);
    }
    return digits.size() / 2;
}

void put_bytes(const Dialect& dialect, Message& message, unsigned n, Bytes value) {
    if (is_binary(dialect, n)) return message.set(n, value);
    message.set(n, to_hex(value));
}

}  // namespace giro::iso8583
