#include "giro/types.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "giro/result.hpp"
#include "util/secret.hpp"

namespace giro {

std::optional<Pan> Pan::parse(std::string_view digits) noexcept {
    if (digits.size() < 8 || digits.size() > kDigitsMax) return std::nullopt;
    if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    Pan pan;
    std::memcpy(pan.m_digits.data(), digits.data(), digits.size());
    pan.m_size = static_cast<std::uint8_t>(digits.size());
    return pan;
}

Pan::~Pan() { wipe(std::as_writable_bytes(std::span(m_digits))); }

std::string Pan::masked() const {
    const std::string_view digits = reveal();
    if (digits.empty()) return {};
    const std::size_t head = digits.size() < 11 ? 0 : 6;
    return std::string(digits.substr(0, head)) + std::string(digits.size() - head - 4, '*') +
           std::string(digits.substr(digits.size() - 4));
}

void assertion_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "BUG %s:%d: %s\n", file, line, condition);
    std::abort();
}

}  // namespace giro
