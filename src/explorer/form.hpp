// What a browser sends with a form: a query, and a multipart body (RFC 7578). Pure. Hostile: everything.
#pragma once

#include <optional>
#include <string>

#include "giro/types.hpp"

namespace giro::explorer {

inline constexpr std::size_t kBoundaryCharsMax = 70;  // RFC 2046 5.1.1
inline constexpr std::size_t kPartsMax = 8;

// The value of the first field of that name in "a=b&q=c%20d": '+' is a space. Nothing without one, or when a percent
// sign is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

// The content of the first part of that name that is not empty, in a body of type multipart/form-data. Nothing when there
// is none or the body is malformed.
[[nodiscard]] std::optional<std::string_view> part_of(std::string_view content_type, std::string_view body, std::string_view name);

// A receipt as it was sent to /verify: a body of type application/json or text/plain, a form's file, or its pasted text
// with its line ends made a receipt's again. Empty when there is none.
[[nodiscard]] std::string sent_receipt(std::string_view content_type, std::string_view body);

}  // namespace giro::explorer
