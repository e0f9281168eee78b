// Numeric socket addresses, IPv4 and IPv6. Names are not resolved: a payment box doesn't depend on DNS.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>

#include "giro/types.hpp"

namespace giro::net {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

// Nothing when `host` is not a numeric IPv4 or IPv6 address.
[[nodiscard]] std::optional<Address> parse_address(const std::string& host, std::uint16_t port);
// "127.0.0.1:7801", "[::1]:7801"
[[nodiscard]] std::string to_text(const Address& address);

// Whom a connection is counted against: an IPv4 address, or an IPv6 /64, which is what one customer has.
// IPv4 as it appears on an IPv6 socket (::ffff:a.b.c.d) is the same source as the plain one.
using Source = ByteArray<9>;  // a family byte and up to 8 bytes of address
[[nodiscard]] Source source_of(const Address& address) noexcept;

}  // namespace giro::net
