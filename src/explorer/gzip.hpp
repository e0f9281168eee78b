// One body under gzip (RFC 1952), whole, in memory.
#pragma once

#include <string>
#include <string_view>

namespace giro::explorer {

[[nodiscard]] std::string gzip(std::string_view body);
// Whether an Accept-Encoding header takes it (RFC 9110 12.5.3). Hostile: the header.
[[nodiscard]] bool takes_gzip(std::string_view accept_encoding);

}  // namespace giro::explorer
