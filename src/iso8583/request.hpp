// From an unpacked message to the PaymentRequest that the switch decides on. Run by giro-gate, and again by giro-switch
// on the very bytes the MAC covers, so that a gate that lies about a field is found out.
#pragma once

#include "giro/request.hpp"
#include "iso8583/codec.hpp"

namespace giro::iso8583 {

// Fills every field of `request` that lies in the message, `raw` and the MAC included; leaves connection, times, source,
// link and dialect as they are. `message` is `frame` unpacked by `dialect`; the request's views point into both.
// False when a field is there but is not what it must be: a PAN of 8 to 19 digits, a number in its range, a text that
// fits, replacement amounts that begin with twelve digits. What another edition says elsewhere or in other codes comes out in 1987's terms (canonical.hpp); a response code
// that the dialect does not list is 05, a network code that it does not list 0.
[[nodiscard]] bool to_request(const Dialect& dialect, Bytes frame, const Message& message, PaymentRequest& request);

// "0200" -> 0x0200. `digits`: four decimal digits.
[[nodiscard]] Mti to_mti(std::string_view digits) noexcept;

}  // namespace giro::iso8583
