#include "iso8583/ksn.hpp"

#include "iso8583/hex_field.hpp"

namespace giro::iso8583 {

std::optional<payment::Ksn> ksn_of(const Dialect& dialect, const Message& message) noexcept {
    if (dialect.ksn_field == 0) return std::nullopt;
    ByteArray<payment::kAesKsnBytes> bytes{};
    const auto size = bytes_of_field(dialect, message, dialect.ksn_field, bytes);
    return size ? payment::Ksn::parse(Bytes(bytes).first(*size)) : std::nullopt;
}

void put_ksn(const Dialect& dialect, Message& message, const payment::Ksn& ksn) {
    if (dialect.ksn_field != 0) put_bytes(dialect, message, dialect.ksn_field, ksn.view());
}

}  // namespace giro::iso8583
