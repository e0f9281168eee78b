#include "explorer/search.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "chain/address.hpp"
#include "explorer/route.hpp"
#include "explorer/script_text.hpp"
#include "util/bytes.hpp"

namespace giro::explorer {

namespace {
std::string trimmed_lower(std::string_view text) {
    const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

std::string window_path(const Index& index, std::string_view number) {
    const auto window = number_in(number, UINT64_MAX);
    return window && index.find_window(*window) != nullptr ? fmt::format("/window/{}", *window) : std::string();
}

std::string of_number(const Index& index, std::string_view text) {
    const auto height = number_in(text, UINT32_MAX);
    if (!height || *height > index.tip_height()) return {};
    return "/block/" + chain::hash_text(index.block(static_cast<std::uint32_t>(*height)).hash);
}

std::string of_window(const Index& index, std::string_view text) {
    for (const std::string_view word : {"window ", "window", "w"})
        if (text.starts_with(word)) return window_path(index, text.substr(word.size()));
    return {};
}

std::string of_hash(const Index& index, std::string_view text) {
    const auto hash = chain::hash_from_text(text);
    if (!hash) return {};
    if (index.height_of(*hash)) return "/block/" + chain::hash_text(*hash);
    if (index.find_tx(*hash)) return "/tx/" + chain::hash_text(*hash);
    const WindowRow* window = index.window_with_root(*array_from_hex<32>(text));  // a root is written as it is
    return window == nullptr ? std::string() : fmt::format("/window/{}", window->commitment.window);
}

std::string of_address(const Index&, std::string_view text) {
    const auto script = chain::decode_address(text);
    return script ? "/address/" + address_of(*script) : std::string();
}

std::string of_party(const Index& index, std::string_view text) {
    for (const Party& party : index.parties())
        if (trimmed_lower(party.name) == text) return "/address/" + address_of(party.script);
    return {};
}
}  // namespace

std::string path_of(const Index& index, std::string_view text) {
    if (text.size() > kSearchCharsMax) return {};
    const std::string wanted = trimmed_lower(text);
    for (const auto meaning : {of_number, of_window, of_hash, of_address, of_party})
        if (std::string path = meaning(index, wanted); !path.empty()) return path;
    return {};
}

}  // namespace giro::explorer
