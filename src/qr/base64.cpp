#include "qr/cpm.hpp"

namespace giro::qr {

namespace {
constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 64;

constexpr auto kValues = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(kNone);
    for (std::uint8_t i = 0; i < 64; ++i) table[static_cast<unsigned char>(kAlphabet[i])] = i;
    return table;
}();
}  // namespace

std::string to_base64(Bytes bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j) group = group << 8 | (j < have ? std::to_integer<std::uint32_t>(bytes[i + j]) : 0);
        for (std::size_t j = 0; j < 4; ++j) out += j <= have ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
    }
    return out;
}

std::optional<Buffer> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    Buffer out;
    out.reserve(text.size() / 4 * 3);
    while (!text.empty()) {
        std::size_t have = 4;
        if (text.size() == 4) have = text[3] != '=' ? 4 : text[2] != '=' ? 3 : 2;
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            const std::uint8_t value = j < have ? kValues[static_cast<unsigned char>(text[j])] : std::uint8_t{0};
            if (value == kNone) return std::nullopt;
            group = group << 6 | value;
        }
        const std::size_t bytes = have - 1;
        if ((group & (0xffffffU >> (8 * bytes))) != 0) return std::nullopt;  // unused bits: another spelling of the same
        for (std::size_t j = 0; j < bytes; ++j) out.push_back(static_cast<std::byte>(group >> (16 - 8 * j) & 255));
        text.remove_prefix(4);
    }
    return out;
}

}  // namespace giro::qr
