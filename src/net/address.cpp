#include "net/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

namespace giro::net {

namespace {
constexpr std::byte kFamily4{4};
constexpr std::byte kFamily6{6};
constexpr std::size_t kMappedOffset = 12;  // of the IPv4 address in ::ffff:a.b.c.d (RFC 4291 2.5.5.2)

template <typename T>
T as(const Address& address) noexcept {
    T out{};
    std::memcpy(&out, &address.storage, sizeof out);
    return out;
}
}  // namespace

std::optional<Address> parse_address(const std::string& host, std::uint16_t port) {
    Address out;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&out.storage, &v4, sizeof v4);
        out.size = sizeof v4;
        return out;
    }
    if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&out.storage, &v6, sizeof v6);
    out.size = sizeof v6;
    return out;
}

std::string to_text(const Address& address) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (address.storage.ss_family == AF_INET6) {
        const auto v6 = as<sockaddr_in6>(address);
        ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
        return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
    }
    const auto v4 = as<sockaddr_in>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(v4.sin_port));
}

Source source_of(const Address& address) noexcept {
    Source out{};
    if (address.storage.ss_family == AF_INET6) {
        const auto v6 = as<sockaddr_in6>(address);
        const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) != 0;
        out[0] = mapped ? kFamily4 : kFamily6;
        std::memcpy(out.data() + 1, v6.sin6_addr.s6_addr + (mapped ? kMappedOffset : 0), mapped ? 4 : 8);
    } else {
        const auto v4 = as<sockaddr_in>(address);
        out[0] = kFamily4;
        std::memcpy(out.data() + 1, &v4.sin_addr, 4);
    }
    return out;
}

}  // namespace giro::net
