#include "iso8583/ksn.hpp"

#include "util/bytes.hpp"

namespace giro::iso8583 {

namespace {
bool is_binary(const Dialect& dialect) noexcept {
    return dialect.fields[dialect.ksn_field].body == BodyEncoding::binary;
}

int nibble_of(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
}  // namespace

std::optional<payment::Ksn> ksn_of(const Dialect& dialect, const Message& message) noexcept {
    if (dialect.ksn_field == 0 || !message.has(dialect.ksn_field)) return std::nullopt;
    if (is_binary(dialect)) return payment::Ksn::parse(message.bytes(dialect.ksn_field));
    const std::string_view digits = message.trimmed(dialect.ksn_field);
    ByteArray<payment::kAesKsnBytes> bytes{};
    if (digits.size() % 2 != 0 || digits.size() > 2 * bytes.size()) return std::nullopt;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const int nibble = nibble_of(digits[i]);
        if (nibble < 0) return std::nullopt;
        bytes[i / 2] |= static_cast<std::byte>(i % 2 == 0 ? nibble << 4 : nibble);
    }
    return payment::Ksn::parse(Bytes(bytes).first(digits.size() / 2));
}

void put_ksn(const Dialect& dialect, Message& message, const payment::Ksn& ksn) {
    if (dialect.ksn_field == 0) return;
    if (is_binary(dialect)) return message.set(dialect.ksn_field, ksn.view());
    message.set(dialect.ksn_field, to_hex(ksn.view()));
}

}  // namespace giro::iso8583
