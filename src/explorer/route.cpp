#include "explorer/route.hpp"

#include <algorithm>
#include <charconv>

#include "giro/result.hpp"

namespace giro::explorer {

namespace {
// The segment at the front, which is taken off; both begin with '/'.
std::string_view take_segment(std::string_view& path) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(1, end - 1);
    path.remove_prefix(end);
    return segment;
}
}  // namespace

std::optional<Stars> match(std::string_view pattern, std::string_view path) {
    Stars stars;
    std::size_t count = 0;
    while (!pattern.empty() && path.starts_with('/')) {
        const std::string_view wanted = take_segment(pattern);
        const std::string_view given = take_segment(path);
        if (wanted != "*") {
            if (wanted != given) return std::nullopt;
            continue;
        }
        if (given.empty()) return std::nullopt;
        ASSERT(count < kStarsMax);
        stars[count++] = given;
    }
    if (!pattern.empty() || !path.empty()) return std::nullopt;
    return stars;
}

std::optional<std::uint64_t> number_in(std::string_view text, std::uint64_t max) {
    if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    std::uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number > max) return std::nullopt;
    return number;
}

}  // namespace giro::explorer
