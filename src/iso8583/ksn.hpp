// The key serial number of a DUKPT terminal's message: in the field that the dialect's ksn_field names, as bytes where
// that field is binary (1993 and 2003: DE53), else as hexadecimal digits (1987, whose DE53 is too short: a private field).
#pragma once

#include "iso8583/message.hpp"
#include "payment/ksn.hpp"

namespace giro::iso8583 {

// Nothing where the dialect has no such field, the message does not carry it, or it holds something else.
[[nodiscard]] std::optional<payment::Ksn> ksn_of(const Dialect& dialect, const Message& message) noexcept;
// A dialect without ksn_field leaves the message as it is.
void put_ksn(const Dialect& dialect, Message& message, const payment::Ksn& ksn);

}  // namespace giro::iso8583
