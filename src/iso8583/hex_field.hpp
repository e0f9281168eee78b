// Bytes in a field of either kind of body: as they are in a binary one, as hexadecimal digits in one of characters. For
// what terminals say in private fields (ksn.hpp, pin.hpp). Inside iso8583.
#pragma once

#include <optional>

#include "iso8583/message.hpp"

namespace giro::iso8583 {

// How many bytes of `out` the field fills; nothing when it is absent, fills none or more, or holds something else.
[[nodiscard]] std::optional<std::size_t> bytes_of_field(const Dialect& dialect, const Message& message, unsigned n,
                                                        MutableBytes out) noexcept;
void put_bytes(const Dialect& dialect, Message& message, unsigned n, Bytes value);

}  // namespace giro::iso8583
