#include "payment/key_block_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

namespace giro::payment {

namespace {
using Kind = Failure::Kind;

struct Word {
    std::string_view code;
    std::string_view text;
};
constexpr Word kUsages[] = {
    {"B0", "base derivation key (DUKPT)"},
    {"B1", "initial DUKPT key"},
    {"C0", "card verification key"},
    {"D0", "data encryption key"},
    {"E0", "EMV issuer master key, application cryptograms"},
    {"E1", "EMV issuer master key, secure messaging for confidentiality"},
    {"E2", "EMV issuer master key, secure messaging for integrity"},
    {"K0", "key encryption or wrapping key"},
    {"K1", "key block protection key"},
    {"M1", "MAC key, ISO 9797-1 algorithm 1"},
    {"M3", "MAC key, ISO 9797-1 algorithm 3 (X9.19)"},
    {"M6", "MAC key, ISO 9797-1 algorithm 5 (CMAC)"},
    {"M7", "MAC key, HMAC"},
    {"P0", "PIN encryption key"},
    {"S0", "asymmetric key for digital signature"},
    {"V0", "PIN verification key, other"},
    {"V1", "PIN verification key, IBM 3624"},
    {"V2", "PIN verification key, Visa PVV"},
};
constexpr Word kAlgorithms[] = {{"A", "AES"}, {"D", "DES"}, {"E", "elliptic curve"}, {"H", "HMAC"}, {"R", "RSA"},
                                {"S", "DSA"}, {"T", "TDES"}};
constexpr Word kModes[] = {{"B", "both encrypt and decrypt"},
                           {"C", "compute and verify"},
                           {"D", "decrypt only"},
                           {"E", "encrypt only"},
                           {"G", "generate only"},
                           {"N", "no special restrictions"},
                           {"S", "signature only"},
                           {"T", "sign and decrypt"},
                           {"V", "verify only"},
                           {"X", "derive other keys"},
                           {"Y", "create key variants"}};
constexpr Word kExports[] = {{"E", "under a trusted key"}, {"N", "not exportable"}, {"S", "under any key"}};
constexpr Word kVersions[] = {{"A", "TDES, variant binding (deprecated)"},
                              {"B", "TDES, derivation binding"},
                              {"C", "TDES, variant binding"},
                              {"D", "AES, derivation binding"},
                              {"E", "AES, ISO 20038"}};

std::string_view look_up(std::span<const Word> words, std::string_view code) noexcept {
    const auto found = std::ranges::find(words, code, &Word::code);
    return found == words.end() ? "?" : found->text;
}

bool is_alphanumeric(std::string_view text) noexcept {
    return std::ranges::all_of(
        text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
}
bool is_printable(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

std::optional<std::size_t> number(std::string_view digits, unsigned base) noexcept {
    std::size_t value = 0;
    for (const char c : digits) {
        unsigned d = 99;
        if (c >= '0' && c <= '9') d = static_cast<unsigned>(c - '0');
        if (base == 16 && c >= 'A' && c <= 'F') d = static_cast<unsigned>(c - 'A' + 10);
        if (d >= base || value > kKeyBlockBytesMax * 16) return std::nullopt;
        value = value * base + d;
    }
    return digits.empty() ? std::nullopt : std::optional(value);
}

// The front of a text, taken piece by piece.
class Cursor {
  public:
    explicit Cursor(std::string_view text) noexcept : m_text(text) {}
    [[nodiscard]] std::size_t at() const noexcept { return m_at; }
    [[nodiscard]] std::optional<std::string_view> take(std::size_t n) noexcept {
        if (m_text.size() - m_at < n) return std::nullopt;
        const auto piece = m_text.substr(m_at, n);
        m_at += n;
        return piece;
    }

  private:
    std::string_view m_text;
    std::size_t m_at = 0;
};

tl::unexpected<Failure> wrong(std::size_t at, std::string_view what) {
    return fail(Kind::refused, fmt::format("key block, character {}: {}", at + 1, what));
}

Result<OptionalBlock> parse_optional(Cursor& in) {
    const std::size_t start = in.at();
    const auto id = in.take(2);
    if (!id || !is_alphanumeric(*id)) return wrong(start, "an optional block's id is two letters or digits");
    const auto short_length = in.take(2);
    auto length = short_length ? number(*short_length, 16) : std::nullopt;
    if (length == std::size_t{0}) {
        const auto digits = in.take(2);
        const auto count = digits ? number(*digits, 16) : std::nullopt;
        const auto text = count && *count >= 1 && *count <= 8 ? in.take(*count) : std::nullopt;
        length = text ? number(*text, 16) : std::nullopt;
    }
    const std::size_t before_value = in.at() - start;
    if (!length || *length < before_value)
        return wrong(start + 2, "an optional block's length is hex and includes its own head");
    const auto value = in.take(*length - before_value);
    if (!value) return wrong(start + 2, "an optional block ends behind the key block");
    if (!is_printable(*value)) return wrong(start + before_value, "an optional block holds printable characters");
    return OptionalBlock{std::string(*id), std::string(*value)};
}
}  // namespace

Result<KeyBlockHeader> parse_key_block_header(std::string_view block) {
    if (block.size() > kKeyBlockBytesMax)
        return fail(Kind::refused, fmt::format("key block: over {} characters", kKeyBlockBytesMax));
    Cursor in(block);
    const auto fixed = in.take(kHeaderBytes);
    if (!fixed)
        return fail(Kind::refused,
                    fmt::format("key block: the header has {} characters, here are {}", kHeaderBytes, block.size()));
    KeyBlockHeader out;
    out.version = (*fixed)[0];
    const auto length = number(fixed->substr(1, 4), 10);
    const auto count = number(fixed->substr(12, 2), 10);
    if (look_up(kVersions, fixed->substr(0, 1)) == "?") return wrong(0, "the version is one of A, B, C, D, E");
    if (!length) return wrong(1, "the length is four digits");
    if (!is_alphanumeric(fixed->substr(5, 7)))
        return wrong(5, "usage, algorithm, mode, version and exportability are letters or digits");
    if (!count || *count > kOptionalBlocksMax) return wrong(12, "the number of optional blocks is two digits");
    if (!is_alphanumeric(fixed->substr(14, 2))) return wrong(14, "the reserved field is two digits");
    out.length = *length;
    out.usage = fixed->substr(5, 2);
    out.algorithm = (*fixed)[7];
    out.mode = (*fixed)[8];
    out.key_version = fixed->substr(9, 2);
    out.exportability = (*fixed)[11];
    for (std::size_t i = 0; i < *count; ++i) {
        auto optional = parse_optional(in);
        if (!optional) return tl::unexpected(optional.error());
        out.optional.push_back(std::move(*optional));
    }
    out.header_bytes = in.at();
    return out;
}

std::string format_key_block_header(KeyBlockHeader header, std::size_t block_bytes) {
    ASSERT(header.usage.size() == 2 && header.key_version.size() == 2 && header.optional.size() <= kOptionalBlocksMax);
    const auto text_of = [](const OptionalBlock& block) {
        ASSERT(block.id.size() == 2);
        const std::size_t length = block.value.size() + 4;
        if (length <= 0xff) return fmt::format("{}{:02X}{}", block.id, length, block.value);
        return fmt::format("{}0004{:04X}{}", block.id, length + 6, block.value);
    };
    std::string blocks;
    for (const OptionalBlock& block : header.optional) blocks += text_of(block);
    std::size_t count = header.optional.size();
    if (blocks.size() % block_bytes != 0) {
        std::size_t fill = block_bytes - blocks.size() % block_bytes;
        if (fill < 4) fill += block_bytes;
        blocks += text_of({"PB", std::string(fill - 4, '0')});
        ++count;
    }
    return fmt::format("{}{:04}{}{}{}{}{}{:02}00{}", header.version, header.length, header.usage, header.algorithm,
                       header.mode, header.key_version, header.exportability, count, blocks);
}

std::string_view usage_text(std::string_view usage) noexcept {
    return look_up(kUsages, usage);
}
std::string_view algorithm_text(char algorithm) noexcept {
    return look_up(kAlgorithms, {&algorithm, 1});
}
std::string_view mode_text(char mode) noexcept {
    return look_up(kModes, {&mode, 1});
}
std::string_view exportability_text(char exportability) noexcept {
    return look_up(kExports, {&exportability, 1});
}
std::string_view version_text(char version) noexcept {
    return look_up(kVersions, {&version, 1});
}

}  // namespace giro::payment
