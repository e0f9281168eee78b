#include "chain/address.hpp"

#include <algorithm>

#include "chain/script.hpp"

namespace giro::chain {

namespace {
constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t kChecksumChars = 6;
constexpr std::uint32_t kBech32Constant = 1, kBech32mConstant = 0x2bc830a3;
constexpr std::size_t kProgramBytesMin = 2, kProgramBytesMax = 40;

tl::unexpected<ChainError> bad() {
    return tl::unexpected<ChainError>(ChainError::bad_address);
}

// BIP173's BCH code over GF(32).
std::uint32_t polymod(std::span<const std::uint8_t> values) noexcept {
    constexpr std::array<std::uint32_t, 5> kGenerator{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    std::uint32_t state = 1;
    for (const std::uint8_t value : values) {
        const std::uint32_t top = state >> 25;
        state = ((state & 0x1ffffff) << 5) ^ value;
        for (std::size_t i = 0; i < kGenerator.size(); ++i) state ^= ((top >> i) & 1) != 0 ? kGenerator[i] : 0;
    }
    return state;
}

std::vector<std::uint8_t> expand_prefix(std::string_view prefix) {
    std::vector<std::uint8_t> values;
    for (const char c : prefix) values.push_back(static_cast<std::uint8_t>(static_cast<unsigned char>(c) >> 5));
    values.push_back(0);
    for (const char c : prefix) values.push_back(static_cast<std::uint8_t>(static_cast<unsigned char>(c) & 31));
    return values;
}

// Lower case; nothing for mixed case or a character outside 33..126.
std::optional<std::string> lower_case(std::string_view text) {
    std::string lower(text);
    bool has_lower = false, has_upper = false;
    for (char& c : lower) {
        if (c < 33 || c > 126) return std::nullopt;
        has_lower = has_lower || (c >= 'a' && c <= 'z');
        if (c >= 'A' && c <= 'Z') {
            has_upper = true;
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    if (has_lower && has_upper) return std::nullopt;
    return lower;
}

// Regroups 5-bit values into bytes; nothing when the padding is a whole value or not zero (BIP173).
std::optional<Buffer> bytes_from_values(std::span<const std::uint8_t> values) {
    Buffer bytes;
    std::uint32_t pool = 0;
    unsigned bits = 0;
    for (const std::uint8_t value : values) {
        pool = (pool << 5) | value;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            bytes.push_back(static_cast<std::byte>(pool >> bits));
            pool &= (1U << bits) - 1;
        }
    }
    if (bits >= 5 || pool != 0) return std::nullopt;
    return bytes;
}

std::vector<std::uint8_t> values_from_bytes(Bytes bytes) {
    std::vector<std::uint8_t> values;
    std::uint32_t pool = 0;
    unsigned bits = 0;
    for (const std::byte byte : bytes) {
        pool = ((pool << 8) | std::to_integer<std::uint32_t>(byte)) & 0xfff;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            values.push_back(static_cast<std::uint8_t>((pool >> bits) & 31));
        }
    }
    if (bits > 0) values.push_back(static_cast<std::uint8_t>((pool << (5 - bits)) & 31));
    return values;
}

bool valid_program(std::size_t version, std::size_t bytes) noexcept {
    if (version == 0) return bytes == 20 || bytes == 32;
    return version <= 16 && bytes >= kProgramBytesMin && bytes <= kProgramBytesMax;
}

Bech32Kind kind_of_version(std::size_t version) noexcept {
    return version == 0 ? Bech32Kind::bech32 : Bech32Kind::bech32m;
}
}  // namespace

Expected<Bech32, ChainError> decode_bech32(std::string_view text) {
    const auto lower = lower_case(text);
    if (!lower || text.size() > kBech32CharsMax) return bad();
    const std::size_t separator = lower->rfind('1');
    if (separator == std::string::npos || separator == 0 || lower->size() - separator - 1 < kChecksumChars)
        return bad();
    Bech32 parts;
    parts.prefix = lower->substr(0, separator);
    auto values = expand_prefix(parts.prefix);
    const std::size_t data_at = values.size();
    for (const char c : std::string_view(*lower).substr(separator + 1)) {
        const std::size_t value = kAlphabet.find(c);
        if (value == std::string_view::npos) return bad();
        values.push_back(static_cast<std::uint8_t>(value));
    }
    const std::uint32_t check = polymod(values);
    if (check != kBech32Constant && check != kBech32mConstant) return bad();
    parts.kind = check == kBech32Constant ? Bech32Kind::bech32 : Bech32Kind::bech32m;
    const std::span data = std::span(values).subspan(data_at);
    parts.values.assign(data.begin(), data.end() - kChecksumChars);
    return parts;
}

std::string encode_bech32(const Bech32& parts) {
    ASSERT(!parts.prefix.empty() && lower_case(parts.prefix) == parts.prefix);
    auto values = expand_prefix(parts.prefix);
    std::string text = parts.prefix + '1';
    for (const std::uint8_t value : parts.values) {
        ASSERT(value < 32);
        values.push_back(value);
        text += kAlphabet[value];
    }
    values.resize(values.size() + kChecksumChars);
    const std::uint32_t check =
        polymod(values) ^ (parts.kind == Bech32Kind::bech32 ? kBech32Constant : kBech32mConstant);
    for (std::size_t i = 0; i < kChecksumChars; ++i) text += kAlphabet[(check >> (5 * (kChecksumChars - 1 - i))) & 31];
    return text;
}

Expected<Buffer, ChainError> decode_address(std::string_view address, std::string_view prefix) {
    const auto parts = decode_bech32(address);
    if (!parts || parts->prefix != prefix || parts->values.empty()) return bad();
    const std::size_t version = parts->values.front();
    const auto program = bytes_from_values(std::span(parts->values).subspan(1));
    if (!program || !valid_program(version, program->size()) || parts->kind != kind_of_version(version)) return bad();
    Buffer script;
    append_number(script, static_cast<std::uint32_t>(version));
    append_push(script, *program);
    return script;
}

Expected<std::string, ChainError> encode_address(Bytes script, std::string_view prefix) {
    if (script.size() < 2 || script.size() != 2 + std::to_integer<std::size_t>(script[1])) return bad();
    if (script[0] != kOp0 && (script[0] < kOp1 || script[0] > kOp16)) return bad();
    const std::size_t version = script[0] == kOp0 ? 0 : std::to_integer<std::size_t>(script[0]) - 0x50;
    const Bytes program = script.subspan(2);
    if (!valid_program(version, program.size())) return bad();
    Bech32 parts{std::string(prefix), {static_cast<std::uint8_t>(version)}, kind_of_version(version)};
    const auto values = values_from_bytes(program);
    parts.values.insert(parts.values.end(), values.begin(), values.end());
    return encode_bech32(parts);
}

}  // namespace giro::chain
