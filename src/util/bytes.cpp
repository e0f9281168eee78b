#include "util/bytes.hpp"

#include "giro/result.hpp"

namespace giro {

namespace {
constexpr char kDigits[] = "0123456789abcdef";

int nibble(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}
}  // namespace

std::string to_hex(Bytes bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (std::byte b : bytes) {
        out.push_back(kDigits[std::to_integer<unsigned>(b) >> 4]);
        out.push_back(kDigits[std::to_integer<unsigned>(b) & 15]);
    }
    return out;
}

std::string to_hex_reversed(Bytes bytes) {
    const Buffer reversed(bytes.rbegin(), bytes.rend());
    return to_hex(reversed);
}

std::optional<Buffer> from_hex(std::string_view hex) {
    if (hex.size() % 2 != 0) return std::nullopt;
    Buffer out;
    out.reserve(hex.size() / 2);
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        const int high = nibble(hex[i]);
        const int low = nibble(hex[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out.push_back(static_cast<std::byte>(high << 4 | low));
    }
    return out;
}

void Writer::var16(Bytes b) {
    ASSERT(b.size() <= 0xffff);
    u16(static_cast<std::uint16_t>(b.size()));
    bytes(b);
}

void Writer::var32(Bytes b) {
    ASSERT(b.size() <= 0xffffffff);
    u32(static_cast<std::uint32_t>(b.size()));
    bytes(b);
}

}  // namespace giro
